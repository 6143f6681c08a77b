"""Retention: how long each table that grows keeps its rows, and the task that deletes older ones.

A step deletes the old rows of one table, oldest first, in short transactions. The steps take turns
until nothing is left or the time is over, so that no large table keeps another one from its turn;
the next run goes on. What is not deleted at all is what the product promises to remember: papers
and their listings, the mailed history, consents and suppressions, staff decisions, one row per
edition with its books.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import datetime, timedelta
from itertools import groupby

import structlog
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import Exists, Model, OuterRef, ProtectedError, Q, QuerySet

from ingest.models import Count, Fetch, FetchBody, FetchStatus, Listing, Run, RunState, Source
from newsletter.editions.candidates import best_first
from newsletter.faults import isolated
from newsletter.models import (
    AFTER_FREEZE,
    FINISHED,
    UNDER_WAY,
    Batch,
    Candidate,
    Click,
    CompiledEdition,
    Delivery,
    Edition,
    EditionCadence,
    ProviderEvent,
)
from newsletter.sending.books import books
from newsletter.sending.history import mailed_among, remember
from newsletter.sending.record import MAILED
from subscriptions.models import (
    AddressChange,
    Letter,
    Profile,
    SignUp,
    Subscriber,
    SubscriberState,
)
from subscriptions.models.letter import OPEN_STATES
from subscriptions.tokens import MAX_AGE_DAYS, Power

log = structlog.get_logger(__name__)

Step = Callable[[datetime], Iterator[int]]
"""Deletes the old rows of a table. After each transaction it yields how many rows went."""

SECONDS = 120
"""How long one run may take; the last transaction of each step may end a moment later."""
ROWS_AT_ONCE = 500
BODIES_AT_ONCE = 20
"""Raw bytes of a page are up to some megabytes."""
CANDIDATES_KEPT = 100
"""Of an old edition the site goes on showing so many papers, two pages."""
KEEP_WISH_DAYS = MAX_AGE_DAYS[Power.CHANGE_ADDRESS] + 1
"""A change of address that was not made names what may be a stranger's mailbox: it goes as soon
as its link has surely run out.
"""


def delete_old_rows(now: datetime, *, seconds: float = SECONDS) -> dict[str, int]:
    """Delete what is older than its period, and return how many rows each step deleted. Safe to
    repeat, to break off and to run twice at once.

    A step that raises an exception stops no other one.
    """
    deleted: Counter[str] = Counter(dict.fromkeys(STEPS, 0))
    running = {name: step(now) for name, step in STEPS.items()}
    until = time.monotonic() + seconds
    while running and time.monotonic() < until:
        for name, step in list(running.items()):
            rows = None
            with isolated("old_rows_not_deleted", step=name):
                rows = next(step, None)
            if rows is None:
                del running[name]
            else:
                deleted[name] += rows
    log.info("old_rows_deleted", unfinished=sorted(running), **+deleted)
    return dict(deleted)


def _deliveries(now: datetime) -> Iterator[int]:
    """Delete what only the sending of an edition needed: its deliveries with their clicks and
    provider events, batches, alerts, statistics and compiled editions. The edition keeps its books.
    """
    over = _finished_before(_days_ago(now, settings.KEEP_DELIVERIES_DAYS))
    with_rows = over.filter(
        Exists(Batch.objects.filter(edition=OuterRef("pk")))
        | Exists(CompiledEdition.objects.filter(edition=OuterRef("pk")))
    )
    for edition_id in list(with_rows.values_list("pk", flat=True)):
        if not _keep_books(edition_id):
            continue
        batches = Batch.objects.filter(edition=edition_id).order_by("pk")
        for batch_id in list(batches.values_list("pk", flat=True)):
            yield _delete_batch(batch_id)
        with transaction.atomic():
            edition = Edition.objects.get(pk=edition_id)
            rows = edition.topic_papers.all().delete()[0] + edition.alerts.all().delete()[0]
            rows += edition.compiled.all().delete()[0]
            # The database wants a frozen edition to have statistics; these are none.
            Edition.objects.filter(pk=edition_id, statistics__isnull=False).update(statistics=b"")
        yield rows


def _keep_books(edition_id: int) -> bool:
    """Store the edition's books as they stand, unless they are stored; False when the edition is
    not finished any more. From then on nothing of it is sent again (newsletter.sending.control).
    """
    with transaction.atomic():
        edition = (
            Edition.objects.select_for_update(no_key=True)
            .defer("statistics")
            .filter(pk=edition_id, state__in=FINISHED)
            .first()
        )
        if edition is None or edition.batches.filter(state__in=UNDER_WAY).exists():
            return False
        if edition.final_books is None:
            edition.final_books = asdict(books(edition, from_rows=True))
            edition.save(update_fields=["final_books"])
    return True


def _delete_batch(batch_id: int) -> int:
    """Delete a batch with its deliveries, a few hundred, and return how many rows went."""
    with transaction.atomic():
        deliveries = Delivery.objects.filter(batch=batch_id)
        _remember_mailed(deliveries)
        rows = deliveries.delete()[0]
        return rows + Batch.objects.filter(pk=batch_id).delete()[0]


def _remember_mailed(deliveries: QuerySet[Delivery]) -> None:
    """Add to the mailed history what it lacks of these deliveries, so that no reader gets a paper
    again. The end of each batch has added all of it; here it is made sure.
    """
    mailed: defaultdict[int, set[int]] = defaultdict(set)
    for reader, papers in deliveries.filter(status__in=MAILED).values_list(
        "subscriber_id", "papers"
    ):
        mailed[reader].update(papers)
    known = mailed_among(mailed, {paper for papers in mailed.values() for paper in papers})
    missing = {
        reader: papers - known.get(reader, set())
        for reader, papers in mailed.items()
        if papers - known.get(reader, set())
    }
    if missing:
        log.warning("mailed_history_completed", readers=len(missing))
        remember(missing)


def _profiles_of_deliveries(now: datetime) -> Iterator[int]:
    """Let deliveries forget the profile that they were ranked for, so that a profile that nobody
    has any more can be deleted. Such a delivery is shown without its reasons.
    """
    over = _finished_before(_days_ago(now, settings.KEEP_PROFILES_DAYS))
    for edition_id in list(over.filter(profiles_left_at=None).values_list("pk", flat=True)):
        batches = Batch.objects.filter(edition=edition_id).order_by("pk")
        for batch_id in list(batches.values_list("pk", flat=True)):
            named = Delivery.objects.filter(batch=batch_id, profile__isnull=False)
            if rows := named.update(profile=None):
                yield rows
        Edition.objects.filter(pk=edition_id).update(profiles_left_at=now)


def _candidates(now: datetime) -> Iterator[int]:
    """Delete the candidates of old editions, except the best ones, which the site shows."""
    over = _finished_before(_days_ago(now, settings.KEEP_CANDIDATES_DAYS))
    of_edition = Candidate.objects.filter(edition=OuterRef("pk")).order_by()
    many = over.filter(Exists(of_edition[CANDIDATES_KEPT : CANDIDATES_KEPT + 1]))
    for edition in list(many.defer("statistics")):
        best = [one.pk for one in best_first(edition)[:CANDIDATES_KEPT]]
        others = edition.candidates.exclude(pk__in=best).order_by("pk")
        # Fewer than are kept can be shown when many are hidden or struck.
        while keys := list(others.values_list("pk", flat=True)[:ROWS_AT_ONCE]):
            yield edition.candidates.filter(pk__in=keys).delete()[0]


def _finished_before(instant: datetime) -> QuerySet[Edition]:
    """Return the finished editions that are older, oldest first, without the newest frozen one of
    each cadence: the site shows it, and new readers are welcomed with it.
    """
    newest = [
        Edition.objects.filter(cadence=cadence, state__in=AFTER_FREEZE)
        .order_by("-day")
        .values_list("pk", flat=True)
        .first()
        for cadence in EditionCadence
    ]
    finished = Edition.objects.filter(state__in=FINISHED, nominal_at__lt=instant)
    return finished.exclude(pk__in=[pk for pk in newest if pk]).order_by("nominal_at", "pk")


def _counts(now: datetime) -> Iterator[int]:
    """Thin out the counts of old listings: the newest stays, which says how the paper ended, and
    the one with most votes, which the vote forecast learns from.
    """
    before = _days_ago(now, settings.KEEP_COUNTS_DAYS)
    over = Listing.objects.filter(counts_thinned=False, day__lt=before.date()).order_by("day")
    while listings := list(over.values_list("pk", flat=True)[:ROWS_AT_ONCE]):
        with transaction.atomic():
            counts = Count.objects.filter(listing__in=listings).order_by("listing_id", "-seen_at")
            rows_of = counts.values_list("pk", "listing_id", "votes")
            gone: set[int] = set()
            for _, listed in groupby(rows_of, key=lambda row: row[1]):
                newest, *others = listed
                most = max((newest, *others), key=lambda row: -1 if row[2] is None else row[2])
                gone.update({pk for pk, _, _ in others} - {most[0]})
            rows = Count.objects.filter(pk__in=gone).delete()[0]
            Listing.objects.filter(pk__in=listings).update(counts_thinned=True)
        yield rows


def _raw_bytes(now: datetime) -> Iterator[int]:
    """Delete the raw bytes of old fetches. Bytes that a younger fetch has too stay."""
    before = _days_ago(now, settings.RAW_BODY_DAYS)
    over = Fetch.objects.filter(started_at__lt=before, body__isnull=False).order_by("pk")
    while found := dict(over.values_list("pk", "body_id")[:BODIES_AT_ONCE]):
        with transaction.atomic():
            Fetch.objects.filter(pk__in=found).update(body=None)
            unused = FetchBody.objects.filter(pk__in=set(found.values()), fetches=None)
            rows = unused.only("pk").delete()[0]
        yield rows


def _fetches(now: datetime) -> Iterator[int]:
    """Delete old visits to sources with their rejected entries. What the state of a source is
    told from stays: its newest fetch that was read, and its newest one that listed papers.
    """
    kept: set[int | None] = set()
    for source in Source.objects.all():
        read = source.fetches.filter(status__in=[FetchStatus.DONE, FetchStatus.NOT_MODIFIED])
        kept.add(read.order_by("-finished_at").values_list("pk", flat=True).first())
        listing = source.fetches.filter(listed__gt=0).order_by("-started_at")
        kept.add(listing.values_list("pk", flat=True).first())
    before = _days_ago(now, settings.KEEP_FETCHES_DAYS)
    over = Fetch.objects.exclude(status=FetchStatus.RUNNING).filter(body=None)
    over = over.exclude(pk__in=[pk for pk in kept if pk])
    yield from _delete_by_age(Fetch, "started_at", before, over)


def _runs(now: datetime) -> Iterator[int]:
    """Delete old runs, except the newest scheduled one of each source."""
    kept = [
        source.runs.filter(due_at__isnull=False)
        .order_by("-due_at")
        .values_list("pk", flat=True)
        .first()
        for source in Source.objects.all()
    ]
    over = Run.objects.exclude(state=RunState.RUNNING).exclude(pk__in=[pk for pk in kept if pk])
    before = _days_ago(now, settings.KEEP_FETCHES_DAYS)
    yield from _delete_by_age(Run, "started_at", before, over)


def _clicks(now: datetime) -> Iterator[int]:
    before = _days_ago(now, settings.KEEP_CLICKS_DAYS)
    yield from _delete_by_age(Click, "at", before, Click.objects.filter(counted__isnull=False))


def _provider_events(now: datetime) -> Iterator[int]:
    before = _days_ago(now, settings.KEEP_CLICKS_DAYS)
    applied = ProviderEvent.objects.filter(handled_at__isnull=False)
    yield from _delete_by_age(ProviderEvent, "received_at", before, applied)


def _raw_events(now: datetime) -> Iterator[int]:
    """Delete the providers' own words. What they mean stays."""
    before = _days_ago(now, settings.RAW_EVENT_DAYS)
    over = ProviderEvent.objects.filter(received_at__lt=before).exclude(raw="")
    while keys := list(over.order_by("received_at").values_list("pk", flat=True)[:ROWS_AT_ONCE]):
        yield ProviderEvent.objects.filter(pk__in=keys).update(raw="")


