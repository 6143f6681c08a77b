from datetime import timedelta

import numpy as np
import pytest

from newsletter.ranking.pickup import PastPaper, PickupModel, prior_votes, standings
from newsletter.ranking.rank import rank
from tests.newsletter.ranking.plain import NOW, frozen, paper, reader

TODAY = NOW.date()


def past(days_ago, votes, title="A study of sorting", authors=("N. Obody",)):
    return PastPaper(
        title, "", tuple(authors), len(authors), False, TODAY - timedelta(days=days_ago), votes
    )


def history():
    days = range(1, 61)
    loved = [past(n, 80, "Video diffusion at scale", ("Ada Known",)) for n in days]
    plain = [
        past(n, votes, "A study of sorting", (f"N. Obody {n} {votes}",))
        for n in days
        for votes in (1, 2, 3)
    ]
    return [*loved, *plain]


def test_known_authors_and_loved_subjects_are_expected_to_do_better():
    papers = [
        paper(1, "Video diffusion again", authors=("Ada Known",), votes=0),
        paper(2, "Video diffusion again", authors=("N. Ew",), votes=0),
        paper(3, "A study of sorting", authors=("N. Ew",), votes=0),
    ]
    known, subject, neither = PickupModel(history(), TODAY).expected_votes(papers)
    assert known > subject > neither


def test_announced_papers_are_judged_by_how_like_the_listed_ones_they_are():
    announced = [past(n, None, "Minutes of a meeting", (f"C. Lerk {n}",)) for n in range(1, 61)]
    papers = [
        paper(1, "Minutes of another meeting"),
        paper(2, "Video diffusion again", authors=("Ada Known",)),
    ]
    minutes, video = PickupModel(history() + announced, TODAY).expected_votes(papers)
    assert video > minutes


def test_nothing_of_the_day_itself_or_later_is_learned():
    model = PickupModel(history(), TODAY)
    later = [past(-n, 500, "A study of sorting", ("N. Ew",)) for n in range(5)]
    candidates = [paper(1, "A study of sorting", authors=("N. Ew",), votes=0)]
    assert PickupModel(history() + later, TODAY).expected_votes(candidates) == model.expected_votes(
        candidates
    )


def test_the_order_of_history_does_not_matter():
    candidates = [paper(1, "Video diffusion", votes=0), paper(2, "Sorting", votes=0)]
    forward = PickupModel(history(), TODAY).expected_votes(candidates)
    assert np.array_equal(PickupModel(history()[::-1], TODAY).expected_votes(candidates), forward)


def test_too_little_history_is_refused():
    assert not PickupModel.enough(history()[:19], TODAY)
    with pytest.raises(ValueError, match="20 are needed"):
        PickupModel(history()[:19], TODAY)


def test_few_listed_papers_teach_expectations_near_their_mean():
    video = paper(1, "Video diffusion again", authors=("Ada Known",), votes=0)
    sorting = paper(2, "A study of sorting", authors=("N. Ew",), votes=0)
    ratios = []
    for days in (10, 25, 60):
        past_papers = [one for one in history() if (TODAY - one.day).days <= days]
        high, low = PickupModel(past_papers, TODAY).expected_votes([video, sorting])
        ratios.append(high / low)
    assert 1 < ratios[0] < ratios[1] < ratios[2]


def test_without_a_past_listed_papers_are_expected_to_get_what_those_of_earlier_days_have():
    yesterday = TODAY - timedelta(days=1)
    earlier = [paper(n, votes=votes, listed=yesterday) for n, votes in enumerate((3, 3, 3, 3, 3))]
    new, announced = paper(8, votes=0, listed=TODAY), paper(9, votes=None, listed=TODAY)
    expected = prior_votes([*earlier, new, announced], TODAY)
    assert expected.round(6).tolist() == [3, 3, 3, 3, 3, 3, 0]
    assert not prior_votes([*earlier[1:], new], TODAY).any()


def test_an_edition_without_a_model_foresees_what_the_papers_of_earlier_days_have():
    yesterday = TODAY - timedelta(days=1)
    earlier = [paper(n, votes=30, listed=yesterday) for n in range(1, 6)]
    new = paper(8, "Sorting letters by their weight", votes=0, listed=TODAY)
    announced = paper(9, votes=None, listed=TODAY)
    statistics = frozen([*earlier, new, announced])
    assert statistics.expected.round(3).tolist() == [30] * 6 + [0]
    trend = dict(zip(statistics.places, statistics.trend.tolist(), strict=True))
    assert trend[8] == trend[1] > trend[9] == 0
    (selection,) = rank(statistics, [reader(balance=100)], [frozenset()])
    assert 8 in {pick.paper_id for pick in selection.picks}


def test_standings_compare_days_of_many_and_of_few_votes():
    quiet = [past(2, votes) for votes in (4, 3, 2, 1)]
    busy = [past(1, votes) for votes in (400, 300, 200, 100)]
    values = standings([*quiet, *busy])
    assert values[:4].tolist() == values[4:].tolist()
    assert values[0] > values[1] > values[2] > values[3]


def test_expected_votes_make_a_trend_until_they_should_have_come():
    model = PickupModel(history(), TODAY)
    known = {"authors": ("Ada Known",), "votes": 0}
    papers = [
        paper(1, "Video diffusion", listed=TODAY, **known),
        paper(2, "Video diffusion", listed=TODAY - timedelta(days=9), **known),
    ]
    statistics = type(frozen([])).freeze(papers, [], NOW, pickup=model)
    assert statistics.trend[0] > 10 * statistics.trend[1]
    (selection,) = rank(statistics, [reader()], [frozenset()])
    assert selection.picks[0].reasons[0] == (
        "trend",
        "by Ada Known, whose papers got 80 votes on average",
    )


def test_one_paper_makes_nobody_known():
    model = PickupModel([*history(), past(3, 500, "Sorting", ("O. Nce",))], TODAY)
    assert model.known_for(paper(1, authors=("O. Nce",))) is None
    assert model.known_for(paper(1, authors=("O. Nce", "Ada Known"))) == ("Ada Known", 80)
