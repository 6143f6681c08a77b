"""A world with a long history, for pages: two editions are sent for real to a few hundred readers,
and their rows are copied inside PostgreSQL until there are millions.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db import connection
from django.db.models import Max, Min, Model

from bench import world
from bench.copies import copy_readers, copy_rows
from bench.null import NullTransport
from ingest.models import Count, Fetch, Listing, Paper, Rejection
from newsletter.clock import ticking
from newsletter.editions import freeze, open_edition
from newsletter.models import (
    Batch,
    BatchState,
    Candidate,
    Click,
    CompiledEdition,
    Delivery,
    Edition,
    EditionState,
    Feedback,
    MailedHistory,
)
from newsletter.sending.due import due_batches
from newsletter.sending.plan import plan_edition
from newsletter.sending.sender import send_batch
from newsletter.sending.sweep import sweep
from newsletter.tracking.feedback import note_word
from subscriptions.models import Cadence, Consent, Letter, Profile, SignUp, Subscriber
from subscriptions.models.profile import Choices
from subscriptions.origins import NOWHERE
from subscriptions.schedule import Schedule
from subscriptions.signup import request_sign_up

OLD_DAY = world.DAY - timedelta(days=settings.CANDIDATE_DAYS)
"""The newest day before the window of the newest edition."""
SENT_FOR_REAL = 300
BATCH = 500
A_DAY = 300
"""Papers that are listed on each day of the past."""


@dataclass(frozen=True, slots=True)
class Amounts:
    """How many rows there shall be. Every reader has a delivery of the newest edition, as far as
    the deliveries reach; all others are spread evenly over the older editions.
    """

    readers: int = 1_000_000
    deliveries: int = 3_000_000
    papers: int = 500_000
    editions: int = 1_000

    @property
    def of_the_newest(self) -> int:
        return min(self.readers, self.deliveries // 2)

    @property
    def of_each_other(self) -> int:
        return max(1, min(self.readers, (self.deliveries - self.of_the_newest) // self.editions))


def make_history(size: world.Size, amounts: Amounts) -> Iterator[str]:
    """Make everything, and say what was made, step by step."""
    newest = world.make_world(size)
    yield f"a world of {size.papers:,} candidates and {size.readers:,} readers"
    old = open_edition("daily", OLD_DAY, world.READ_AT - (world.DAY - OLD_DAY), days=1)
    for edition in (old, newest):
        _send(edition)
        yield f"{edition} is frozen, and sent to {edition.deliveries.count():,} readers"
    _signed_up_and_answered(newest)
    steps: tuple[Callable[[Edition, Edition, Amounts], str], ...] = (
        _copy_readers,
        _copy_papers,
        _copy_editions,
        _copy_deliveries,
        _copy_traces,
    )
    for step in steps:
        yield step(newest, old, amounts)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


def _send(edition: Edition) -> None:
    """Freeze the edition and send it to some of its readers; nobody waits for the others' mail."""
    if not freeze(edition.pk, edition.nominal_at):
        edition.refresh_from_db()
        raise RuntimeError(f"The bench's edition could not be frozen: {edition.held_reason}")
    send_to(edition, SENT_FOR_REAL)


def send_to(edition: Edition, readers: int) -> None:
    """Plan a frozen edition, send it to nobody until `readers` have a delivery, forget the other
    batches, and end the edition.
    """
    now = edition.nominal_at
    plan_edition(edition.pk, now)
    late = now + (world.ALL_DUE - world.FREEZE)
    transport = NullTransport()
    while edition.deliveries.count() < readers:
        due = due_batches(late, edition=edition)
        if not due:
            break
        send_batch(due[0], ticking(late), transport)
    edition.batches.filter(state=BatchState.PLANNED).delete()
    sweep(late, only=edition)
    Edition.objects.filter(pk=edition.pk).update(state=EditionState.DONE, done_at=late)


