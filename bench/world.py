"""The world that is measured by default: papers and readers shaped like those of a production
instance. The same seed makes the same world.

`Size` says how much there is. Papers (bench.papers) come in through the product's own import, from
two sources: arXiv announces them, and the community lists a tenth of them, with a history of
votes. Readers (bench.readers) are written as confirmed, each with a profile of their own.
`bench.copies` multiplies the rows for benches that need millions.
"""

import json
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db import connection

from bench.papers import Interest, MadePaper, PaperMaker
from bench.readers import ReaderMaker, Wishes
from ingest.files import import_lines
from ingest.known_sources import source_named
from newsletter.editions import open_edition
from newsletter.editions.archive import refit
from newsletter.models import Batch, Delivery, Edition, EditionState, MailedHistory
from newsletter.ranking.archive import ArchiveStatistics
from subscriptions.models import Profile, Subscriber, SubscriberState, Topic
from subscriptions.models.profile import Choices
from subscriptions.topics import load_topics

DAY = date(2026, 1, 14)
FREEZE = datetime(2026, 1, 14, 5, tzinfo=UTC)
ALL_DUE = FREEZE + timedelta(hours=30)
"""By now every reader's hour has come, in whatever zone: the whole edition is due at once. Nothing
is late, as bench.servers sets `CATCH_UP_HOURS`.
"""
READ_AT = FREEZE - timedelta(minutes=40)
"""When the sources were asked last."""
OLDER_A_DAY = 100
ALSO_ANNOUNCED = 1 / 3
"""Of the papers that the community lists, the share that an arXiv list of the same days has: 283 of
792 in the days that bench.papers measured.
"""
TOPICS = Path(settings.BASE_DIR) / "seeds" / "topics.json"
WRITTEN_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class Size:
    """How large a world is.

    `papers` are the candidates of its edition, listed on the five days up to `DAY`; `older` ones
    were listed before, for the archive and the vote forecast. Readers draw their own phrases from
    `phrases` different ones.
    """

    papers: int = 3_500
    older: int = 2_500
    readers: int = 20_000
    phrases: int = 8_000

    @property
    def tastes(self) -> int:
        """How many tastes are learned in full."""
        return min(200, max(5, self.readers // 50))


def make_world(size: Size, seed: int = 1) -> Edition:
    """Write the whole world, and return its daily edition, which is open."""
    topics, interests = load_interests()
    maker = PaperMaker(interests, seed)
    papers = [*older_papers(maker, size.older), *candidates(maker, size.papers)]
    import_papers(papers, READ_AT)
    archive = ArchiveStatistics.from_bytes(bytes(refit(READ_AT).content))
    readers = ReaderMaker(
        papers, len(topics), archive, phrases=size.phrases, tastes=size.tastes, seed=seed + 1
    )
    add_readers(readers, topics, size.readers)
    return open_edition("daily", DAY, READ_AT)


def load_interests() -> tuple[list[int], list[Interest]]:
    """Store the topics of `seeds/topics.json`; return their ids, and what papers can be about, in
    the same order.
    """
    load_topics(TOPICS)
    topics = list(Topic.objects.order_by("pk"))
    return [topic.pk for topic in topics], [
        Interest(tuple(topic.phrases), tuple(topic.categories)) for topic in topics
    ]


def candidates(maker: PaperMaker, count: int) -> Iterator[MadePaper]:
    """Make papers of the edition's window, as many on each of its days."""
    days = settings.CANDIDATE_DAYS
    for number in range(days):
        share = len(range(number, count, days))
        yield from maker.day(DAY - timedelta(days=days - 1 - number), share)


def older_papers(maker: PaperMaker, count: int) -> Iterator[MadePaper]:
    """Make papers of the days before the edition's window, of which a third have votes."""
    newest = DAY - timedelta(days=settings.CANDIDATE_DAYS)
    for number, start in enumerate(range(0, count, OLDER_A_DAY)):
        share = min(OLDER_A_DAY, count - start)
        yield from maker.day(newest - timedelta(days=number), share, voted=1 / 3)


def import_papers(papers: Iterable[MadePaper], now: datetime) -> None:
    """Store papers as their sources show them at `now`, through the product's own import.

    Raises:
        RuntimeError: something of it was refused.
    """
    by_source: dict[str, list[MadePaper]] = {"arxiv": [], "huggingface": []}
    for number, paper in enumerate(papers):
        if paper.votes is not None:
            by_source["huggingface"].append(paper)
        if paper.votes is None or number % round(1 / ALSO_ANNOUNCED) == 0:
            by_source["arxiv"].append(paper)
    with tempfile.TemporaryDirectory(prefix="paperboy-world-") as folder:
        for slug, listed in by_source.items():
            path = Path(folder, f"{slug}.jsonl")
            if listed:
                write_lines(path, listed, now, votes=slug == "huggingface")
                (report,) = import_lines(source_named(slug), [path], now=now)
                if report.error or report.rejected:
                    raise RuntimeError(f"The bench's papers could not be stored: {report}")


def write_lines(path: Path, papers: Iterable[MadePaper], now: datetime, *, votes: bool) -> None:
    """Write papers as JSON Lines, with the votes that were seen up to `now`, or without any."""
    with path.open("w", encoding="utf-8") as file:
        for paper in papers:
            record = paper.record(now)
            if not votes:
                record.pop("counts", None)
            file.write(json.dumps(record) + "\n")


def add_readers(readers: ReaderMaker, topics: Sequence[int], count: int) -> None:
    """Write so many confirmed readers of daily editions, each with a profile of their own."""
    first = Subscriber.objects.count() + 1
    for start in range(first, first + count, WRITTEN_AT_ONCE):
        numbers = range(start, min(start + WRITTEN_AT_ONCE, first + count))
        wishes = [readers.reader() for _ in numbers]
        profiles = _profiles([(choices_of(one, topics), one.taste) for one in wishes])
        Subscriber.objects.bulk_create(
            [
                _reader(number, one, profile)
                for number, one, profile in zip(numbers, wishes, profiles, strict=True)
            ]
        )
    analyze()


def choices_of(wishes: Wishes, topics: Sequence[int]) -> Choices:
    """Return what the preferences page would store. `topics` are the topics' ids by interest."""
    return Choices(
        topics=tuple(sorted(topics[number] for number in wishes.topics)),
        phrases=wishes.phrases,
        muted=wishes.muted,
        minimum_votes=wishes.minimum_votes,
        papers_per_digest=wishes.papers_per_digest,
        balance=wishes.balance,
    )


def analyze() -> None:
    """Let the database know how its rows are spread."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def begin_again(edition: Edition) -> None:
    """Forget everything that was sent, so that the edition can be sent once more, and let the
    database finish its writing.
    """
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            tables = ", ".join(model._meta.db_table for model in (Delivery, Batch, MailedHistory))
            cursor.execute(f"TRUNCATE {tables} CASCADE")
            cursor.execute("CHECKPOINT")
        else:
            for model in (Delivery, Batch, MailedHistory):
                cursor.execute(f"DELETE FROM {model._meta.db_table}")  # noqa: S608 - our own names
    Edition.objects.filter(pk=edition.pk).update(
        state=EditionState.FROZEN, planned_at=None, done_at=None
    )


def _profiles(wanted: Sequence[tuple[Choices, bytes]]) -> list[int]:
    """Return the ids of the profiles with these choices and tastes, written where missing."""
    hashes = [choices.content_hash(taste) for choices, taste in wanted]
    Profile.objects.bulk_create(
        [
            Profile(
                content_hash=key,
                topics=list(choices.topics),
                phrases=list(choices.phrases),
                muted=list(choices.muted),
                minimum_votes=choices.minimum_votes,
                papers_per_digest=choices.papers_per_digest,
                balance=choices.balance,
                taste=taste,
                created_at=FREEZE - timedelta(days=30),
            )
            for key, (choices, taste) in dict(zip(hashes, wanted, strict=True)).items()
        ],
        ignore_conflicts=True,
    )
    ids = dict(Profile.objects.filter(content_hash__in=hashes).values_list("content_hash", "pk"))
    return [ids[key] for key in hashes]


def _reader(number: int, wishes: Wishes, profile_id: int) -> Subscriber:
    address = f"reader{number}@example.net"
    confirmed_at = FREEZE - timedelta(days=30)
    return Subscriber(
        address=address,
        address_key=address,
        state=SubscriberState.ACTIVE,
        created_at=confirmed_at,
        confirmed_at=confirmed_at,
        cadence="daily",
        hour=wishes.hour,
        timezone=wishes.zone,
        profile_id=profile_id,
    )
