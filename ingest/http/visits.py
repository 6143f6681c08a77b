"""A visit: take the host's turn, ask once, give the turn back, and say when to ask again."""

import random
from collections.abc import Callable
from datetime import datetime

from django.conf import settings

from ingest.http import backoff, spacing
from ingest.http.answer import Answer, Validators
from ingest.http.client import NO_VALIDATORS, PoliteClient
from ingest.http.faults import Fault, UpstreamError

_COOLS_THE_HOST = frozenset({Fault.THROTTLED, Fault.UNAVAILABLE})


def our_client() -> PoliteClient:
    """Return the client that says who we are and how to reach us."""
    return PoliteClient(settings.FETCH_USER_AGENT)


def visit(
    client: PoliteClient,
    url: str,
    *,
    clock: Callable[[], datetime],
    failures: int = 0,
    validators: Validators = NO_VALIDATORS,
    accept: str = "*/*",
    authorization: str = "",
    redirect_hosts: frozenset[str] = frozenset(),
    total_seconds: float | None = None,
    draw: backoff.Draw = random.random,
) -> Answer:
    """Ask `url` once, politely. `failures` is how many tries in a row have failed before this one.

    The parameters that are not explained here are those of PoliteClient.get.

    Raises:
        UpstreamError: when there is no answer. Its `retry_at` is for the caller to store: the
            earliest instant for another try, or None
            to give up until the next schedule. NOT_OUR_TURN means that nothing was sent, and does
            not count as a failure.
        RuntimeError: inside a transaction.
    """
    now = clock()
    come_again = spacing.take_turn(url, now)
    if come_again:
        message = f"{spacing.group_of(url)} is asked again from {come_again:%Y-%m-%d %H:%M:%S} UTC."
        raise UpstreamError(Fault.NOT_OUR_TURN, message, retry_at=come_again)
    try:
        answer = client.get(
            url,
            now=now,
            validators=validators,
            accept=accept,
            authorization=authorization,
            redirect_hosts=redirect_hosts,
            total_seconds=total_seconds,
        )
    except UpstreamError as error:
        _plan_another_try(error, url, clock(), failures + 1, draw)
        raise
    finally:
        spacing.end_turn(url, now, clock())
    if answer.cool_down_until:
        spacing.cool_down(url, answer.cool_down_until)
    return answer


def _plan_another_try(
    error: UpstreamError, url: str, now: datetime, failures: int, draw: backoff.Draw
) -> None:
    """Set when to try again: what the upstream told, else our own backoff; after the last try
    only the host's cool-down is kept.
    """
    pause = (
        None
        if error.permanent
        else backoff.pause(failures, draw, spacing.pace_of(url).backoff_base)
    )
    told = error.retry_at
    if error.kind in _COOLS_THE_HOST:
        spacing.cool_down(url, told or now + (pause or backoff.LONGEST_PAUSE))
    error.retry_at = (told or now + pause) if pause is not None else None
