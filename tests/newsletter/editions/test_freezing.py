"""The freeze happens once, stores everything that is needed later, and waits for a person when
too little is known.
"""

from datetime import timedelta

import pytest

from ingest.models import Paper, Run, Source
from ingest.papers import add_by_hand
from newsletter.composing import cards
from newsletter.composing import compiled as compiling
from newsletter.composing.compiled import BrokenLayout, CompiledParts
from newsletter.composing.prepared import PreparedCard
from newsletter.composing.typesetting import clean_line
from newsletter.editions import (
    WrongState,
    approve,
    cancel_before_freeze,
    candidates_of,
    curate,
    day,
    freeze,
    freezing,
    hold,
    open_edition,
    release,
)
from newsletter.editions import cards as editions_cards
from newsletter.editions.day import look_after_editions
from newsletter.models import CurationKind, Edition, EditionState, Strike
from newsletter.ranking.statistics import EditionStatistics
from newsletter.sending import press
from newsletter.sending.press import compiled_parts
from subscriptions.models import Subscriber
from tests.newsletter import world
from tests.newsletter.world import DAY, FREEZE, a_paper, a_reader, papers

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def forgotten_editions():
    """Each test's editions have the ids of another's, and the process remembers editions by id."""
    press.forget()


def an_edition() -> Edition:
    return open_edition("daily", DAY, FREEZE)


def state(edition: Edition) -> str:
    edition.refresh_from_db()
    return edition.state


def test_only_the_first_freeze_counts():
    papers(2)
    edition = an_edition()
    assert [freeze(edition.pk, FREEZE), freeze(edition.pk, FREEZE)] == [True, False]
    assert edition.compiled.count() == 1


def test_the_frozen_statistics_and_cards_hold_the_candidates():
    papers(3)
    edition = an_edition()
    freeze(edition.pk, FREEZE)
    edition.refresh_from_db()
    statistics = EditionStatistics.from_bytes(bytes(edition.statistics))
    assert list(statistics.papers) == candidates_of(edition)
    compiled = CompiledParts.from_bytes(bytes(edition.compiled.get().content))
    assert compiled.template_hash == edition.compiled.get().template_hash


def test_the_freeze_takes_in_what_came_in_the_last_minute():
    edition = an_edition()
    late = a_paper(1)
    freeze(edition.pk, FREEZE)
    assert [candidate.paper_id for candidate in edition.candidates.all()] == [late.pk]


def test_an_edition_that_no_source_fed_is_held_for_a_person():
    edition = an_edition()
    assert not freeze(edition.pk, FREEZE)
    assert state(edition) == EditionState.HELD
    assert "0 of the 1 sources" in edition.held_reason


def test_a_released_edition_is_frozen_as_it_is():
    edition = an_edition()
    freeze(edition.pk, FREEZE)
    edition.refresh_from_db()
    release(edition, FREEZE)
    assert freeze(edition.pk, FREEZE)


@pytest.mark.parametrize("step", ["hold", "cancel"])
def test_the_clock_freezes_nothing_that_a_person_stopped(step):
    papers(2)
    edition = an_edition()
    hold(edition, "wait", FREEZE) if step == "hold" else cancel_before_freeze(edition)
    assert not freeze(edition.pk, FREEZE)


def test_a_frozen_edition_takes_no_step_back():
    [paper] = papers(1)
    edition = an_edition()
    freeze(edition.pk, FREEZE)
    for step in (
        lambda: approve(edition, FREEZE),
        lambda: hold(edition, "wait", FREEZE),
        lambda: release(edition, FREEZE),
        lambda: cancel_before_freeze(edition),
        lambda: curate(edition, paper, CurationKind.PIN, None, FREEZE),
    ):
        with pytest.raises(WrongState):
            step()
    assert state(edition) == EditionState.FROZEN


