from dataclasses import replace
from datetime import date, datetime

import pytest

from newsletter.ranking import rank as rank_module
from newsletter.ranking.archive import fit_archive
from newsletter.ranking.rank import explain, rank
from newsletter.ranking.values import Parts
from tests.newsletter.ranking.plain import NOW, frozen, paper, reader, topic

DIFFUSION = topic(1, "Diffusion models", ("score-based generation",))
ROBOTS = topic(2, "Robotics", ("robot",), ("cs.RO",))


def only(statistics, profile, mailed=frozenset()):
    (selection,) = rank(statistics, [profile], [mailed])
    return selection


def chosen(selection):
    return [pick.paper_id for pick in selection.picks]


def test_a_paper_on_the_topic_is_picked_and_another_is_not():
    papers = [paper(1, "Diffusion Models for Sound"), paper(2, "Sorting with comparators")]
    assert chosen(only(frozen(papers, [DIFFUSION]), reader(topics=(1,)))) == [1]


def test_the_reason_quotes_the_title():
    selection = only(frozen([paper(1, "Fast Diffusion Models")], [DIFFUSION]), reader(topics=(1,)))
    assert selection.picks[0].reasons[0] == ("topic", "“Diffusion Models” in the title")
    assert selection.picks[0].topic_id == 1


def test_another_wording_of_the_topic_is_named_with_it():
    papers = [paper(1, "Sound", "We do score-based generation. Score-based generation is slow.")]
    selection = only(frozen(papers, [DIFFUSION]), reader(topics=(1,)))
    assert (
        selection.picks[0].reasons[0].text
        == "Diffusion models: “score-based generation” twice in the abstract"
    )


def test_a_typed_phrase_has_its_own_reason_and_no_topic():
    selection = only(frozen([paper(1, "World models at home")]), reader(phrases=("world model",)))
    assert selection.picks[0].reasons[0] == ("phrase", "“World models” in the title")
    assert selection.picks[0].topic_id is None


def test_a_near_paper_is_on_the_topic_when_it_is_filed_there():
    hands = topic(2, "Dexterous robot hands", categories=("cs.RO",))
    papers = [
        paper(1, "Hands of a robot", categories=("cs.RO",)),
        paper(2, "Hands of a robot, seen", categories=("cs.CV",)),
    ]
    archive = fit_archive(
        [
            ("Hands of a robot", ""),
            ("Dexterous robot hands", ""),
            *((f"Sorting {n}", "") for n in range(30)),
        ]
    )
    selection = only(frozen(papers, [hands], archive=archive), reader(topics=(2,)))
    assert [pick.reasons[0].text for pick in selection.picks] == [
        "Dexterous robot hands: filed under cs.RO"
    ]


def test_following_a_topic_follows_the_topics_below_it():
    below = topic(3, "Score-based generation", parent_id=1)
    papers = [paper(1, "Score-Based Generation in one step")]
    selection = only(frozen(papers, [topic(1, "Generative media"), below]), reader(topics=(1,)))
    assert selection.picks[0].topic_id == 1
    assert selection.picks[0].reasons[0].text == "“Score-Based Generation” in the title"


def test_topics_in_a_circle_do_no_harm():
    ring = [topic(1, "Diffusion models", parent_id=2), topic(2, "Robotics", parent_id=1)]
    assert chosen(only(frozen([paper(1, "Robotics")], ring), reader(topics=(1,)))) == [1]


@pytest.mark.parametrize(
    "word", ["robots", "Robot", "ROBOTS", "household-robot", "household robots"]
)
def test_muted_words_are_out_in_any_case_number_and_hyphenation(word):
    papers = [
        paper(1, "Diffusion models for a household robot"),
        paper(2, "Diffusion models for sound"),
    ]
    statistics = frozen(papers, [DIFFUSION])
    assert chosen(only(statistics, reader(topics=(1,), muted=(word,)))) == [2]


def test_muted_words_are_out_even_when_pinned():
    statistics = frozen([paper(1, "Diffusion models", pin_place=1)], [DIFFUSION])
    assert not only(statistics, reader(topics=(1,), muted=("diffusion",))).picks


def test_too_few_votes_are_out_and_unknown_votes_are_not_few():
    papers = [
        paper(1, "Diffusion models one", votes=3),
        paper(2, "Diffusion models two", votes=None),
        paper(3, "Diffusion models three", votes=5),
        paper(4, "Diffusion models four", votes=0),
    ]
    selection = only(frozen(papers, [DIFFUSION]), reader(topics=(1,), minimum_votes=5))
    assert sorted(chosen(selection)) == [2, 3]


