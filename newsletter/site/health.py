"""Probes: whether this process lives, and whether it can serve."""

from collections.abc import Callable
from functools import cache

import redis
import structlog
from django.db import DatabaseError, InterfaceError, connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.loader import MigrationLoader
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.utils.cache import add_never_cache_headers

from newsletter.broker import broker_client
from newsletter.healthcheck import READY

log = structlog.get_logger(__name__)

LIVE = "/healthz"
ANSWER_SECONDS = 2
"""How long each server may take to answer. Whoever probes waits some seconds at most."""

Handler = Callable[[HttpRequest], HttpResponse]


class NotReady(Exception):
    """A part that this process needs is missing; the text says which, for the log."""


def answer_probes(get_response: Handler) -> Handler:
    """Answer probes before any other middleware: they come over plain HTTP and by IP address, which
    the checks of host and scheme would refuse.

    `LIVE` is answered 200 while the process can answer at all: a restart mends nothing else.
    `READY` is answered 503 while the database does not answer or is not migrated, or the broker
    does not answer. The answers say no more, since anybody can ask; the log has the reason.
    """

    def answer(request: HttpRequest) -> HttpResponse:
        if request.path_info not in (LIVE, READY):
            return get_response(request)
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET", "HEAD"])
        well = request.path_info == LIVE or _is_ready()
        response = HttpResponse(
            "ok\n" if well else "not ready\n", "text/plain", status=200 if well else 503
        )
        add_never_cache_headers(response)
        return response

    return answer


def _is_ready() -> bool:
    try:
        _check_database()
        _check_broker()
    except (NotReady, DatabaseError, InterfaceError, redis.RedisError) as error:
        reason = str(error) if isinstance(error, NotReady) else type(error).__name__
        log.warning("not_ready", reason=reason)
        return False
    return True


def _check_database() -> None:
    """Ask over a connection of its own: one that is kept may hang for minutes when its server is
    gone.

    Raises:
        NotReady: a migration of this version is missing.
        DatabaseError: the database does not answer, or has no tables.
    """
    probe = connection.copy()
    _answer_soon(probe)
    try:
        with probe.cursor() as cursor:
            cursor.execute("SELECT app, name FROM django_migrations")
            applied = set(cursor.fetchall())
    finally:
        probe.close()
    if missing := _migrations() - applied:
        raise NotReady(f"{len(missing)} migrations are missing")


def _answer_soon(probe: BaseDatabaseWrapper) -> None:
    options = probe.settings_dict["OPTIONS"]
    if probe.vendor == "postgresql":
        limit = f"-c statement_timeout={ANSWER_SECONDS * 1000}"
        options |= {
            "connect_timeout": ANSWER_SECONDS,
            "options": f"{options.get('options', '')} {limit}",
        }
    else:
        # SQLite's own command for a new connection sets a longer time.
        options.pop("init_command", None)
        options["timeout"] = ANSWER_SECONDS


@cache
def _migrations() -> set[tuple[str, str]]:
    """Return (app, name) of every migration of this version."""
    return set(MigrationLoader(None).disk_migrations or {})


def _check_broker() -> None:
    with broker_client(ANSWER_SECONDS) as broker:
        broker.ping()
