"""What the product asks about papers: which were listed, how their votes grew, and adding one by
hand.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import NoReturn, TypeVar

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from ingest import cleaning, history, identity
from ingest.known_sources import source_named
from ingest.matching import Shelf
from ingest.models import Count, Listing, Paper
from ingest.recording import record, record_listing
from ingest.sighting import Parsed, Reading, Sighting

CATEGORY_LIMIT = 40
A_DAY_BEFORE = timedelta(hours=20)
"""How much older a reading must be to show a day's growth: runs are daily, but not to the
minute.
"""

Value = TypeVar("Value")


class BadPaper(ValueError):
    """A paper added by hand cannot be stored as given; the message says which field and why."""


class AlreadyStored(BadPaper):
    """A paper added by hand is stored already, as the paper of the number `paper_id`."""

    def __init__(self, paper_id: int) -> None:
        super().__init__("This paper is stored already.")
        self.paper_id = paper_id


@dataclass(frozen=True, slots=True)
class Votes:
    """What is known of a paper's listings at an instant; None where no source says.

    `votes_before` is the count that stood at least 20 hours before the reading that gave `votes`,
    from the same source, and `votes_two_days_before` the one that stood a day before that.
    """

    votes: int | None
    votes_before: int | None
    comments: int | None
    first_listed: date
    votes_two_days_before: int | None = None

    @property
    def velocity(self) -> int | None:
        """Return how many votes the last day brought."""
        return (
            None
            if self.votes is None or self.votes_before is None
            else self.votes - self.votes_before
        )

    @property
    def acceleration(self) -> int | None:
        """Return how many more votes the last day brought than the day before it."""
        if self.velocity is None or self.votes_before is None or self.votes_two_days_before is None:
            return None
        return self.velocity - (self.votes_before - self.votes_two_days_before)


def listed_between(start_day: date, end_day: date) -> QuerySet[Paper]:
    """Return the papers that any source listed on the days from `start_day` to `end_day`, both
    included.

    Withdrawn papers and those merged into another are left out.
    """
    listings = Listing.objects.filter(paper=OuterRef("pk"), day__range=(start_day, end_day))
    return Paper.objects.filter(Exists(listings), merged_into=None, withdrawn_at=None)


def vote_history(paper_ids: Iterable[int], now: datetime) -> dict[int, Votes]:
    """Return what was known of each paper at `now`. Papers that no source had listed by then are
    left out.

    Counts of one source on several days are one series, in which the highest counts; votes come
    from the source where they are highest, since votes of two sources cannot be added. Two queries,
    whatever the number of papers.
    """
    paper_ids = list(paper_ids)
    listings: defaultdict[int, list[_Listed]] = defaultdict(list)
    counts = _counts(paper_ids, now)
    found = Listing.objects.filter(paper_id__in=paper_ids, day__lte=now.date()).select_related(
        "source"
    )
    for listing in found.order_by("paper_id", "day", "pk"):
        listed = _Listed(
            listing.source.slug, listing.day, min(listing.last_seen_at, now), counts[listing.pk]
        )
        listings[listing.paper_id].append(listed)
    return {paper_id: _votes(of_paper) for paper_id, of_paper in listings.items()}


def add_by_hand(
    *,
    title: str,
    now: datetime,
    abstract: str = "",
    authors: Sequence[str] = (),
    arxiv_id: str = "",
    doi: str = "",
    link: str = "",
    published: date | None = None,
    categories: Sequence[str] = (),
    code_link: str = "",
    day: date | None = None,
) -> Paper:
    """Store a paper that staff describe, listed on `day` (today by default) under the source
    “staff”, and return it.

    What staff say goes before what sources say of it later. `arxiv_id` and `doi` may be given in
    any usual form, or as an address.

    Raises:
        AlreadyStored: a paper of this id or title is stored; it is not changed. `list_by_hand`
            lists it.
        BadPaper: the title is empty, an id or address is not one, or the DOI is another paper's.
    """
    number = _read(
        arxiv_id, identity.arxiv_id, "is no arXiv id, such as 2501.01234, nor its address."
    ) or identity.arxiv_id(doi)
    names = tuple(filter(None, (cleaning.one_line(name, cleaning.NAME_LIMIT) for name in authors)))
    sighting = Sighting(
        title=_read(title, cleaning.one_line, "is no title.") or _missing("The title is missing."),
        seen_at=now,
        abstract=cleaning.body(abstract),
        authors=names,
        author_count=len(names) or None,
        arxiv_id=number.number if number else None,
        arxiv_version=number.version if number else None,
        doi=None
        if identity.arxiv_id(doi)
        else _read(doi, identity.doi, "is no DOI, such as 10.1000/182."),
        link=_read(
            link, cleaning.web_link, "is no web address that begins with https:// or http://."
        )
        or "",
        published=published,
        categories=tuple(
            filter(None, (cleaning.one_line(name, CATEGORY_LIMIT) for name in categories))
        ),
        code_link=_read(
            code_link, cleaning.web_link, "is no web address that begins with https:// or http://."
        )
        or "",
        day=day or now.date(),
    )
    with transaction.atomic():
        fetch = record(source_named("staff"), Parsed((sighting,)), now=now, origin="added by hand")
        paper = Shelf((sighting,)).find(sighting)
        if paper and not fetch.new:
            raise AlreadyStored(paper.pk)  # and nothing of this transaction stays
        if paper and sighting.doi and paper.doi != sighting.doi:
            raise BadPaper(f"The DOI {sighting.doi} belongs to another paper.")
    if paper is None:
        raise BadPaper(fetch.rejections.values_list("reason", flat=True)[0])
    return paper


def list_by_hand(paper: Paper, *, now: datetime, day: date | None = None) -> None:
    """List a stored paper on `day` (today by default) under the source “staff”. Nothing else about
    the paper changes. Safe to repeat.
    """
    record_listing(
        source_named("staff"), paper, day or now.date(), now=now, origin="listed by hand"
    )


def _read(text: str, reader: Callable[[str], Value | None], problem: str) -> Value | None:
    """Return what the reader makes of a field, None for an empty field; what it can make nothing
    of is the person's to mend.
    """
    if not text.strip():
        return None
    value = reader(text)
    if not value:
        raise BadPaper(f"“{cleaning.one_line(text, 100)}” {problem}")
    return value


def _missing(problem: str) -> NoReturn:
    raise BadPaper(problem)


@dataclass(frozen=True, slots=True)
class _Listed:
    source: str
    day: date
    seen_at: datetime
    counts: Sequence[Reading]


def _counts(paper_ids: Collection[int], now: datetime) -> defaultdict[int, list[Reading]]:
    counts: defaultdict[int, list[Reading]] = defaultdict(list)
    rows = Count.objects.filter(listing__paper_id__in=paper_ids, seen_at__lte=now).order_by(
        "listing_id", "seen_at"
    )
    for listing, seen_at, votes, comments, rank in rows.values_list(
        "listing_id", "seen_at", "votes", "comments", "rank"
    ):
        counts[listing].append(Reading(seen_at, votes, comments, rank))
    return counts


def _votes(listings: Sequence[_Listed]) -> Votes:
    by_source: defaultdict[str, list[_Listed]] = defaultdict(list)
    for listing in listings:
        by_source[listing.source].append(listing)
    votes, votes_before, two_days_before = max(
        (_growth(series) for series in by_source.values()), key=_known_first
    )
    comments = [
        reading.comments
        for listing in listings
        for reading in listing.counts[-1:]
        if reading.comments is not None
    ]
    return Votes(
        votes=votes,
        votes_before=votes_before,
        comments=max(comments, default=None),
        first_listed=min(listing.day for listing in listings),
        votes_two_days_before=two_days_before,
    )


def _growth(series: Sequence[_Listed]) -> tuple[int | None, int | None, int | None]:
    """Return the votes of one source when it was last read, those that stood a day earlier, and
    those of two days earlier.
    """
    read_at = max(listing.seen_at for listing in series)
    instants = (read_at, read_at - A_DAY_BEFORE, read_at - A_DAY_BEFORE - timedelta(days=1))
    newest, a_day_before, two_days_before = (_votes_at(series, instant) for instant in instants)
    return newest, a_day_before, two_days_before


def _votes_at(series: Sequence[_Listed], instant: datetime) -> int | None:
    readings = (history.value_at(listing.counts, instant) for listing in series)
    return max(
        (reading.votes for reading in readings if reading and reading.votes is not None),
        default=None,
    )


def _known_first(growth: tuple[int | None, ...]) -> tuple[int, ...]:
    return tuple(-1 if votes is None else votes for votes in growth)