def test_the_first_decision_takes_an_open_edition_into_review():
    [paper] = papers(1)
    edition = an_edition()
    curate(edition, paper, CurationKind.PIN, None, FREEZE)
    assert state(edition) == EditionState.REVIEW


def test_a_paper_without_a_card_is_struck_and_the_others_go_on(monkeypatch):
    good, bad = papers(2)
    prepare = editions_cards.prepare_cards

    def without_bad(papers, language):
        cards = zip(papers, prepare(papers, language), strict=True)
        return [
            PreparedCard(None, "no title") if wanted.paper.id == bad.pk else card
            for wanted, card in cards
        ]

    monkeypatch.setattr(editions_cards, "prepare_cards", without_bad)
    edition = an_edition()
    assert freeze(edition.pk, FREEZE)
    assert "no title" in Strike.objects.get(paper=bad).reason
    edition.refresh_from_db()
    assert [
        paper.id for paper in EditionStatistics.from_bytes(bytes(edition.statistics)).papers
    ] == [good.pk]


def test_a_layout_that_does_not_compile_is_held_with_the_reason(monkeypatch):
    def broken(_content, _now):
        raise BrokenLayout("the footer is gone")

    papers(1)
    monkeypatch.setattr(freezing, "joined_edition", broken)
    edition = an_edition()
    look_after_editions(FREEZE)
    assert state(edition) == EditionState.HELD
    assert "the footer is gone" in edition.held_reason


def spoiled(monkeypatch, piece: str, old: str = "</p>", new: str = "?</p>"):
    """Let every edition come out of the compiler with one wrong place."""
    original = compiling._pieces

    def wrong(parts, facts, content, values=None):
        subject, html, text = original(parts, facts, content, values)
        if values is None and piece in html:  # else it is the plain way that asks
            html[piece] = tuple(
                element.replace(old, new, 1) if isinstance(element, str) else element
                for element in html[piece]
            )
        return subject, html, text

    monkeypatch.setattr(compiling, "_pieces", wrong)


def test_a_paper_whose_card_comes_out_wrong_is_struck_and_the_others_go_on(monkeypatch):
    bad, *_good = papers(4)
    spoiled(monkeypatch, f"brief:{bad.pk}")
    edition = an_edition()
    assert freeze(edition.pk, FREEZE)
    strike = Strike.objects.get(edition=edition)
    assert (strike.paper_id, strike.by) == (bad.pk, None)
    assert "html" in strike.reason
    edition.refresh_from_db()
    assert bad.pk not in [
        paper.id for paper in EditionStatistics.from_bytes(bytes(edition.statistics)).papers
    ]


def test_a_layout_that_comes_out_wrong_is_held_with_the_reason(monkeypatch):
    papers(4)
    spoiled(monkeypatch, "footer")
    edition = an_edition()
    look_after_editions(FREEZE)
    assert state(edition) == EditionState.HELD
    assert "The layout is not what its templates say: html" in edition.held_reason
    assert not edition.compiled.exists()


def faulty(settings):
    """A mail whose links lead to this machine, in production."""
    settings.PRODUCTION = True


def test_the_clock_holds_an_edition_whose_mail_the_lint_finds_faulty(settings):
    papers(2)
    faulty(settings)
    edition = an_edition()
    look_after_editions(FREEZE)
    assert state(edition) == EditionState.HELD
    assert edition.held_reason.startswith("Its mail would be faulty: ")
    assert "http-link" in edition.held_reason


def test_what_staff_approved_or_released_is_not_held_for_its_faults(settings):
    papers(2)
    faulty(settings)
    edition = an_edition()
    freeze(edition.pk, FREEZE)
    edition.refresh_from_db()
    release(edition, FREEZE)
    assert freeze(edition.pk, FREEZE)