def test_a_paper_mailed_before_is_out_also_under_the_id_it_was_merged_from():
    papers = [
        paper(1, "Diffusion models one"),
        paper(2, "Diffusion models two", duplicates_of=(7,)),
        paper(3, "Diffusion models three"),
    ]
    statistics = frozen(papers, [DIFFUSION])
    assert chosen(only(statistics, reader(topics=(1,)), frozenset({1, 7, 99}))) == [3]


def test_near_duplicates_are_shown_once():
    papers = [
        paper(1, "Diffusion Models for Fast Sound Synthesis", votes=4),
        paper(2, "Diffusion models for fast sound synthesis (v2)", votes=9),
    ]
    assert chosen(only(frozen(papers, [DIFFUSION]), reader(topics=(1,)))) == [2]


def test_pinned_papers_that_match_no_topic_come_first_in_the_order_of_the_pins():
    papers = [
        paper(1, "Diffusion models", votes=500, votes_before=0),
        paper(2, "Soil of the moon", pin_place=3),
        paper(3, "Grain prices", pin_place=1),
        paper(4, "Bird song", pin_place=2, boost=100),
        paper(5, "Diffusion models of heat", votes=3),
    ]
    picks = only(frozen(papers, [DIFFUSION]), reader(topics=(1,))).picks
    assert [(pick.paper_id, pick.section) for pick in picks] == [
        (3, "lead"),
        (4, "pinned"),
        (2, "pinned"),
        (1, "topics"),
        (5, "topics"),
    ]
    for pick in picks[:3]:
        assert pick.reasons[0] == ("editor", "picked by the editors")
        assert sum(pick.parts) == pick.parts.total >= pick.parts.editor >= 10_000
        assert pick.topic_id is None


def test_pinned_papers_on_a_topic_do_not_overtake_earlier_pins():
    papers = [
        paper(1, "Diffusion models", votes=500, votes_before=0, pin_place=2),
        paper(2, "Soil of the moon", pin_place=1),
    ]
    assert chosen(only(frozen(papers, [DIFFUSION]), reader(topics=(1,)))) == [2, 1]
    assert chosen(only(frozen(papers, [DIFFUSION]), reader(topics=(1,), balance=0))) == [2, 1]
    assert chosen(only(frozen(papers, [DIFFUSION]), reader(balance=100))) == [2, 1]


def test_any_number_of_pins_comes_first_and_the_limit_holds():
    pins = [paper(number, f"Subject {number}", pin_place=100 - number) for number in range(1, 30)]
    papers = [*pins, paper(50, "Diffusion models", votes=90)]
    statistics = frozen(papers, [DIFFUSION])
    assert chosen(only(statistics, reader(topics=(1,), papers_per_digest=4))) == [29, 28, 27, 26]
    assert chosen(only(statistics, reader(topics=(1,), papers_per_digest=40)))[-2:] == [1, 50]


@pytest.mark.parametrize(
    ("wish", "mailed"),
    [({"muted": ("moon",)}, ()), ({"minimum_votes": 5}, ()), ({}, (2,)), ({}, (7,))],
    ids=["muted", "votes", "mailed", "mailed under a merged id"],
)
def test_a_pinned_paper_that_a_readers_own_rules_exclude_gives_its_place_to_the_next(wish, mailed):
    papers = [
        paper(1, "Diffusion models", votes=50),
        paper(2, "Soil of the moon", votes=1, pin_place=1, duplicates_of=(7,)),
        paper(3, "Grain prices", votes=9, pin_place=2),
    ]
    statistics = frozen(papers, [DIFFUSION])
    picks = only(statistics, reader(topics=(1,), **wish), frozenset(mailed)).picks
    assert [(pick.paper_id, pick.section) for pick in picks] == [(3, "lead"), (1, "topics")]


def test_near_duplicates_of_a_pinned_paper_are_out_and_pinned_ones_are_not():
    title = "Diffusion Models for Fast Sound Synthesis"
    papers = [
        paper(1, title, votes=900),
        paper(2, f"{title} (v2)", pin_place=1),
        paper(3, f"{title} (v3)", pin_place=2),
        paper(4, "Diffusion models of heat"),
    ]
    statistics = frozen(papers, [DIFFUSION])
    assert chosen(only(statistics, reader(topics=(1,)))) == [2, 3, 4]
    muted = only(statistics, reader(topics=(1,), muted=("v2", "v3")))
    assert chosen(muted) == [1, 4]  # only a pin that the reader gets keeps its like away