def _letters(now: datetime) -> Iterator[int]:
    before = _days_ago(now, settings.KEEP_LETTERS_DAYS)
    settled = Letter.objects.exclude(state__in=OPEN_STATES)
    yield from _delete_by_age(Letter, "created_at", before, settled)


def _sign_ups(now: datetime) -> Iterator[int]:
    before = _days_ago(now, settings.KEEP_LETTERS_DAYS)
    yield from _delete_by_age(SignUp, "requested_at", before, SignUp.objects.all())


def _unconfirmed_readers(now: datetime) -> Iterator[int]:
    """Delete readers who never confirmed and asked no more, under a lock: nobody begins anything
    for a reader who is just going, and what was begun before is seen.

    One who has a delivery all the same is kept, and told of in the log: the product lets nobody
    be both, and must not stop forgetting the others if it errs.
    """
    before, last = _days_ago(now, settings.KEEP_LETTERS_DAYS), 0
    over = Subscriber.objects.filter(
        state=SubscriberState.PENDING, created_at__lt=before, sign_ups=None
    )
    while True:
        with transaction.atomic():
            oldest = over.filter(pk__gt=last).select_for_update(of=("self",)).order_by("pk")
            locked = list(oldest.values_list("pk", flat=True)[:ROWS_AT_ONCE])
            if not locked:
                return
            last = locked[-1]
            going = Subscriber.objects.filter(pk__in=locked)
            try:
                rows = going.delete()[0]
            except ProtectedError as error:
                named = {getattr(row, "subscriber_id", None) for row in error.protected_objects}
                held = [pk for pk in locked if pk in named]
                log.error("readers_not_forgotten", readers=held)
                rows = going.exclude(pk__in=held).delete()[0]
        yield rows


