"""What is recorded depends on what the sources said, not on how often or in which order they
were read.
"""

import threading
from datetime import UTC, date, datetime, timedelta
from itertools import permutations

import pytest
from django.db import IntegrityError, connection
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from ingest import merging, recording
from ingest.known_sources import source_named
from ingest.models import (
    Count,
    Fetch,
    FetchBody,
    FetchStatus,
    FormerTitle,
    Listing,
    Paper,
    Rejection,
)
from ingest.sighting import Parsed, Reading, Rejected, Sighting
from ingest.sources import listing
from tests.ingest.pages import stored

NOW = datetime(2025, 1, 20, 12, tzinfo=UTC)
DAY = date(2025, 1, 9)
TITLE = "A Title That Is Long Enough"


def sighting(title=TITLE, hours=0, votes=None, **fields):
    seen_at = datetime(2025, 1, 9, 6, tzinfo=UTC) + timedelta(hours=hours)
    readings = () if votes is None else (Reading(seen_at, votes=votes),)
    return Sighting(
        **{"title": title, "seen_at": seen_at, "day": DAY, "readings": readings} | fields
    )


def record(slug, *sightings, **options):
    return recording.record(
        source_named(slug), Parsed(sightings, **options), now=NOW, origin="a test"
    )


def counts(fetch):
    return fetch.entries, fetch.new, fetch.updated, fetch.unchanged, fetch.rejected


@pytest.mark.django_db
def test_a_new_paper_is_stored_with_its_listing_and_count():
    fetch = record("huggingface", sighting(arxiv_id="2501.00001", votes=5))
    paper = Paper.objects.get()
    assert (paper.arxiv_id, paper.title_key) == ("2501.00001", "a title that is long enough")
    assert (paper.listings.get().day, Count.objects.get().votes) == (DAY, 5)
    assert counts(fetch) == (1, 1, 0, 0, 0)
    assert fetch.status == FetchStatus.DONE


@pytest.mark.django_db
def test_recording_twice_changes_nothing():
    entry = sighting(arxiv_id="2501.00001", votes=5, authors=("Ada Example",))
    record("huggingface", entry)
    before = stored()
    assert counts(record("huggingface", entry)) == (1, 0, 0, 1, 0)
    assert stored() == before


@pytest.mark.django_db
def test_the_shared_pages_leave_the_same_rows_in_any_order_and_twice(shared_folder):
    pages = [path.read_bytes() for path in sorted((shared_folder / "seeds").glob("*.txt"))]
    rows = []
    for order in [*permutations(pages), pages * 2]:
        Listing.objects.all().delete()
        Paper.objects.all().delete()
        for content in order:
            recording.record(
                source_named("listing"),
                listing.parse(content, today=NOW.date(), page_year=2024),
                now=NOW,
                origin="a page",
            )
        rows.append(stored())
    assert len(rows[0]["papers"]) == 79
    assert all(each == rows[0] for each in rows)


@pytest.mark.django_db
def test_a_later_page_fills_the_gaps_of_an_earlier_one():
    record("listing", sighting())
    fetch = record("listing", sighting(author_count=7, published=date(2022, 10, 5)))
    paper = Paper.objects.get()
    assert (paper.author_count, paper.published) == (7, date(2022, 10, 5))
    assert counts(fetch) == (1, 0, 1, 0, 0)


@pytest.mark.django_db
def test_what_a_source_does_not_say_erases_nothing():
    record("listing", sighting(abstract="Known.", author_count=7))
    record("huggingface", sighting(arxiv_id="2501.00001"))
    paper = Paper.objects.get()
    assert (paper.abstract, paper.author_count, paper.arxiv_id) == ("Known.", 7, "2501.00001")


@pytest.mark.django_db
@pytest.mark.parametrize("first", ["listing", "huggingface"])
def test_the_better_source_is_believed_whichever_came_first(first):
    entries = {
        "listing": sighting(abstract="Listed.", hours=5),
        "huggingface": sighting(abstract="Better.", arxiv_id="2501.00001"),
    }
    for slug in [first, *(entries.keys() - {first})]:
        record(slug, entries[slug])
    paper = Paper.objects.get()
    assert paper.abstract == "Better."
    assert paper.field_sources["abstract"] == ["huggingface", "2025-01-09T06:00:00Z"]


