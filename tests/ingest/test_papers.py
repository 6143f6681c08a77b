"""What editions ask about papers is answered as of an instant."""

from datetime import UTC, date, datetime, timedelta

import pytest

from ingest import recording
from ingest.joining import merge
from ingest.known_sources import source_named
from ingest.models import Fetch, Paper
from ingest.papers import (
    AlreadyStored,
    BadPaper,
    Votes,
    add_by_hand,
    list_by_hand,
    listed_between,
    vote_history,
)
from ingest.redirects import canonical, merged_into
from ingest.sighting import Parsed, Reading, Sighting

pytestmark = pytest.mark.django_db
NOW = datetime(2025, 1, 20, 12, tzinfo=UTC)
READ_AT = datetime(2025, 1, 9, 6, tzinfo=UTC)
TITLE = "A Title That Is Long Enough"


def seen(hours, votes, comments=None, slug="huggingface", day=date(2025, 1, 9), **fields):
    seen_at = READ_AT + timedelta(hours=hours)
    sighting = Sighting(
        **{"title": TITLE, "arxiv_id": "2501.00001"} | fields,
        seen_at=seen_at,
        day=day,
        readings=(Reading(seen_at, votes=votes, comments=comments),),
    )
    recording.record(source_named(slug), Parsed((sighting,)), now=NOW, origin="a test")
    return Paper.objects.get(arxiv_id=sighting.arxiv_id)


def votes(paper, now=NOW):
    history = vote_history([paper.pk], now)[paper.pk]
    return history.votes, history.votes_before


def test_votes_are_the_newest_known_and_those_of_a_day_before():
    for hours, count in [(0, 5), (2, 8), (24, 20), (25, 21)]:
        paper = seen(hours, count, comments=hours)
    assert vote_history([paper.pk], NOW)[paper.pk] == Votes(21, 8, 25, date(2025, 1, 9))


def test_a_count_that_did_not_grow_shows_no_growth():
    for hours in (0, 24):
        paper = seen(hours, 5)
    assert votes(paper) == (5, 5)


def test_growth_is_unknown_before_a_second_day():
    paper = seen(0, 5)
    assert votes(seen(19, 9)) == (9, None)
    assert votes(paper, READ_AT) == (5, None)


def test_nothing_read_after_the_instant_is_known_at_it():
    for hours, count in [(0, 5), (24, 20), (48, 40)]:
        paper = seen(hours, count)
    assert votes(paper, READ_AT + timedelta(hours=30)) == (20, 5)


def test_votes_of_two_sources_are_not_mixed():
    seen(0, 100, slug="listing")
    seen(0, 5)
    assert votes(seen(24, 150)) == (150, 5)


def test_a_paper_listed_on_two_days_has_one_series_of_votes():
    seen(0, 50)
    assert votes(seen(30, 52, day=date(2025, 1, 10))) == (52, 50)


def test_a_paper_that_was_not_listed_by_then_is_left_out():
    paper = seen(0, 5)
    assert vote_history([paper.pk], READ_AT - timedelta(days=1)) == {}


def test_the_history_of_many_papers_takes_two_queries(django_assert_num_queries):
    papers = [
        seen(
            0, number, title=f"A Long Title With Number {number}", arxiv_id=f"2501.0000{number}"
        ).pk
        for number in range(5)
    ]
    with django_assert_num_queries(2):
        assert len(vote_history(papers, NOW)) == 5


def test_papers_are_listed_between_days_once_and_both_days_count():
    paper = seen(0, 5)
    seen(24, 5, day=date(2025, 1, 10))
    assert list(listed_between(date(2025, 1, 9), date(2025, 1, 10))) == [paper]
    assert list(listed_between(date(2025, 1, 10), date(2025, 1, 10))) == [paper]
    assert not listed_between(date(2025, 1, 11), date(2025, 1, 12)).exists()


def test_withdrawn_and_merged_papers_are_not_listed():
    paper = seen(0, 5)
    other = seen(0, 5, title="Another Title of Some Length", arxiv_id="2501.00002")
    Paper.objects.filter(pk=other.pk).update(merged_into=paper)
    assert list(listed_between(date(2025, 1, 9), date(2025, 1, 9))) == [paper]
    assert merged_into([paper.pk]) == {other.pk: paper.pk}
    assert canonical([other.pk, paper.pk]) == {other.pk: paper.pk, paper.pk: paper.pk}
    Paper.objects.filter(pk=paper.pk).update(withdrawn_at=NOW)
    assert not listed_between(date(2025, 1, 9), date(2025, 1, 9)).exists()