def test_pins_leave_the_rest_of_the_list_as_it_would_be_without_them():
    """They count neither as papers of an interest nor as papers from outside."""
    papers = [
        paper(number, f"Diffusion models {number} of {number}s", votes=9) for number in range(1, 6)
    ]
    papers += [paper(number, f"Subject {number}", votes=400) for number in (6, 7, 8)]
    plain = chosen(only(frozen(papers, [DIFFUSION]), reader(topics=(1,))))
    pins = [paper(20, "Soil of the moon", pin_place=1), paper(21, "Grain prices", pin_place=2)]
    pinned = chosen(
        only(frozen([*papers, *pins], [DIFFUSION]), reader(topics=(1,), papers_per_digest=12))
    )
    assert pinned == [20, 21, *plain]


def test_the_pinned_paper_leads_with_the_editor_as_its_reason():
    papers = [
        paper(1, "Diffusion models", votes=500, votes_before=0),
        paper(2, "Diffusion of heat", pin_place=1),
    ]
    lead = only(frozen(papers, [DIFFUSION]), reader(topics=(1,))).picks[0]
    assert (lead.paper_id, lead.section) == (2, "lead")
    assert lead.reasons[0] == ("editor", "picked by the editors")


def test_a_boosted_paper_is_recommended_and_not_picked():
    papers = [paper(1, "Diffusion models", boost=90)]
    reasons = only(frozen(papers, [DIFFUSION]), reader(topics=(1,))).picks[0].reasons
    assert ("editor", "recommended by the editors") in reasons


def test_a_boost_moves_a_paper_up_and_down():
    papers = [
        paper(1, "Diffusion models one"),
        paper(2, "Diffusion models two", boost=50),
        paper(3, "Diffusion models three", boost=-20),
    ]
    assert chosen(only(frozen(papers, [DIFFUSION]), reader(topics=(1,)))) == [2, 1, 3]


def test_a_rise_is_told_with_its_figures():
    selection = only(frozen([paper(1, "Sound", votes=87, votes_before=12)]), reader())
    assert selection.picks[0].reasons[0] == ("trend", "rising: 12 → 87 votes in a day")


def test_a_count_without_an_earlier_one_is_told_as_it_is():
    selection = only(frozen([paper(1, "Sound", votes=1)]), reader())
    assert ("trend", "1 vote so far") in selection.picks[0].reasons


def test_new_is_said_only_of_new_papers_for_which_nothing_else_speaks():
    published = [date(2026, 2, 27), date(2026, 2, 20)]
    papers = [
        paper(number, f"Sound {number}", published=day) for number, day in enumerate(published, 1)
    ]
    selection = only(frozen([*papers, paper(3, "Noise", votes=9)]), reader())
    assert {
        pick.paper_id: [reason.text for reason in pick.reasons] for pick in selection.picks
    } == {
        1: ["new: published on February\u00a027"],
        2: ["published on February\u00a020"],
        3: ["9 votes so far"],
    }


def test_at_most_two_papers_come_from_outside_the_topics():
    trending = [
        paper(number, f"Sound number {number}", votes=20 * number) for number in range(2, 9)
    ]
    selection = only(
        frozen([paper(1, "Diffusion models", votes=900), *trending], [DIFFUSION]),
        reader(topics=(1,)),
    )
    assert [(pick.paper_id, pick.section) for pick in selection.picks] == [
        (1, "lead"),
        (8, "also"),
        (7, "also"),
    ]


def test_only_my_topics_means_nothing_from_outside():
    papers = [paper(1, "Diffusion models"), paper(2, "Sound", votes=900)]
    assert chosen(only(frozen(papers, [DIFFUSION]), reader(topics=(1,), balance=0))) == [1]


def test_only_what_trends_means_votes_decide():
    papers = [
        paper(1, "Diffusion models", votes=3),
        *(paper(n, f"Sound {n}", votes=20 * n) for n in range(2, 7)),
    ]
    selection = only(
        frozen(papers, [DIFFUSION]), reader(topics=(1,), balance=100, papers_per_digest=4)
    )
    assert chosen(selection) == [6, 5, 4, 3]
    assert {pick.section for pick in selection.picks[1:]} == {"topics"}


def test_every_interest_with_papers_is_served():
    many = [paper(n, f"Diffusion models number {n}", votes=1000) for n in range(1, 10)]
    statistics = frozen([*many, paper(20, "Gripping", "One robot.")], [DIFFUSION, ROBOTS])
    selection = only(statistics, reader(topics=(1, 2), papers_per_digest=3))
    assert 20 in chosen(selection)
    assert len(selection.picks) == 3