@pytest.mark.django_db
@pytest.mark.parametrize("hours", [(0, 5), (5, 0)])
def test_of_one_source_the_later_seen_is_believed_whichever_came_first(hours):
    for hour in hours:
        record("listing", sighting(abstract=f"Seen at {hour}.", hours=hour))
    assert Paper.objects.get().abstract == "Seen at 5."


@pytest.mark.django_db
@pytest.mark.parametrize("inferred_first", [True, False])
def test_an_exact_date_goes_before_an_inferred_year(inferred_first):
    inferred = ("huggingface", sighting(published=date(2025, 1, 2), year_inferred=True, hours=5))
    exact = ("listing", sighting(published=date(2024, 1, 2)))
    for slug, entry in [inferred, exact] if inferred_first else [exact, inferred]:
        record(slug, entry)
    paper = Paper.objects.get()
    assert (paper.published, paper.year_inferred) == (date(2024, 1, 2), False)


@pytest.mark.django_db
def test_an_entry_without_id_is_the_paper_of_its_title():
    record("huggingface", sighting(arxiv_id="2501.00001"))
    record("listing", sighting("A title: that is LONG enough!"))
    assert Paper.objects.get().listings.count() == 2


@pytest.mark.django_db
def test_two_arxiv_ids_are_two_papers_even_under_one_title():
    record("huggingface", sighting(arxiv_id="2501.00001"), sighting(arxiv_id="2501.00002"))
    assert Paper.objects.count() == 2


@pytest.mark.django_db
def test_an_entry_without_id_is_the_earliest_of_two_papers_of_its_title():
    record("huggingface", sighting(arxiv_id="2501.00002"), sighting(arxiv_id="2501.00001"))
    record("listing", sighting())
    assert Listing.objects.get(source__slug="listing").paper.arxiv_id == "2501.00001"


@pytest.mark.django_db
def test_a_title_too_short_to_tell_does_not_lend_an_id():
    record("listing", sighting("Editorial"))
    record("huggingface", sighting("Editorial", arxiv_id="2501.00001"))
    assert Paper.objects.count() == 2


@pytest.mark.django_db
def test_other_authors_under_one_title_are_another_paper():
    record("listing", sighting(authors=("Ada Example",)))
    record("huggingface", sighting(authors=("Bo Sample",), arxiv_id="2501.00001"))
    assert Paper.objects.count() == 2


@pytest.mark.django_db
def test_where_nothing_can_tell_two_papers_apart_the_second_is_rejected_with_the_reason():
    record("listing", sighting(authors=("Ada Example",)))
    fetch = record("listing", sighting(authors=("Bo Sample",), line=7))
    assert counts(fetch) == (1, 0, 0, 0, 1)
    assert "other authors" in fetch.rejections.get(line=7).reason


@pytest.mark.django_db
def test_a_retitled_paper_is_still_known_by_its_former_title():
    record("huggingface", sighting(arxiv_id="2501.00001"))
    record("huggingface", sighting("A Wholly Different Title", arxiv_id="2501.00001", hours=1))
    assert FormerTitle.objects.get().title_key == "a title that is long enough"
    record("listing", sighting())
    assert Paper.objects.get().title == "A Wholly Different Title"


@pytest.mark.django_db
def test_a_paper_that_takes_the_title_of_one_without_id_takes_that_one_in():
    record("listing", sighting("A Wholly Different Title", votes=4))
    record("huggingface", sighting(arxiv_id="2501.00001"))
    record("huggingface", sighting("A Wholly Different Title", arxiv_id="2501.00001", hours=1))
    gone = Paper.objects.exclude(merged_into=None).get()
    survivor = gone.merged_into
    assert survivor.arxiv_id == "2501.00001"
    assert {(row.source.slug, row.paper_id) for row in Listing.objects.all()} == {
        ("listing", survivor.pk),
        ("huggingface", survivor.pk),
    }
    record("listing", sighting("A Wholly Different Title", hours=2))
    assert Paper.objects.filter(merged_into=None).count() == 1


