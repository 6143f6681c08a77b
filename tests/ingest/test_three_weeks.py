"""Three weeks of five sources that overlap: one paper each, its whole history, and a Fetch for
every request.
"""

from collections import defaultdict
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from urllib.parse import parse_qs, urlsplit

import pytest

from ingest.models import Count, Fetch, FetchStatus, Listing, Merge, Paper, Rejection, Run, RunState
from ingest.papers import vote_history
from tests.ingest.driving import SimulatedClock, a_source, work_until
from tests.ingest.pages import answer, daily_paper
from tests.ingest.samples import arxiv_entry, arxiv_feed, oai, oai_record, rss, rss_item
from tests.ingest.upstream import Reply, SeenRequest, Upstream

MONDAY = date(2025, 3, 3)
DAYS = 21
A_DAY = 8
"""Papers announced on a working day; every second of them comes to Daily Papers the day after,
every fourth to a journal's feed.
"""
PAGE = 3
"""Papers on one page of Daily Papers, and records on one of OAI-PMH."""


class Papers:
    """What there is to be found: paper n of day d is announced on d, and votes for it grow for
    five days.
    """

    def __init__(self) -> None:
        self.announced = {
            day: [f"{day:%y%m}.{day.day:02}{n:03}" for n in range(A_DAY)] for day in working_days()
        }
        self.served: defaultdict[str, dict[datetime, int]] = defaultdict(dict)

    def in_daily_papers(self, day: date) -> list[str]:
        before = max((each for each in self.announced if each < day), default=None)
        return self.announced[before][::2] if before and day.weekday() < 5 else []

    def in_the_journal(self) -> list[str]:
        return [number for numbers in self.announced.values() for number in numbers[::4]]

    def votes(self, number: str, day: date, now: datetime) -> int:
        hours = (now - datetime.combine(day, time(), UTC)).total_seconds() / 3600
        return int(min(hours, 120) // 6) * (int(number[-1]) + 1) // 2


def working_days() -> list[date]:
    days = (MONDAY + timedelta(days=number) for number in range(DAYS))
    return [day for day in days if day.weekday() < 5]


def title(number: str) -> str:
    return f"What Paper {number} Says of Its Subject"


class World:
    """The five upstreams on one server. Each request is answered as of the simulated clock."""

    def __init__(self, upstream: Upstream, clock: SimulatedClock) -> None:
        self.papers, self.clock, self.upstream = Papers(), clock, upstream
        upstream.script("/hf/api/daily_papers", self.daily_papers)
        upstream.script("/atom/cs.AI", self.feed)
        upstream.script("/oai", self.harvest)
        upstream.script("/journal.xml", self.journal)
        upstream.script("/group.xml", self.group)

    def daily_papers(self, request: SeenRequest) -> Reply:
        query = parse_qs(urlsplit(request.path).query)
        day, page = date.fromisoformat(query["date"][0]), int(query["p"][0])
        listed = next(
            each
            for each in (day, day - timedelta(days=1), day - timedelta(days=2))
            if each.weekday() < 5
        )
        numbers = self.papers.in_daily_papers(listed)[
            page * PAGE : page * PAGE + PAGE
        ]  # an empty day shows the one before
        return Reply(body=answer(*(self.daily_paper(number, listed) for number in numbers)))

    def daily_paper(self, number: str, day: date) -> dict[str, object]:
        votes = self.papers.votes(number, day, self.clock.now)
        self.papers.served[number][self.clock.now] = votes
        fields = {
            "title": title(number),
            "upvotes": votes,
            "submittedOnDailyAt": f"{day}T00:00:00.000Z",
            "publishedAt": None,
        }
        return daily_paper(number, **{f"paper__{name}": value for name, value in fields.items()})

    def feed(self, _request: SeenRequest) -> Reply:
        today = self.clock.now.date()
        entries = [
            arxiv_entry(number, day=str(today), title=title(number))
            for number in self.papers.announced.get(today, [])
        ]
        entries += [
            arxiv_entry(number, kind="replace", version=2, day=str(today), title=title(number))
            for number in self.papers.announced.get(today - timedelta(days=7), [])
        ]
        return Reply(body=arxiv_feed(*entries))

    def harvest(self, request: SeenRequest) -> Reply:
        query = parse_qs(urlsplit(request.path).query)
        first, last, start = (
            query["resumptionToken"][0].split("/")
            if "resumptionToken" in query
            else (query["from"][0], query["until"][0], "0")
        )
        days = [
            day
            for day in self.papers.announced
            if first <= str(day) <= last and day <= self.clock.now.date()
        ]
        records = [(number, day) for day in days for number in self.papers.announced[day]]
        if not records:
            return Reply(body=oai(error=("noRecordsMatch", "nothing")))
        part, following = records[int(start) : int(start) + PAGE * 4], int(start) + PAGE * 4
        token = f"{first}/{last}/{following}" if following < len(records) else ""
        return Reply(
            body=oai(
                *(
                    oai_record(number, stamp=str(day), created=str(day), title=title(number))
                    for number, day in part
                ),
                token=token,
            )
        )

    def journal(self, _request: SeenRequest) -> Reply:
        """A journal knows neither arXiv ids nor accents of case, but DOIs."""
        numbers = [
            number
            for number in self.papers.in_the_journal()
            if self.day_of(number) < self.clock.now.date()
        ]
        items = (
            rss_item(
                title(number).upper(), link=f"https://example.org/{number}", doi=f"10.1000/{number}"
            )
            for number in numbers
        )
        return Reply(body=rss(*items))

    def group(self, _request: SeenRequest) -> Reply:
        """A group links to versions of its papers on arXiv, sometimes under a title of its own."""
        numbers = [
            number
            for number in self.papers.in_the_journal()
            if self.day_of(number) <= self.clock.now.date()
        ]
        return Reply(
            body=rss(
                *(
                    rss_item(f"Our {number} Is Out", link=f"https://arxiv.org/pdf/{number}v1")
                    for number in numbers
                )
            )
        )

    def day_of(self, number: str) -> date:
        return next(day for day, numbers in self.papers.announced.items() if number in numbers)


@pytest.fixture
def clock():
    return SimulatedClock(datetime.combine(MONDAY, time(0, 5), UTC))


@pytest.fixture
def world(clock, client, db):
    """The world after its three weeks."""
    with Upstream(clock=clock) as upstream:
        made = World(upstream, clock)
        a_source(
            "huggingface",
            "huggingface",
            upstream.url("/hf"),
            priority=30,
            times=("04:20", "12:30", "18:30"),
        )
        a_source(
            "arxiv",
            "arxiv",
            upstream.url("/atom"),
            priority=25,
            categories=["cs.AI"],
            times=("05:20",),
        )
        a_source(
            "arxiv-oai",
            "arxiv-oai",
            upstream.url("/oai"),
            priority=20,
            categories=["cs.AI"],
            times=("03:40",),
        )
        a_source("journal", "feed", upstream.url("/journal.xml"), priority=50, times=("02:30",))
        a_source("group", "feed", upstream.url("/group.xml"), priority=50, times=("14:30",))
        work_until(clock.now + timedelta(days=DAYS), clock, client)
        if upstream.errors:
            raise upstream.errors[0]
        yield made


@pytest.mark.slow
def test_three_weeks_of_five_sources_are_stored_once_and_whole(world, clock):
    papers = world.papers
    every = {number for numbers in papers.announced.values() for number in numbers}
    standing = Paper.objects.filter(merged_into=None)

    # No duplicate paper, whatever sources, titles and versions it came by.
    assert set(standing.values_list("arxiv_id", flat=True)) == every
    assert standing.count() == len(every) == 15 * A_DAY
    assert {paper.title for paper in standing} == {title(number) for number in every}
    assert standing.exclude(doi=None).count() == len(
        [n for n in papers.in_the_journal() if world.day_of(n) < clock.now.date()]
    )
    assert not Merge.objects.exists()

    # The full history: a Count wherever a reading differs from the one before, and no other.
    for listing in Listing.objects.filter(source__slug="huggingface").select_related("paper"):
        readings = sorted(papers.served[listing.paper.arxiv_id].items())
        changes = [
            reading
            for before, reading in zip([(None, None), *readings], readings, strict=False)
            if before[1] != reading[1]
        ]
        assert (
            list(
                Count.objects.filter(listing=listing)
                .order_by("seen_at")
                .values_list("seen_at", "votes")
            )
            == changes
        )
        assert listing.last_seen_at == readings[-1][0]
    rising = vote_history(list(standing.values_list("pk", flat=True)), clock.now)
    assert sum(1 for votes in rising.values() if votes.votes) > A_DAY * 5

    # Listed on the day the source says, a weekend's repeat of Friday included.
    listed = Listing.objects.filter(source__slug="huggingface").values_list(
        "paper__arxiv_id", "day"
    )
    assert sorted(listed) == sorted(
        (number, day) for day in working_days() for number in papers.in_daily_papers(day)
    )

    # Every request has its Fetch, every Fetch its books, and no run is left.
    assert Fetch.objects.count() == len(world.upstream.requests)
    assert set(Fetch.objects.values_list("status", flat=True)) == {FetchStatus.DONE}
    assert not Rejection.objects.exists()
    assert not Run.objects.exclude(state=RunState.DONE).exists()
    assert (
        Run.objects.filter(source__slug="huggingface").count() == DAYS * 3 + 1
    )  # the last time before the first day had passed

    # And the upstream was never asked more often than once a second.
    instants = [request.at for request in world.upstream.requests]
    assert min(later - earlier for earlier, later in pairwise(instants)) >= timedelta(seconds=1)