def test_one_interest_does_not_take_the_whole_digest_from_another():
    many = [paper(n, f"Diffusion models {'x' * n}") for n in range(1, 12)]
    statistics = frozen([*many, paper(20, "One robot")], [DIFFUSION, ROBOTS])
    shown = [pick.topic_id for pick in only(statistics, reader(topics=(1, 2))).picks]
    assert shown.count(1) == 6
    assert shown.count(2) == 1


def test_a_single_interest_may_fill_the_digest():
    many = [paper(n, f"Diffusion models {'x' * n}") for n in range(1, 12)]
    assert len(only(frozen(many, [DIFFUSION]), reader(topics=(1,))).picks) == 10


def test_empty_and_thin_days_are_said():
    one = frozen([paper(1, "Diffusion models")], [DIFFUSION])
    follower = reader(topics=(1,))
    assert only(one, follower).note == "A quiet time for your topics: only one paper to show."
    assert only(one, follower, frozenset({1})).note == rank_module.ALL_MAILED
    assert only(one, reader(phrases=("robot",))).note == rank_module.NOTHING_MATCHES
    assert only(one, reader(topics=(1,), muted=("models",))).note == rank_module.NOTHING_LEFT
    assert only(frozen([]), follower).note == rank_module.NO_PAPERS


def test_a_full_digest_has_no_note():
    many = [paper(n, f"Diffusion models {'x' * n}") for n in range(1, 5)]
    assert only(frozen(many, [DIFFUSION]), reader(topics=(1,))).note == ""


def test_topics_unknown_to_the_edition_are_passed_over():
    statistics = frozen([paper(1, "Diffusion models")], [DIFFUSION])
    assert chosen(only(statistics, reader(topics=(77, 1)))) == [1]


def test_explain_knows_papers_that_were_not_picked():
    statistics = frozen([paper(1, "Diffusion models"), paper(2, "Sound", votes=4)], [DIFFUSION])
    (found,) = explain(statistics, reader(topics=(1,), muted=("sound",)), [2])
    assert found.parts == Parts(0, 0, int(statistics.trend[1]), int(statistics.freshness[1]), 0)


def test_explaining_a_paper_of_another_edition_fails():
    with pytest.raises(KeyError):
        explain(frozen([paper(1)]), reader(), [2])


def test_readers_beyond_one_block_are_all_ranked(monkeypatch):
    statistics = frozen([paper(1, "Diffusion models"), paper(2, "Robot")], [DIFFUSION, ROBOTS])
    profiles = [reader(topics=(1 + n % 2,), balance=n) for n in range(7)]
    whole = rank(statistics, profiles, [frozenset()] * 7)
    monkeypatch.setattr(rank_module, "BLOCK", 2)
    assert rank(statistics, profiles, [frozenset()] * 7) == whole


def test_freezing_refuses_what_would_be_ambiguous():
    with pytest.raises(ValueError, match="time zone"):
        frozen([], now=datetime(2026, 1, 1))  # noqa: DTZ001 (a naive time is what is refused)
    with pytest.raises(ValueError, match="share the id 1"):
        frozen([paper(1), paper(1)])
    with pytest.raises(ValueError, match="share the id 2"):
        frozen([], [ROBOTS, replace(ROBOTS, name="Robots")])


def test_values_out_of_range_are_refused():
    with pytest.raises(ValueError, match="boost"):
        paper(1, boost=101)
    with pytest.raises(ValueError, match="balance"):
        reader(balance=-1)
    with pytest.raises(ValueError, match="papers_per_digest"):
        reader(papers_per_digest=0)


def test_new_papers_win_over_old_ones_and_dates_ahead_count_as_today():
    papers = [
        paper(1, published=date(2026, 3, 3)),
        paper(2, published=NOW.date()),
        paper(3, published=date(2026, 2, 27)),
        paper(4, published=date(2020, 1, 1)),
    ]
    assert frozen(papers).freshness.tolist() == [100, 100, 50, 0]


def test_readers_with_hundreds_of_interests_are_ranked_as_others_are():
    papers = [paper(1, "Diffusion models"), paper(2, "Robot hands")]
    statistics = frozen(papers, [topic(n, f"Nothing {n}") for n in range(10, 300)] + [DIFFUSION])
    many = only(statistics, reader(topics=(*range(10, 300), 1), phrases=("robot hands",)))
    assert {(pick.paper_id, pick.topic_id) for pick in many.picks} == {(1, 1), (2, None)}
    assert {
        explanation.topic_id
        for explanation in explain(statistics, reader(topics=(*range(10, 300), 1)), [1])
    } == {1}