@pytest.mark.django_db
def test_a_doi_of_another_paper_joins_nothing():
    record(
        "huggingface", sighting("The First Paper of Two", arxiv_id="2501.00001", doi="10.1000/a")
    )
    record(
        "huggingface", sighting("The Second Paper of Two", arxiv_id="2501.00002", doi="10.1000/a")
    )
    assert list(Paper.objects.order_by("arxiv_id").values_list("arxiv_id", "doi")) == [
        ("2501.00001", "10.1000/a"),
        ("2501.00002", None),
    ]


@pytest.mark.django_db
@pytest.mark.parametrize("doi_first", [True, False])
def test_the_printed_and_the_arxiv_version_of_one_title_are_one_paper(doi_first):
    entries = [sighting(doi="10.1000/a"), sighting(arxiv_id="2501.00001")]
    for entry in entries if doi_first else entries[::-1]:
        record("huggingface", entry)
    paper = Paper.objects.get()
    assert (paper.arxiv_id, paper.doi) == ("2501.00001", "10.1000/a")


@pytest.mark.django_db
def test_counts_are_kept_one_per_change():
    for hours, votes in [(0, 5), (1, 5), (2, 9), (3, 9), (4, 7)]:
        record("huggingface", sighting(arxiv_id="2501.00001", hours=hours, votes=votes))
    assert list(Count.objects.order_by("seen_at").values_list("votes", flat=True)) == [5, 9, 7]
    assert Listing.objects.get().last_seen_at == datetime(2025, 1, 9, 10, tzinfo=UTC)


@pytest.mark.django_db
def test_rejects_and_warnings_are_kept_with_the_fetch():
    fetch = record("listing", rejected=(Rejected("Unclear.", 3, "Some text"),), warnings=("Odd.",))
    assert counts(fetch) == (1, 0, 0, 0, 1)
    assert fetch.rejections.get().excerpt == "Some text"
    assert (fetch.warning_count, fetch.warnings) == (1, ["Odd."])


@pytest.mark.django_db
def test_the_same_bytes_are_kept_once():
    for _ in range(2):
        recording.record(
            source_named("listing"), Parsed(), now=NOW, origin="a page", body=b"raw bytes"
        )
    assert bytes(FetchBody.objects.get().content) == b"raw bytes"
    assert FetchBody.objects.get().fetches.count() == 2


@pytest.mark.django_db
def test_a_chunk_is_written_with_a_fixed_number_of_queries(django_assert_max_num_queries):
    def entries(start):
        return [
            sighting(f"{TITLE} {number}", arxiv_id=f"2501.{number:05}", votes=1)
            for number in range(start, start + 100)
        ]

    with django_assert_max_num_queries(28):
        record("huggingface", *entries(0))
    with django_assert_max_num_queries(28):
        record("huggingface", *entries(100), *entries(0))


@pytest.mark.django_db
def test_what_the_database_refuses_is_rejected_alone(monkeypatch):
    write = recording._write

    def refusing(source, sightings):
        if any(entry.title == "Poison" for entry in sightings):
            raise IntegrityError("poison")
        return write(source, sightings)

    monkeypatch.setattr(recording, "_write", refusing)
    titles = [f"{TITLE} {number}" for number in range(6)]
    fetch = record("listing", *(sighting(title) for title in [*titles[:3], "Poison", *titles[3:]]))
    assert counts(fetch) == (7, 6, 0, 0, 1)
    assert "poison" in fetch.rejections.get().reason


@pytest.mark.django_db
@pytest.mark.parametrize(
    "error", [TypeError("poison"), KeyError("poison"), RecursionError("poison")]
)
def test_a_sighting_that_our_own_code_cannot_record_is_rejected_alone(monkeypatch, error):
    absorb = merging.absorb

    def failing(paper, sighting, *others):
        if sighting.title == "Poison":
            raise error
        return absorb(paper, sighting, *others)

    monkeypatch.setattr(merging, "absorb", failing)
    titles = [f"{TITLE} {number}" for number in range(6)]
    fetch = record("listing", *(sighting(title) for title in [*titles[:3], "Poison", *titles[3:]]))
    assert counts(fetch) == (7, 6, 0, 0, 1)
    assert fetch.status == FetchStatus.DONE
    assert fetch.rejections.get().excerpt == "Poison"
    assert f"{type(error).__name__}: " in fetch.rejections.get().reason


