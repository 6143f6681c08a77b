"""The small world, for comparison: 200 short papers, and readers who share 30 topics and want
nothing of their own. The same seed makes the same world.
"""

import random
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import accumulate

from bench.world import DAY, FREEZE, analyze
from ingest.models import Count, Listing, Paper, Source
from newsletter.editions import freeze, open_edition
from newsletter.models import Edition
from subscriptions.models import Profile, Subscriber, SubscriberState, Topic
from subscriptions.models.profile import Choices

SEND = FREEZE + timedelta(hours=3)
"""Every reader of this world wants their mail at this hour."""
SYLLABLES = (
    "bel",
    "cor",
    "dan",
    "fen",
    "gor",
    "hal",
    "jor",
    "kal",
    "lum",
    "mer",
    "nor",
    "ol",
    "pra",
    "quin",
    "ros",
    "sel",
    "tor",
    "ul",
    "ven",
)
VOCABULARY = 4_000
"""Words of the language that papers are written in; the number n of them is n times rarer than
the first (Zipf's law).
"""
WRITTEN_AT_ONCE = 2_000


def make_world(topics: int = 30, papers: int = 200, seed: int = 1) -> Edition:
    """Write topics and papers, and return the frozen edition of them."""
    chance = random.Random(seed)  # noqa: S311 - a reproducible world, no secret
    interests = _topics(topics, chance)
    _papers(papers, interests, chance)
    edition = open_edition("daily", DAY, FREEZE - timedelta(hours=3))
    if not freeze(edition.pk, FREEZE):
        raise RuntimeError(f"The bench's edition could not be frozen: {edition.held_reason}")
    edition.refresh_from_db()
    return edition


def add_readers(count: int, seed: int = 2) -> None:
    """Write readers until there are `count`: two to six topics, ten papers, any balance."""
    chance = random.Random(seed)  # noqa: S311 - as above
    topic_ids = list(Topic.objects.order_by("pk").values_list("pk", flat=True))
    numbers = range(Subscriber.objects.count() + 1, count + 1)
    for start in range(0, len(numbers), WRITTEN_AT_ONCE):
        part = numbers[start : start + WRITTEN_AT_ONCE]
        choices = [_choices(topic_ids, chance) for _ in part]
        profiles = _profiles(choices)
        Subscriber.objects.bulk_create(
            [
                _reader(number, profiles[choice.content_hash()])
                for number, choice in zip(part, choices, strict=True)
            ]
        )
    analyze()


def _word(chance: random.Random) -> str:
    return "".join(chance.choices(SYLLABLES, k=chance.randint(2, 3)))


def _topics(count: int, chance: random.Random) -> list[Topic]:
    made = []
    for number in range(count):
        phrases = [f"{_word(chance)} {_word(chance)}" for _ in range(4)]
        made.append(
            Topic.objects.create(slug=f"topic-{number}", name=phrases[0].title(), phrases=phrases)
        )
    return made


def _papers(count: int, topics: list[Topic], chance: random.Random) -> None:
    source = Source.objects.create(slug="bench", kind="listing", title="Bench")
    say = _tongue(chance)
    for number in range(count):
        subjects = chance.sample(topics, k=min(len(topics), chance.randint(1, 3)))
        phrases = [chance.choice(topic.phrases) for topic in subjects]
        paper = Paper.objects.create(
            title=(title := _title(phrases, say, chance)),
            title_key=f"{title.lower()} {number}",
            abstract=_abstract(phrases, say, chance),
            authors=[
                f"{_word(chance).title()} {_word(chance).title()}"
                for _ in range(chance.randint(1, 8))
            ],
            arxiv_id=f"2601.{number:05d}",
            published=DAY,
            first_seen_at=FREEZE - timedelta(hours=6),
        )
        listing = Listing.objects.create(
            source=source, day=DAY, paper=paper, last_seen_at=FREEZE - timedelta(hours=5)
        )
        Count.objects.create(
            listing=listing,
            seen_at=listing.last_seen_at,
            votes=int(chance.paretovariate(0.8)) % 500,
        )


def _tongue(chance: random.Random) -> Callable[[int], str]:
    """Return what says so many words in a row, frequent ones more often."""
    words = sorted({_word(chance) for _ in range(VOCABULARY)})
    chance.shuffle(words)
    weights = list(accumulate(1 / rank for rank in range(1, len(words) + 1)))
    return lambda count: " ".join(chance.choices(words, cum_weights=weights, k=count))


def _title(phrases: list[str], say: Callable[[int], str], chance: random.Random) -> str:
    """Return a title of about ten words; every other paper has a name for its method."""
    title = f"{say(chance.randint(1, 3))} {' and '.join(phrases)} {say(chance.randint(2, 4))}"
    return f"{_word(chance).title()}: {title}" if chance.random() < 0.5 else title.capitalize()


def _abstract(phrases: list[str], say: Callable[[int], str], chance: random.Random) -> str:
    """Return nine sentences of about twenty words; every other one names the paper's subject."""
    return " ".join(
        f"{say(chance.randint(12, 22)).capitalize()}"
        f"{f' {chance.choice(phrases)}' if place % 2 else ''} {say(3)}."
        for place in range(9)
    )


def _choices(topic_ids: list[int], chance: random.Random) -> Choices:
    topics = tuple(sorted(chance.sample(topic_ids, k=min(len(topic_ids), chance.randint(2, 6)))))
    return Choices(topics=topics, papers_per_digest=10, balance=chance.randrange(0, 101, 10))


def _profiles(choices: list[Choices]) -> dict[str, int]:
    """Return the ids of the choices' profiles by content hash; missing ones are written."""
    wanted = {choice.content_hash(): choice for choice in choices}
    known = _ids(wanted)
    Profile.objects.bulk_create(
        Profile(
            content_hash=key,
            topics=list(choice.topics),
            papers_per_digest=10,
            balance=choice.balance,
            created_at=FREEZE,
        )
        for key, choice in wanted.items()
        if key not in known
    )
    return _ids(wanted)


def _ids(hashes: dict[str, Choices]) -> dict[str, int]:
    rows: Iterator[tuple[str, int]] = (
        Profile.objects.filter(content_hash__in=hashes).values_list("content_hash", "pk").iterator()
    )
    return dict(rows)


def _reader(number: int, profile_id: int) -> Subscriber:
    address = f"reader{number}@example.net"
    return Subscriber(
        address=address,
        address_key=address,
        state=SubscriberState.ACTIVE,
        created_at=FREEZE - timedelta(days=30),
        confirmed_at=FREEZE - timedelta(days=30),
        cadence="daily",
        hour=SEND.hour,
        timezone="UTC",
        profile_id=profile_id,
    )