def _address_changes(now: datetime) -> Iterator[int]:
    """Delete changes of address: those made with the letters about them, others after some days."""
    made_before = _days_ago(now, settings.KEEP_LETTERS_DAYS)
    asked_before = _days_ago(now, min(KEEP_WISH_DAYS, settings.KEEP_LETTERS_DAYS))
    over = AddressChange.objects.filter(Q(made_at=None) | Q(made_at__lt=made_before))
    yield from _delete_by_age(AddressChange, "requested_at", asked_before, over)


def _profiles(now: datetime) -> Iterator[int]:
    """Delete the profiles that no reader, sign-up or delivery names. Each run looks at all of
    them, some hundreds at a time and by index.
    """
    before, last = _days_ago(now, settings.KEEP_PROFILES_DAYS), 0
    profiles = Profile.objects.order_by("pk")
    while keys := list(profiles.filter(pk__gt=last).values_list("pk", flat=True)[:ROWS_AT_ONCE]):
        last = keys[-1]
        yield Profile.objects.filter(pk__in=keys).delete_unused(before)


def _sessions(now: datetime) -> Iterator[int]:
    over = Session.objects.filter(expire_date__lt=now).order_by("expire_date")
    while keys := list(over.values_list("pk", flat=True)[:ROWS_AT_ONCE]):
        yield Session.objects.filter(pk__in=keys).delete()[0]