@pytest.fixture
def unclean(monkeypatch):
    """Let cards pass on U+FFFD, as if the cleaning had a hole: its paper is faulty then."""
    monkeypatch.setattr(
        cards,
        "clean_line",
        lambda text, limit=500: "\ufffd".join(
            clean_line(piece, limit) for piece in text.split("\ufffd")
        ),
    )


def ranked(edition: Edition) -> set[int]:
    edition.refresh_from_db()
    return {paper.id for paper in EditionStatistics.from_bytes(bytes(edition.statistics)).papers}


@pytest.mark.parametrize("count", [2, 30])
@pytest.mark.parametrize("approved", [False, True])
def test_a_faulty_paper_is_struck_with_its_reason_and_the_others_go_on(unclean, count, approved):
    bad, *good = papers(count)
    Paper.objects.filter(pk=bad.pk).update(title="A na\ufffdve title")
    edition = an_edition()
    if approved:
        approve(edition, FREEZE)
    look_after_editions(FREEZE)
    assert state(edition) == EditionState.FROZEN
    strike = Strike.objects.get(edition=edition)
    assert (strike.paper_id, strike.by) == (bad.pk, None)
    assert strike.reason.startswith("Its card would be faulty: bad-character (")
    assert ranked(edition) == {paper.pk for paper in good}
    parts = compiled_parts(edition.pk, "en")
    assert set(parts.facts.titles) == ranked(edition)
    assert dict(parts.dropped).keys() == {bad.pk}


def test_a_faulty_link_is_left_out_with_its_reason_and_no_paper_is_struck():
    bad, good = papers(2)
    Paper.objects.filter(pk=bad.pk).update(code_link="https://bit.ly/abc")
    edition = an_edition()
    assert freeze(edition.pk, FREEZE)
    assert not edition.strikes.exists()
    faults = dict(edition.candidates.values_list("paper_id", "link_fault"))
    assert faults.pop(bad.pk) == (
        "The code link is left out: https://bit.ly/abc breaks the rule shortened-link."
    )
    assert [*faults.values()] == [""]
    assert ranked(edition) == {bad.pk, good.pk}


def test_an_edition_of_which_no_paper_is_left_waits_for_a_person_once(unclean):
    [paper] = papers(1)
    Paper.objects.filter(pk=paper.pk).update(title="A na\ufffdve title")
    edition = an_edition()
    look_after_editions(FREEZE)
    assert state(edition) == EditionState.HELD
    assert edition.held_reason.startswith("No paper is left")
    assert "“A na" in edition.held_reason
    release(edition, FREEZE)
    look_after_editions(FREEZE)
    assert state(edition) == EditionState.FROZEN
    assert edition.strikes.count() == 1


def test_a_paper_that_is_faulty_in_one_language_is_struck_in_all(monkeypatch, settings):
    settings.LANGUAGES = [("en", "English"), ("de", "German")]
    bad, good = papers(2)
    reader = a_reader()
    Subscriber.objects.filter(pk=reader.pk).update(language="de")
    prepare = editions_cards.prepare_cards

    def stern(papers, language):
        cards = zip(papers, prepare(papers, language), strict=True)
        return [
            PreparedCard(None, "too long in German")
            if (language, wanted.paper.id) == ("de", bad.pk)
            else card
            for wanted, card in cards
        ]

    monkeypatch.setattr(editions_cards, "prepare_cards", stern)
    edition = an_edition()
    assert freeze(edition.pk, FREEZE)
    assert "too long in German" in Strike.objects.get(edition=edition, paper=bad).reason
    assert ranked(edition) == {good.pk}


@pytest.mark.parametrize(
    ("message", "held_because"),
    [("nul \x00 and \ud800 lone", "nul and lone"), ("\u200b", "It could not be frozen:")],
)
def test_an_error_whose_message_no_database_stores_holds_the_edition_all_the_same(
    monkeypatch, message, held_because
):
    def broken(_content, _now):
        raise BrokenLayout(message)

    papers(1)
    monkeypatch.setattr(freezing, "joined_edition", broken)
    edition = an_edition()
    look_after_editions(FREEZE)
    assert state(edition) == EditionState.HELD
    assert held_because in edition.held_reason


