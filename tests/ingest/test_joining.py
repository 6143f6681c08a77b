"""Staff join papers and take them apart again: ids, listings, histories and values go and come
back, and names find what stands.
"""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.contrib.auth.models import User

from ingest import recording
from ingest.joining import CannotJoin, merge, split
from ingest.known_sources import source_named
from ingest.models import Count, Listing, Merge, Paper, Suggestion
from ingest.sighting import Parsed, Reading, Sighting
from ingest.suggesting import suggest
from tests.ingest.pages import stored

pytestmark = pytest.mark.django_db
NOW = datetime(2025, 1, 20, 12, tzinfo=UTC)
READ_AT = datetime(2025, 1, 9, 6, tzinfo=UTC)
DAY = date(2025, 1, 9)


def record(title, *, slug="huggingface", hours=0, votes=None, day=DAY, **fields):
    seen_at = READ_AT + timedelta(hours=hours)
    readings = () if votes is None else (Reading(seen_at, votes=votes),)
    sighting = Sighting(title=title, seen_at=seen_at, day=day, readings=readings, **fields)
    recording.record(source_named(slug), Parsed((sighting,)), now=NOW, origin="a test")


def paper(**fields):
    return Paper.objects.get(**fields)


@pytest.fixture
def staff():
    return User.objects.create(username="ada", is_staff=True)


@pytest.fixture
def two():
    """A preprint and its printed version: other titles, other ids, listed by one source on a day
    they share and on one they do not.
    """
    record(
        "A Preprint of Some Length",
        arxiv_id="2501.00001",
        authors=("Ada Example", "Bo Sample"),
        votes=3,
        abstract="Short.",
    )
    record("A Preprint of Some Length", arxiv_id="2501.00001", hours=5, votes=9)
    record(
        "The Printed Version of It",
        doi="10.1000/1",
        authors=("A. Example", "B. Sample"),
        votes=5,
        hours=2,
        abstract="A longer one.",
    )
    record(
        "The Printed Version of It", doi="10.1000/1", votes=1, hours=24, day=DAY + timedelta(days=1)
    )
    return paper(arxiv_id="2501.00001"), paper(doi="10.1000/1")


def test_a_merge_gives_everything_to_the_one_that_stays(two, staff):
    preprint, printed = two
    merge(printed, preprint, now=NOW, by=staff)
    stays, gone = paper(pk=preprint.pk), paper(pk=printed.pk)
    assert (stays.arxiv_id, stays.doi, gone.doi, gone.merged_into) == (
        "2501.00001",
        "10.1000/1",
        None,
        stays,
    )
    assert Listing.objects.filter(paper=stays).count() == 2
    assert list(
        Count.objects.filter(listing__paper=stays, listing__day=DAY).values_list("votes", flat=True)
    ) == [3, 5, 9]


def test_what_is_seen_later_under_either_name_is_the_one_that_stays(two, staff):
    preprint, printed = two
    merge(printed, preprint, now=NOW, by=staff)
    record("The Printed Version of It", slug="listing", day=DAY + timedelta(days=3))
    record("Some Other Title of It", doi="10.1000/1", day=DAY + timedelta(days=4))
    assert Paper.objects.count() == 2
    assert set(Listing.objects.values_list("paper", flat=True)) == {preprint.pk}


def test_splitting_gives_back_what_was_there_before(two, staff):
    before = stored()
    split(merge(two[1], two[0], now=NOW, by=staff), now=NOW, by=staff)
    assert stored() == before
    assert Merge.objects.get().split_by == staff


def test_what_came_after_the_merge_stays_with_the_one_that_stayed(two, staff):
    preprint, printed = two
    made = merge(printed, preprint, now=READ_AT + timedelta(hours=30), by=staff)
    record("A Preprint of Some Length", arxiv_id="2501.00001", hours=40, votes=20)
    split(made, now=NOW, by=staff)
    assert list(Count.objects.filter(listing__paper=preprint).values_list("votes", flat=True)) == [
        3,
        9,
        20,
    ]
    assert list(
        Count.objects.filter(listing__paper=printed)
        .order_by("seen_at")
        .values_list("votes", flat=True)
    ) == [5, 1]


