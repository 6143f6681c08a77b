"""A small world for tests of editions and sending: papers, readers and an edition, made by plain
functions.
"""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, date, datetime, timedelta
from unittest.mock import patch

from ingest.models import Count, Listing, Paper, Source
from newsletter.composing import prepared
from newsletter.editions import freeze, freezing, open_edition
from newsletter.models import Edition
from newsletter.sending.plan import plan_edition
from subscriptions.models import Cadence, Profile, Subscriber, SubscriberState, Topic
from subscriptions.models.profile import Choices

DAY = date(2026, 1, 14)
"""A Wednesday, far from any change of clocks."""
NOON = datetime(2026, 1, 14, 12, tzinfo=UTC)
FREEZE = datetime(2026, 1, 14, 5, tzinfo=UTC)

SUBJECTS = (
    "proteins",
    "traffic",
    "weather",
    "music",
    "chess",
    "rivers",
    "bridges",
    "markets",
    "grammar",
    "enzymes",
    "orbits",
    "glaciers",
    "voting",
    "vaccines",
    "soil",
    "tides",
    "lasers",
    "poetry",
    "maps",
    "harvests",
    "magnets",
    "volcanoes",
    "sleep",
    "bees",
    "concrete",
    "fabrics",
    "vowels",
    "antennas",
)


def a_source(slug: str = "listing") -> Source:
    return Source.objects.get_or_create(
        slug=slug, defaults={"kind": "listing", "title": slug.title()}
    )[0]


def a_paper(
    number: int, *, day: date = DAY, votes: int | None = 10, title: str = "", **fields
) -> Paper:
    subject = " ".join(SUBJECTS[(number * step + step) % len(SUBJECTS)] for step in (1, 3, 7))
    title = title or f"Graph networks for {subject} {number}"
    paper = Paper.objects.create(
        title=title,
        title_key=title.lower(),
        abstract=fields.pop(
            "abstract",
            f"We ask what graph networks know about {subject}, and answer with study {number}.",
        ),
        authors=["Ada Example"],
        arxiv_id=f"2601.{number:05d}",
        published=day,
        first_seen_at=datetime.combine(day, datetime.min.time(), UTC),
        **fields,
    )
    listed(paper, day, votes)
    return paper


def listed(
    paper: Paper,
    day: date,
    votes: int | None,
    *,
    seen_at: datetime | None = None,
    source: Source | None = None,
) -> Listing:
    seen_at = seen_at or datetime.combine(day, datetime.min.time(), UTC) + timedelta(hours=1)
    listing, _ = Listing.objects.get_or_create(
        source=source or a_source(), day=day, paper=paper, defaults={"last_seen_at": seen_at}
    )
    Listing.objects.filter(pk=listing.pk, last_seen_at__lt=seen_at).update(last_seen_at=seen_at)
    Count.objects.create(listing=listing, seen_at=seen_at, votes=votes)
    return listing


def papers(count: int, *, first: int = 1, day: date = DAY) -> list[Paper]:
    return [
        a_paper(number, day=day, votes=100 - number % 90) for number in range(first, first + count)
    ]


def a_topic(name: str = "Graphs", phrases: tuple[str, ...] = ("graph networks",)) -> Topic:
    return Topic.objects.get_or_create(
        slug=name.lower(), defaults={"name": name, "phrases": list(phrases)}
    )[0]


def a_profile(now: datetime = NOON, **choices) -> Profile:
    choices = {"topics": (a_topic().pk,), "papers_per_digest": 3} | choices
    return Profile.objects.of(Choices(**choices), now=now)


def a_reader(
    number: int = 1, *, now: datetime = FREEZE - timedelta(days=30), **fields
) -> Subscriber:
    address = fields.pop("address", f"reader{number}@example.org")
    fields = {
        "state": SubscriberState.ACTIVE,
        "confirmed_at": now,
        "cadence": Cadence.DAILY,
        "hour": 8,
        "timezone": "UTC",
        "language": "en",
    } | fields
    if "profile" not in fields:
        fields["profile"] = a_profile()
    return Subscriber.objects.create(
        address=address, address_key=address.lower(), created_at=now, **fields
    )


def readers(count: int, **fields) -> list[Subscriber]:
    profile = fields.pop("profile", None) or a_profile()
    return [a_reader(number, profile=profile, **fields) for number in range(1, count + 1)]


@contextmanager
def unverified() -> Iterator[None]:
    """Let freezes skip verification and lint, which take most of their time and have tests of
    their own.
    """
    compiled = prepared._try
    with (
        patch.object(freezing, "differing_papers", return_value=()),
        patch.object(freezing, "layout_faults", return_value=()),
        patch.object(
            prepared,
            "_try",
            lambda papers, language, **_: compiled(papers, language, check=False),
        ),
    ):
        yield


def a_frozen_edition(cadence: str = "daily", day: date = DAY, *, verified: bool = False) -> Edition:
    """Return an edition that was frozen at five in the morning."""
    at = datetime.combine(day, datetime.min.time(), UTC) + timedelta(hours=5)
    edition = open_edition(cadence, day, at)
    with nullcontext() if verified else unverified():
        assert freeze(edition.pk, at)
    edition.refresh_from_db()
    return edition


def a_planned_edition(cadence: str = "daily", day: date = DAY) -> Edition:
    edition = a_frozen_edition(cadence, day)
    plan_edition(edition.pk, edition.nominal_at)
    edition.refresh_from_db()
    return edition