@pytest.mark.django_db
@pytest.mark.parametrize(
    "fields",
    [
        {"title": f"{TITLE} \ud800"},
        {"abstract": "\udfff"},
        {"author_count": 2**70},
        {"title": TITLE, "authors": ({"no": "name"},)},
        {"published": "yesterday"},
    ],
    ids=["title", "abstract", "count", "authors", "date"],
)
def test_a_sighting_that_no_database_can_hold_is_rejected_alone(fields):
    good = sighting("Another Title That Is Long Enough")
    fetch = record("huggingface", good, sighting(**{"arxiv_id": "2501.00002"} | fields))
    assert counts(fetch)[0] == 2
    assert Paper.objects.filter(title=good.title).exists()
    assert fetch.status == FetchStatus.DONE


@pytest.mark.django_db
def test_an_error_of_the_machine_while_recording_rejects_no_sighting(monkeypatch):
    def out_of_memory(*_arguments):
        raise MemoryError

    monkeypatch.setattr(recording, "_write", out_of_memory)
    with pytest.raises(MemoryError):
        record("listing", sighting())
    assert not Rejection.objects.exists()


@pytest.mark.django_db
def test_reasons_and_warnings_that_no_database_can_hold_are_cleaned():
    rejected = Rejected("\0 no title \ud800", 3, "be\0gin\ud800ning")
    fetch = record("listing", sighting(), rejected=(rejected,), warnings=("\0odd \ud800",))
    assert (fetch.entries, fetch.rejected, fetch.warnings) == (2, 1, ["odd"])
    stored = fetch.rejections.get()
    assert (stored.reason, stored.excerpt) == ("no title", "beginning")


@pytest.mark.django_db
def test_the_reason_of_a_failed_fetch_can_be_stored_whatever_it_says():
    fetch = recording.begin(source_named("listing"), origin="a test", now=NOW)
    recording.fail(fetch, "it begins with \0 and \ud800.", now=NOW)
    fetch.refresh_from_db()
    assert fetch.error == "it begins with and ."


@pytest.mark.skipif(
    connection.vendor == "sqlite",
    reason="SQLite in memory, as tests use it, does not wait for a lock; a file does",
)
@pytest.mark.django_db(transaction=True)
def test_two_recordings_of_the_same_papers_at_once_store_each_once():
    entries = [
        sighting(
            f"{TITLE} {number}", arxiv_id=f"2501.{number:05}" if number % 2 else None, votes=number
        )
        for number in range(40)
    ]
    source_named("listing")
    start = threading.Barrier(4)
    errors = []

    def run(order):
        try:
            start.wait()
            for entry in order:
                record("listing", entry)
        except Exception as error:  # noqa: BLE001  # handed to the main thread, which fails on it
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(entries[::step],)) for step in (1, -1, 1, -1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert Paper.objects.filter(merged_into=None).count() == 40
    assert Listing.objects.count() == 40
    assert Count.objects.count() == 40
    assert sum(Fetch.objects.values_list("new", flat=True)) == 40


SIGHTINGS = st.builds(
    sighting,
    title=st.sampled_from([TITLE, TITLE.upper() + "!", "Another Title of Some Length"]),
    hours=st.integers(0, 3),
    abstract=st.sampled_from(["", "Short.", "Somewhat longer."]),
    author_count=st.none() | st.integers(1, 3),
    published=st.none() | st.sampled_from([date(2024, 1, 1), date(2024, 5, 5)]),
    year_inferred=st.booleans(),
    code_link=st.sampled_from(["", "https://example.org/code"]),
)


class OrderTests(TestCase):
    @settings(deadline=None, max_examples=30)
    @given(
        st.lists(st.tuples(st.sampled_from(["listing", "huggingface"]), SIGHTINGS), max_size=6),
        st.randoms(use_true_random=False),
    )
    def test_no_order_of_sightings_matters(self, entries, random):
        shuffled = random.sample(entries, len(entries))
        rows = []
        for order in (entries, shuffled, entries * 2):
            Listing.objects.all().delete()
            Paper.objects.all().delete()
            for slug, entry in order:
                record(slug, entry)
            rows.append(stored())
        assert rows[0] == rows[1] == rows[2]