STEPS: dict[str, Step] = {
    "deliveries": _deliveries,
    "profiles_of_deliveries": _profiles_of_deliveries,
    "candidates": _candidates,
    "counts": _counts,
    "raw_bytes": _raw_bytes,
    "fetches": _fetches,
    "runs": _runs,
    "clicks": _clicks,
    "raw_events": _raw_events,
    "provider_events": _provider_events,
    "letters": _letters,
    "sign_ups": _sign_ups,
    "unconfirmed_readers": _unconfirmed_readers,
    "address_changes": _address_changes,
    "profiles": _profiles,
    "sessions": _sessions,
}


def _delete_by_age(
    model: type[Model], instant: str, before: datetime, over: QuerySet[Model]
) -> Iterator[int]:
    """Delete the rows of `over` that are older, some hundreds at a time.

    Rows are written in order of time, more or less, so their keys lead to the oldest ones and no
    index on the time is needed. The walk ends where some hundred rows in a row are younger.
    """
    last = 0
    by_key = model._default_manager.order_by("pk")
    while rows := list(by_key.filter(pk__gt=last).values_list("pk", instant)[:ROWS_AT_ONCE]):
        last = rows[-1][0]
        old = [pk for pk, at in rows if at < before]
        if not old:
            return
        yield over.filter(pk__in=old).delete()[0]


def _days_ago(now: datetime, days: int) -> datetime:
    return now - timedelta(days=days)
