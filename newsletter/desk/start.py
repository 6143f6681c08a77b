"""The start page: today's editions, what needs a person, the readers, and what ran last."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from ingest.models import Fetch, FetchStatus, Rejection
from newsletter.desk.editions import CANDIDATE_COUNT, editions_that_fail
from newsletter.models import (
    Batch,
    DeliveryStatus,
    Edition,
    EditionState,
    Provider,
)
from newsletter.sending.counting import NOT_MADE, counted
from subscriptions.models import (
    Letter,
    LetterState,
    Machine,
    RequestBreaker,
    Subscriber,
    SubscriberState,
)

RECENT = timedelta(days=3)
"""How far back failed fetches and rejected entries call for a person; older ones are history."""
NEWEST_EDITIONS, LAST_FETCHES = 8, 6


@dataclass(frozen=True, slots=True)
class Call:
    """Something that waits for a person: how many of what, and where to look."""

    text: str
    url: str


@dataclass(frozen=True, slots=True)
class _Question:
    permission: str
    what: Any
    url_name: str
    query: str
    rows: Callable[[datetime], QuerySet[Any] | int]


def _deliveries(what: str) -> int:
    """Return how many deliveries of the newest editions have a status, or are `NOT_MADE`."""
    newest = list(Edition.objects.values_list("pk", flat=True)[:NEWEST_EDITIONS])
    return counted(Batch.objects.filter(edition__in=newest))[what]


_QUESTIONS = (
    _Question(
        "newsletter.view_edition",
        ngettext_lazy("%d edition held", "%d editions held"),
        "newsletter_edition",
        f"state__exact={EditionState.HELD}",
        lambda _now: Edition.objects.filter(state=EditionState.HELD),
    ),
    _Question(
        "newsletter.view_edition",
        ngettext_lazy("%d run paused", "%d runs paused"),
        "newsletter_edition",
        f"state__exact={EditionState.SENDING}",
        lambda _now: Edition.objects.exclude(paused_at=None).exclude(
            state__in=[EditionState.CANCELLED, EditionState.DONE]
        ),
    ),
    _Question(
        "newsletter.view_edition",
        ngettext_lazy("%d edition cannot go on", "%d editions cannot go on"),
        "newsletter_edition",
        "fails=yes",
        lambda _now: editions_that_fail(Edition.objects.all()),
    ),
    _Question(
        "newsletter.view_batch",
        ngettext_lazy("%d batch fails again and again", "%d batches fail again and again"),
        "newsletter_batch",
        "fails=yes",
        lambda _now: Batch.objects.failing(),
    ),
    _Question(
        "newsletter.view_delivery",
        ngettext_lazy(
            "%d delivery uncertain in the newest editions",
            "%d deliveries uncertain in the newest editions",
        ),
        "newsletter_delivery",
        f"status__exact={DeliveryStatus.UNCERTAIN}",
        lambda _now: _deliveries(DeliveryStatus.UNCERTAIN),
    ),
    _Question(
        "newsletter.view_delivery",
        ngettext_lazy(
            "%d digest of the newest editions could not be made",
            "%d digests of the newest editions could not be made",
        ),
        "newsletter_delivery",
        f"status__exact={DeliveryStatus.FAILED}",
        lambda _now: _deliveries(NOT_MADE),
    ),
    _Question(
        "newsletter.view_provider",
        ngettext_lazy(
            "%d provider rests because it failed", "%d providers rest because they failed"
        ),
        "newsletter_provider",
        "",
        lambda now: Provider.objects.filter(rests_until__gt=now),
    ),
    _Question(
        "subscriptions.view_machine",
        ngettext_lazy(
            "%d machine would send but is not armed: see manage.py arm",
            "%d machines would send but are not armed: see manage.py arm",
        ),
        "subscriptions_machine",
        "",
        lambda now: Machine.objects.filter(armed_at=None, renewed_at__gt=now - RECENT),
    ),
    _Question(
        "subscriptions.view_letter",
        ngettext_lazy("%d letter uncertain", "%d letters uncertain"),
        "subscriptions_letter",
        f"state__exact={LetterState.UNCERTAIN}",
        lambda _now: Letter.objects.filter(state=LetterState.UNCERTAIN),
    ),
    _Question(
        "subscriptions.view_letter",
        ngettext_lazy("%d letter failed in three days", "%d letters failed in three days"),
        "subscriptions_letter",
        f"state__exact={LetterState.FAILED}",
        lambda now: Letter.objects.filter(state=LetterState.FAILED, created_at__gt=now - RECENT),
    ),
    _Question(
        "subscriptions.view_requestbreaker",
        ngettext_lazy(
            "%d request breaker refuses sign-ups: too many mails were asked for",
            "%d request breakers refuse sign-ups: too many mails were asked for",
        ),
        "subscriptions_requestbreaker",
        "",
        lambda now: RequestBreaker.objects.refusing(now),
    ),
    _Question(
        "ingest.view_fetch",
        ngettext_lazy("%d fetch failed in three days", "%d fetches failed in three days"),
        "ingest_fetch",
        f"status__exact={FetchStatus.FAILED}",
        lambda now: Fetch.objects.filter(status=FetchStatus.FAILED, started_at__gt=now - RECENT),
    ),
    _Question(
        "ingest.view_rejection",
        ngettext_lazy("%d entry rejected in three days", "%d entries rejected in three days"),
        "ingest_fetch",
        "rejects=some",
        lambda now: Rejection.objects.filter(fetch__started_at__gt=now - RECENT),
    ),
)


def start_page(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Add to the admin's index what this person may see of it."""
    may = request.user.has_perm
    now = timezone.now()
    return {
        **context,
        "title": _("Start"),
        "editions": _editions() if may("newsletter.view_edition") else None,
        "calls": [
            call
            for question in _QUESTIONS
            if may(question.permission) and (call := _call(question, now))
        ],
        "may_see_something": any(may(question.permission) for question in _QUESTIONS),
        "readers": _readers() if may("subscriptions.view_subscriber") else None,
        "fetches": Fetch.objects.select_related("source")[:LAST_FETCHES]
        if may("ingest.view_fetch")
        else None,
        "now": now,
    }


def _call(question: _Question, now: datetime) -> Call | None:
    rows = question.rows(now)
    count = rows if isinstance(rows, int) else rows.count()
    url = f"{reverse(f'admin:{question.url_name}_changelist')}?{question.query}"
    return Call(question.what % count, url) if count else None


def _editions() -> QuerySet[Edition]:
    counted = Edition.objects.defer("statistics").annotate(candidate_count=CANDIDATE_COUNT)
    return counted.order_by("-day", "cadence")[:NEWEST_EDITIONS]


def _readers() -> list[tuple[str, int, str]]:
    """Return (state, how many, where to see them) for each state, and below them the facts
    beside the state.
    """
    # One by one: an index has the readers of each state, and a GROUP BY reads the table.
    counted = {
        state.value: Subscriber.objects.filter(state=state).count() for state in SubscriberState
    }
    url = reverse("admin:subscriptions_subscriber_changelist")
    states = [
        (str(state.label), counted[state.value], f"{url}?state__exact={state.value}")
        for state in SubscriberState
    ]
    suppressed = Subscriber.objects.exclude(suppressed_at=None).count()
    return [*states, (str(_("suppressed")), suppressed, f"{url}?fact=suppressed")]