def test_a_paper_added_by_hand_is_listed_today_under_staff():
    paper = add_by_hand(
        title="By  Hand",
        now=NOW,
        arxiv_id="https://arxiv.org/abs/2501.00009v2",
        authors=["Ada Example", " "],
    )
    assert (paper.title, paper.arxiv_id, paper.arxiv_version, paper.authors) == (
        "By Hand",
        "2501.00009",
        2,
        ["Ada Example"],
    )
    assert vote_history([paper.pk], NOW)[paper.pk] == Votes(None, None, None, NOW.date())
    assert paper.listings.get().source.slug == "staff"


def test_what_staff_say_goes_before_what_sources_say_later():
    paper = add_by_hand(title="A Better Title", now=NOW, arxiv_id="2501.00001")
    assert paper == seen(48, 6)
    assert Paper.objects.get().title == "A Better Title"


@pytest.mark.parametrize(
    "fields",
    [
        {"title": "Another Title Altogether", "arxiv_id": "2501.00001v3"},
        {"title": "Another Title Altogether", "doi": "10.1000/182"},
        {"title": TITLE.upper()},
        {"title": TITLE, "arxiv_id": "2501.00001", "abstract": "Typed.", "authors": ["Ada"]},
    ],
    ids=["arXiv id", "DOI", "title", "all"],
)
def test_adding_a_stored_paper_by_hand_changes_nothing(fields):
    paper = seen(0, 5, doi="10.1000/182", abstract="As arXiv has it.")
    before = Paper.objects.values().get()
    with pytest.raises(AlreadyStored) as caught:
        add_by_hand(**fields, now=NOW, link="https://example.org/typed")
    assert caught.value.paper_id == paper.pk
    assert Paper.objects.values().get() == before
    assert [listing.source.slug for listing in paper.listings.all()] == ["huggingface"]
    assert not Fetch.objects.filter(source__slug="staff").exists()


def test_adding_a_merged_paper_by_hand_leads_to_the_paper_it_was_merged_into():
    paper = seen(0, 5)
    other = seen(0, 5, title="Another Title of Some Length", arxiv_id="2501.00002")
    merge(other, paper, now=NOW, by=None)
    with pytest.raises(AlreadyStored) as caught:
        add_by_hand(title="By Hand", arxiv_id="2501.00002", now=NOW)
    assert caught.value.paper_id == paper.pk


def test_a_new_paper_with_the_doi_of_another_one_is_refused():
    seen(0, 5, doi="10.1000/182")
    with pytest.raises(BadPaper, match=r"10\.1000/182 belongs to another paper"):
        add_by_hand(title="By Hand", arxiv_id="2501.00009", doi="10.1000/182", now=NOW)
    assert Paper.objects.count() == 1


def test_listing_a_stored_paper_by_hand_changes_nothing_else_and_may_be_repeated():
    paper = seen(0, 5)
    before = Paper.objects.values().get()
    for _ in range(2):
        list_by_hand(paper, now=NOW)
    assert Paper.objects.values().get() == before
    assert list(listed_between(NOW.date(), NOW.date())) == [paper]
    books = Fetch.objects.filter(source__slug="staff").order_by("pk")
    assert list(books.values_list("status", "entries", "updated", "unchanged", "listed")) == [
        ("done", 1, 1, 0, 1),
        ("done", 1, 0, 1, 0),
    ]


def test_the_arxiv_doi_is_an_arxiv_id():
    paper = add_by_hand(title="By Hand", now=NOW, doi="https://doi.org/10.48550/arXiv.2501.00009")
    assert (paper.arxiv_id, paper.doi) == ("2501.00009", None)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"title": "\u202e "}, "title"),
        ({"arxiv_id": "banana"}, "no arXiv id"),
        ({"arxiv_id": "2501.00009", "doi": "banana"}, "no DOI"),
        ({"link": "javascript:alert(1)"}, "no web address"),
        ({"code_link": "ftp://example.org"}, "no web address"),
    ],
)
def test_a_field_that_cannot_be_read_is_told_and_nothing_stored(fields, words):
    with pytest.raises(BadPaper, match=words):
        add_by_hand(**{"title": "By Hand", "now": NOW} | fields)
    assert not Paper.objects.exists()


def test_velocity_and_acceleration_are_votes_of_days():
    for hours, count in [(0, 5), (24, 8), (48, 20)]:
        paper = seen(hours, count)
    found = vote_history([paper.pk], NOW)[paper.pk]
    assert (found.velocity, found.acceleration) == (12, 9)
    early = vote_history([paper.pk], READ_AT + timedelta(hours=30))[paper.pk]
    assert (early.velocity, early.acceleration) == (3, None)