def _signed_up_and_answered(edition: Edition) -> None:
    """Let one reader sign up, and some say what they think of a paper, by the product's own
    functions: rows to copy.
    """
    request_sign_up(
        "new@example.net",
        Choices(),
        Schedule(Cadence.DAILY, 8, "UTC"),
        origin=NOWHERE,
        now=world.READ_AT,
    )
    for delivery in edition.deliveries.exclude(papers=[]).order_by("pk")[:50]:
        paper = Paper.objects.get(pk=delivery.papers[0])
        Click.objects.create(delivery=delivery, paper=paper, at=world.ALL_DUE, counted=True)
        note_word(delivery.subscriber_id, paper, "more", world.ALL_DUE)
    fetch = Fetch.objects.earliest("pk")
    Rejection.objects.create(fetch=fetch, line=1, reason="The title is missing.", excerpt="{}")


def _copy_readers(_newest: Edition, _old: Edition, amounts: Amounts) -> str:
    profiles = max(1, amounts.readers // 3)
    first = _next_id(Profile)
    copy_rows(
        Profile,
        1,
        profiles,
        {"content_hash": "md5(number::text) || md5('bench' || number::text)"},
    )
    state = "CASE WHEN number %% 20 = 0 THEN 'unsubscribed' WHEN number %% 50 = 1 THEN 'pending' "
    copy_readers(
        amounts.readers,
        {
            "profile_id": f"{first} + number %% {profiles}",
            "state": f"{state} ELSE 'active' END",
            "left_at": "CASE WHEN number %% 20 = 0 THEN base.created_at END",
            "suppressed_at": "CASE WHEN number %% 100 = 3 THEN base.created_at END",
            "created_at": "base.created_at - number %% 700 * interval '1 day'",
        },
    )
    return f"{amounts.readers:,} readers with {profiles:,} profiles"


def _copy_papers(_newest: Edition, _old: Edition, amounts: Amounts) -> str:
    there = Paper.objects.count()
    copies = max(0, amounts.papers - there)
    paper, listing = _next_id(Paper), _next_id(Listing)
    ago = f"number / {A_DAY} * interval '1 day'"
    copy_rows(
        Paper,
        1,
        copies,
        {
            "title": "left(base.title, 480) || ' ' || number",
            "title_key": "left(base.title_key, 480) || ' ' || number",
            "arxiv_id": "'copy.' || number",
            "first_seen_at": f"base.first_seen_at - interval '30 days' - {ago}",
        },
    )
    copy_rows(
        Listing,
        1,
        copies,
        {
            "paper_id": f"{paper} + number - 1",
            "day": f"(base.last_seen_at - interval '30 days' - {ago})::date",
            "last_seen_at": f"base.last_seen_at - interval '30 days' - {ago}",
        },
    )
    copy_rows(
        Count,
        1,
        2 * copies,
        {
            "listing_id": f"{listing} + number %% {max(1, copies)}",
            "seen_at": "base.seen_at - interval '30 days' - number * interval '1 minute'",
        },
    )
    return f"{there + copies:,} papers, {Count.objects.count():,} counts"


def _copy_editions(_newest: Edition, old: Edition, amounts: Amounts) -> str:
    copies = max(0, amounts.editions - Edition.objects.count())
    first, candidates = _next_id(Edition), old.candidates.count()
    ago = "number * interval '1 day'"
    copy_rows(
        Edition,
        1,
        copies,
        {
            "day": "base.day - number::integer",
            **{
                name: f"base.{name} - {ago}"
                for name in ("nominal_at", "opened_at", "frozen_at", "planned_at", "done_at")
            },
        },
        where=f"id = {old.pk}",
    )
    copy_rows(
        CompiledEdition,
        1,
        copies,
        {"edition_id": f"{first} + number - 1"},
        where=f"edition_id = {old.pk}",
    )
    copy_rows(
        Candidate,
        0,
        candidates * copies - 1,
        {"edition_id": f"{first} + number / {candidates}"},
        where=f"edition_id = {old.pk}",
    )
    return f"{Edition.objects.count():,} editions"


def _copy_deliveries(newest: Edition, old: Edition, amounts: Amounts) -> str:
    copied = Subscriber.objects.filter(address__startswith="copy")
    first_reader, readers = copied.aggregate(first=Min("pk"))["first"], copied.count()
    others = Edition.objects.filter(pk__gt=newest.pk)
    first_other = others.aggregate(first=Min("pk"))["first"]
    _copy_sent(newest, newest.pk, 1, first_reader, min(readers, amounts.of_the_newest))
    _copy_sent(old, first_other, others.count(), first_reader, min(readers, amounts.of_each_other))
    table = MailedHistory._meta.db_table
    copy_rows(
        MailedHistory,
        0,
        readers - 1,
        {"subscriber_id": f"{first_reader} + number"},
        where=f"bucket = (SELECT max(bucket) FROM {table})",  # noqa: S608 - our own name
    )
    return f"{Delivery.objects.count():,} deliveries in {Batch.objects.count():,} batches"


def _copy_sent(base: Edition, first: int, editions: int, first_reader: int, size: int) -> None:
    """Copy what was sent of an edition: `size` deliveries and their batches for each of as many
    `editions`, whose ids and whose readers' ids follow the first ones.
    """
    batches, batch = -(-size // BATCH), _next_id(Batch)
    of_the_base = f"edition_id = {base.pk}"
    copy_rows(
        Batch,
        0,
        batches * editions - 1,
        {"edition_id": f"{first} + number / {batches}", "planned_count": str(min(size, BATCH))},
        where=of_the_base,
    )
    copy_rows(
        Delivery,
        0,
        size * editions - 1,
        {
            "edition_id": f"{first} + number / {size}",
            "subscriber_id": f"{first_reader} + number %% {size}",
            "batch_id": f"{batch} + number / {size} * {batches} + number %% {size} / {BATCH}",
            "position": f"number %% {size} %% {BATCH}",
            "status": _STATUS,
            "reason": "CASE WHEN number %% 1000 < 25 THEN 'bench' ELSE '' END",
        },
        where=f"{of_the_base} AND status = 'sent'",
    )


_STATUS = """CASE WHEN number %% 1000 < 5 THEN 'failed' WHEN number %% 1000 < 15 THEN 'skipped'
    WHEN number %% 1000 < 20 THEN 'suppressed' WHEN number %% 100000 = 20 THEN 'uncertain'
    WHEN number %% 1000 < 25 THEN 'late' ELSE 'sent' END"""
"""One of 200 failed, one of 100 was skipped; a few per million are uncertain."""


def _copy_traces(newest: Edition, _old: Edition, amounts: Amounts) -> str:
    """Copy what readers and sources leave: consents, sign-ups, letters, clicks, words, fetches."""
    reader = Subscriber.objects.aggregate(first=Min("pk"))["first"]
    delivery = newest.deliveries.aggregate(first=Min("pk"))["first"]
    of_a_reader = f"{reader} + number %% {amounts.readers}"
    of_a_delivery = f"{delivery} + number %% {newest.deliveries.count()}"
    ago = "number %% 700 * interval '1 day'"
    share = max(1, amounts.readers // 10)
    copies: tuple[tuple[type[Model], int, dict[str, str]], ...] = (
        (Consent, 2 * amounts.readers, {"subscriber_id": of_a_reader, "at": f"base.at - {ago}"}),
        (
            SignUp,
            share,
            {"subscriber_id": of_a_reader, "requested_at": f"base.requested_at - {ago}"},
        ),
        (
            Letter,
            share,
            {
                "subscriber_id": of_a_reader,
                "state": "CASE WHEN number %% 1000 = 1 THEN 'failed' ELSE 'sent' END",
                "error": "CASE WHEN number %% 1000 = 1 THEN 'bench' ELSE '' END",
                "created_at": f"base.created_at - {ago}",
                "lease_until": "NULL",
            },
        ),
        (Click, 3 * share, {"delivery_id": of_a_delivery, "at": f"base.at - {ago}"}),
        (Feedback, 3 * share, {"subscriber_id": of_a_reader, "at": f"base.at - {ago}"}),
        (
            Fetch,
            amounts.papers // 10,
            {
                "started_at": "base.started_at - number * interval '20 minutes'",
                "finished_at": "base.finished_at - number * interval '20 minutes'",
                "body_id": "NULL",
            },
        ),
    )
    fetch = _next_id(Fetch)
    for model, count, values in copies:
        copy_rows(model, 1, count, values)
    copy_rows(Rejection, 1, amounts.papers // 100, {"fetch_id": f"{fetch} + number - 1"})
    return f"{Consent.objects.count():,} consents, {Letter.objects.count():,} letters"


def _next_id(model: type[Model]) -> int:
    """Return the id that the next row will have, as nobody else writes."""
    newest: int | None = model._default_manager.aggregate(last=Max("pk"))["last"]
    return (newest or 0) + 1