def test_machines_leave_apart_what_staff_took_apart(staff):
    record("A Preprint of Some Length", arxiv_id="2501.00001")
    record("A Name of Its Own at First", doi="10.1000/1", slug="listing")
    made = merge(paper(doi="10.1000/1"), paper(arxiv_id="2501.00001"), now=NOW, by=staff)
    split(made, now=NOW, by=staff)
    record("A Preprint of Some Length", doi="10.1000/1", slug="listing", hours=9)
    assert Paper.objects.filter(merged_into=None, title="A Preprint of Some Length").count() == 2


def test_merges_of_merges_lead_to_one_and_are_split_in_order(two, staff):
    preprint, printed = two
    record("A Third Name for the Same", slug="listing", day=DAY + timedelta(days=2))
    third = paper(title="A Third Name for the Same")
    first = merge(third, printed, now=NOW, by=staff)
    second = merge(printed, preprint, now=NOW, by=staff)
    assert {row.merged_into_id for row in Paper.objects.exclude(pk=preprint.pk)} == {preprint.pk}
    with pytest.raises(CannotJoin, match="later merge"):
        split(first, now=NOW, by=staff)
    split(second, now=NOW, by=staff)
    split(first, now=NOW, by=staff)
    assert not Paper.objects.exclude(merged_into=None).exists()


def test_a_paper_cannot_be_joined_with_itself_or_with_what_it_stands_for(two, staff):
    preprint, printed = two
    merge(printed, preprint, now=NOW, by=staff)
    for one, other in ((preprint, preprint), (printed, preprint), (preprint, printed)):
        with pytest.raises(CannotJoin, match="one paper already"):
            merge(one, other, now=NOW, by=staff)


def test_papers_of_like_titles_that_share_authors_are_suggested_once_and_never_joined():
    record(
        "Learning to Rank Papers for Readers",
        arxiv_id="2501.00001",
        authors=("Ada Example", "Bo Sample"),
    )
    record(
        "Learning to Rank Papers for a Reader",
        doi="10.1000/1",
        authors=("Example, Ada", "Sample, Bo"),
    )
    record("Learning to Rank Papers for Reader", doi="10.1000/2", authors=("Eve Stranger",))
    assert suggest(READ_AT + timedelta(days=1)) == 1
    assert suggest(READ_AT + timedelta(days=1)) == 0
    assert Suggestion.objects.get().likeness >= 850
    assert Paper.objects.filter(merged_into=None).count() == 3


def test_a_suggestion_that_staff_followed_is_settled(staff):
    record(
        "Learning to Rank Papers for Readers",
        arxiv_id="2501.00001",
        authors=("Ada Example", "Bo Sample"),
    )
    record(
        "Learning to Rank Papers for a Reader",
        doi="10.1000/1",
        authors=("Ada Example", "Bo Sample"),
    )
    suggest(READ_AT + timedelta(days=1))
    merge(paper(doi="10.1000/1"), paper(arxiv_id="2501.00001"), now=NOW, by=staff)
    assert Suggestion.objects.get().settled_at == NOW
    assert suggest(READ_AT + timedelta(days=1)) == 0


def test_a_withdrawal_goes_with_the_paper_that_is_taken_out_again(two, staff):
    preprint, printed = two
    record("The Printed Version of It", doi="10.1000/1", withdrawn_at=READ_AT, hours=3)
    made = merge(paper(pk=printed.pk), preprint, now=NOW, by=staff)
    assert paper(pk=preprint.pk).withdrawn_at == READ_AT
    split(made, now=NOW, by=staff)
    assert (paper(pk=preprint.pk).withdrawn_at, paper(pk=printed.pk).withdrawn_at) == (
        None,
        READ_AT,
    )
    assert paper(pk=preprint.pk).first_seen_at == preprint.first_seen_at