def test_a_hold_without_a_visible_reason_says_so():
    edition = an_edition()
    hold(edition, "\u200b\u2060", FREEZE)
    assert edition.held_reason == "no reason was given"


def test_an_edition_is_compiled_in_every_language_that_readers_want_and_there_is_copy_in(settings):
    settings.LANGUAGES = [("en", "English"), ("de", "German"), ("fr", "French")]
    papers(2)
    for number, language in enumerate(["en", "de", "xx"]):
        Subscriber.objects.filter(pk=a_reader(number).pk).update(language=language)
    Subscriber.objects.filter(pk=a_reader(9).pk).update(
        language="fr", state="unsubscribed", left_at=FREEZE
    )
    edition = an_edition()
    assert freeze(edition.pk, FREEZE)
    assert sorted(edition.compiled.values_list("language", flat=True)) == ["de", "en"]
    assert compiled_parts(edition.pk, "de").facts.date_long == "Mittwoch, 14. Januar 2026"
    assert compiled_parts(edition.pk, "xx").facts.date_long == "Wednesday, January 14, 2026"


def test_the_course_of_a_day():
    papers(2)
    look_after_editions(FREEZE - timedelta(hours=3, seconds=1))
    assert not Edition.objects.filter(day=DAY).exists()
    look_after_editions(FREEZE - timedelta(hours=3))
    edition = Edition.objects.get(day=DAY)
    assert edition.state == EditionState.OPEN
    a_paper(9)
    look_after_editions(FREEZE - timedelta(hours=1))
    assert edition.candidates.count() == 3
    look_after_editions(FREEZE)
    assert state(edition) == EditionState.FROZEN
    look_after_editions(FREEZE + timedelta(minutes=1))
    assert Edition.objects.filter(cadence="daily").order_by("day").last() == edition


def test_an_edition_after_a_long_silence_is_the_newest_alone():
    papers(2)
    look_after_editions(FREEZE + timedelta(days=9))
    assert [edition.day for edition in Edition.objects.filter(cadence="daily")] == [
        DAY + timedelta(days=9)
    ]


def test_one_broken_edition_does_not_stop_another(monkeypatch):
    papers(1)
    first, second = an_edition(), open_edition("daily", DAY + timedelta(days=1), FREEZE)
    joined = freezing.joined_edition

    def broken_that_day(content, now):
        if content.day == DAY:
            raise BrokenLayout("no")
        return joined(content, now)

    monkeypatch.setattr(freezing, "joined_edition", broken_that_day)
    look_after_editions(FREEZE + timedelta(days=1))
    assert (state(first), state(second)) == (EditionState.HELD, EditionState.FROZEN)
    assert day.freeze_or_hold(first, FREEZE) is False


def test_readers_are_told_in_one_line_which_source_is_missing():
    world.papers(3)
    source = Source.objects.create(slug="huggingface", kind="huggingface", title="Daily Papers")
    Run.objects.create(
        source=source,
        due_at=FREEZE - timedelta(hours=1),
        window_start=DAY,
        window_end=DAY,
        state="failed",
        error="500",
        started_at=FREEZE - timedelta(hours=1),
        finished_at=FREEZE - timedelta(minutes=50),
        next_try_at=FREEZE,
    )
    edition = world.a_frozen_edition()
    assert edition.health_line == "Today without Daily Papers, which could not be read."


def test_what_staff_added_is_no_answer_of_a_source(settings):
    settings.MINIMUM_SOURCES = 1
    add_by_hand(title="A Paper That Nobody Listed", now=FREEZE)
    edition = open_edition("daily", DAY, FREEZE)
    assert not freeze(edition.pk, FREEZE)
    edition.refresh_from_db()
    assert edition.state == "held"
