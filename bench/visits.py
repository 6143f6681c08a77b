"""Asking for pages and watching what the database does meanwhile: which pages there are, found in
the admin's own lists and in the site's addresses.
"""

import gzip
import json
import time
from collections.abc import Iterator, Mapping, Set
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import admin
from django.contrib.admin import ModelAdmin, SimpleListFilter
from django.contrib.auth.models import User
from django.db import DatabaseError, connection
from django.db.models import Field, ForeignKey, Model
from django.http import HttpRequest
from django.test import Client, RequestFactory
from django.urls import NoReverseMatch, URLPattern, reverse

from bench.world import ALL_DUE
from newsletter.models import Candidate, Delivery, Edition, FeedbackKind
from subscriptions import links
from subscriptions.models import Topic

LARGE = 10_000
"""Rows from which on it matters that a table is read from end to end."""
CUT_SHORT = 0.1
"""A scan is cut short by a LIMIT above it that needs less than this share of the scan's cost."""
NEEDS_ALL_ROWS = frozenset({"Sort", "Aggregate", "Hash", "WindowAgg", "Materialize"})
FILTER_VALUES = 12
STANDARD = frozenset({"changelist", "add", "history", "delete", "change", "step"})


@dataclass(frozen=True, slots=True)
class Page:
    """A page under its name for the table."""

    name: str
    path: str


@dataclass(frozen=True, slots=True)
class Visit:
    """How one page was answered: milliseconds of the first request and of the fastest later one,
    queries of one request, octets of the answer, plain and packed with gzip, and the large tables
    that were read from end to end. `broken_off` says that a query took too long.
    """

    page: Page
    status: int
    first: float
    best: float
    queries: int
    octets: int
    packed: int
    scans: tuple[str, ...]
    broken_off: bool


@dataclass(slots=True)
class Watch:
    """Keeps the statements of a request; a wrapper for `connection.execute_wrapper`."""

    statements: list[tuple[str, Any]]

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        self.statements.append((sql, params))
        return execute(sql, params, many, context)


class Visitor:
    """Asks for pages, as staff who may see everything."""

    def __init__(self, repeat: int, limit: int) -> None:
        """`repeat` requests follow the first one; a query is broken off after `limit` seconds."""
        self.repeat, self.limit = repeat, limit
        self.staff = User.objects.create_superuser("bench", password=None)
        host = settings.ALLOWED_HOSTS[0]
        self.client = Client(raise_request_exception=False, SERVER_NAME=host)
        self.client.force_login(self.staff, "django.contrib.auth.backends.ModelBackend")
        with connection.cursor() as cursor:
            cursor.execute("SET statement_timeout = %s", [limit * 1000])
            cursor.execute(
                "SELECT relname FROM pg_class WHERE relkind = 'r' AND reltuples > %s", [LARGE]
            )
            self.large = {name for (name,) in cursor.fetchall()}

    def visit(self, page: Page) -> Visit:
        """Ask for a page several times."""
        watch = Watch([])
        first, answer = self._timed(page.path, watch)
        content = b"".join(answer.streaming_content) if answer.streaming else answer.content
        times = []
        broken_off = first > self.limit * 1000
        for _ in range(0 if broken_off else self.repeat):
            watch.statements.clear()
            times.append(self._timed(page.path, watch)[0])
        return Visit(
            page,
            answer.status_code,
            first,
            min(times, default=first),
            len(watch.statements),
            len(content),
            len(gzip.compress(content, 6)),
            self._scans(watch),
            broken_off,
        )

    def request(self) -> HttpRequest:
        """Return a request of the staff's, as the admin's methods want one."""
        request = RequestFactory().get("/")
        request.user = self.staff
        return request

    def _timed(self, path: str, watch: Watch) -> tuple[float, Any]:
        began = time.perf_counter()
        with connection.execute_wrapper(watch):
            answer = self.client.get(path, secure=True)
        return (time.perf_counter() - began) * 1000, answer

    def _scans(self, watch: Watch) -> tuple[str, ...]:
        found: dict[str, None] = {}
        for sql, params in watch.statements:
            if sql.lstrip().upper().startswith(("SELECT", "WITH")):
                with suppress(DatabaseError), connection.cursor() as cursor:
                    cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}", params)
                    [(plan,)] = cursor.fetchall()
                    [root] = plan if isinstance(plan, list) else json.loads(plan)
                    found |= dict.fromkeys(read_whole(root["Plan"], self.large))
        return tuple(found)


def read_whole(
    node: Mapping[str, Any], large: Set[str], limit_cost: float | None = None
) -> Iterator[str]:
    """Yield the `large` tables that a plan (EXPLAIN, FORMAT JSON) reads from end to end.

    `limit_cost` is the cost of the LIMIT above the node, where nothing between the two needs all
    rows: a scan under it may end early.
    """
    cost, kind, table = node["Total Cost"], node["Node Type"], node.get("Relation Name", "")
    ends_early = limit_cost is not None and limit_cost <= CUT_SHORT * cost
    if kind == "Seq Scan" and table in large and not ends_early:
        yield table
    if kind == "Limit":
        limit_cost = cost
    elif kind in NEEDS_ALL_ROWS:
        limit_cost = None
    for below in node.get("Plans", ()):
        yield from read_whole(below, large, limit_cost)


def desk_pages(visitor: Visitor) -> Iterator[Page]:
    """Yield the start page, and each list of the desk with its filters, orders, last page, searches
    and objects.
    """
    yield Page("desk", reverse("admin:index"))
    for model, model_admin in admin.site._registry.items():
        request = visitor.request()
        if model_admin.has_view_permission(request):
            yield from _pages_of(model, model_admin, request)


def _pages_of(
    model: type[Model], model_admin: "ModelAdmin[Any]", request: HttpRequest
) -> Iterator[Page]:
    name = f"{model._meta.app_label}_{model._meta.model_name}"
    title = f"desk: {model._meta.verbose_name_plural}"
    listed = reverse(f"admin:{name}_changelist")
    yield Page(title, listed)
    for what, query in _queries(model, model_admin, request):
        yield Page(f"{title}, {what}", f"{listed}?{urlencode(query)}")
    if model_admin.has_add_permission(request):
        yield Page(f"{title}, add", reverse(f"admin:{name}_add"))
    shown = _shown(model)
    for pattern in model_admin.get_urls():
        if isinstance(pattern, URLPattern) and (page := _own_page(pattern, name, title, shown)):
            yield page
    if shown is not None:
        for kind in ("change", "history"):
            yield Page(f"{title}, {kind}", reverse(f"admin:{name}_{kind}", args=[shown.pk]))
        for step in getattr(model_admin, "steps", ()):
            address = reverse(f"admin:{name}_step", args=[shown.pk, step.name])
            yield Page(f"{title}, step {step.name}", address)


def _queries(
    model: type[Model], model_admin: "ModelAdmin[Any]", request: HttpRequest
) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield what a list can be asked for, with the query: its last page, each value of its filters,
    some searches, and each column by which it can be ordered.
    """
    last = -(-model._default_manager.count() // model_admin.list_per_page)
    if last > 1:
        yield "last page", {"p": str(last)}
    yield from _filters(model, model_admin, request)
    if model_admin.get_search_fields(request):
        for term in ("reader5@example.net", "4711", "learning"):
            yield f"search {term}", {"q": term}
    changes = model_admin.get_changelist_instance(request)
    for number, column in enumerate(changes.list_display):
        if changes.get_ordering_field(column) is not None:
            yield f"by {column}", {"o": str(number)}


def _own_page(pattern: URLPattern, name: str, title: str, shown: Model | None) -> Page | None:
    """Return a page that the product adds to an admin; None where its address needs more than an
    object.
    """
    own = (pattern.name or "").removeprefix(f"{name}_")
    if not pattern.name or own in STANDARD:
        return None
    for arguments in ([], [shown.pk] if shown is not None else []):
        with suppress(NoReverseMatch):
            return Page(f"{title}, {own}", reverse(f"admin:{pattern.name}", args=arguments))
    return None


def _filters(
    model: type[Model], model_admin: "ModelAdmin[Any]", request: HttpRequest
) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the name of each filter's value, with its query."""
    for given in model_admin.get_list_filter(request):
        of_a_field = given[0] if isinstance(given, (list, tuple)) else given
        if isinstance(of_a_field, str):
            field = model._meta.get_field(of_a_field)
            if isinstance(field, Field):
                lookup, values = _values(field)
                for value in values[:FILTER_VALUES]:
                    yield f"{of_a_field} {value}", {lookup: value}
        elif isinstance(of_a_field, type) and issubclass(of_a_field, SimpleListFilter):
            chosen = of_a_field(request, {}, model, model_admin)
            for value, _label in chosen.lookup_choices[:FILTER_VALUES]:
                yield f"{chosen.parameter_name} {value}", {str(chosen.parameter_name): str(value)}


def _values(field: "Field[Any, Any]") -> tuple[str, list[str]]:
    """Return by which lookup a field is filtered, and for which values."""
    if isinstance(field, ForeignKey):
        rows = field.related_model._default_manager.values_list("pk", flat=True)  # type: ignore[union-attr]  # never the text "self" once models are loaded
        return f"{field.name}__id__exact", [str(pk) for pk in rows[:2]]
    if field.choices:
        return f"{field.name}__exact", [str(value) for value, _ in field.flatchoices]
    return f"{field.name}__exact", ["1", "0"]


def _shown(model: type[Model]) -> Model | None:
    """Return the object whose pages are looked at: the newest, of deliveries and readers one with
    everything.
    """
    newest = Edition.objects.order_by("-day").only("pk").first()
    delivery = Delivery.objects.filter(edition=newest).exclude(papers=[]).order_by("pk").first()
    if delivery is not None and newest is not None:
        if model is Edition:
            return newest
        if model is Delivery:
            return delivery
        if model is type(delivery.subscriber):
            return delivery.subscriber
    return model._default_manager.order_by("-pk").first()


def site_pages() -> Iterator[Page]:
    """Yield what anybody may read, and what the links in one reader's mail lead to."""
    newest = Edition.objects.order_by("-day").only("pk", "day", "cadence")[0]
    oldest = Edition.objects.order_by("day").only("pk", "day", "cadence")[0]
    for name in ("home", "editions", "topics", "search", "sign_up", "ask_preferences"):
        yield Page(f"site: {name}", reverse(name))
    for which, edition in (("newest", newest), ("oldest", oldest)):
        address = reverse("edition", args=[edition.cadence, edition.day])
        yield Page(f"site: {which} edition", address)
    for topic in Topic.objects.filter(retired=False).order_by("pk")[:3]:
        yield Page(f"site: topic {topic.slug}", reverse("topic", args=[topic.slug]))
    title = Candidate.objects.filter(edition=newest).order_by("pk")[0].paper.title
    for asked in ("language model", "the", title[:60], "xyzzyx"):
        yield Page(f"site: search {asked[:30]}", f"{reverse('search')}?{urlencode({'q': asked})}")
    yield from _pages_of_a_mail(newest)


def _pages_of_a_mail(edition: Edition) -> Iterator[Page]:
    with_phrases = edition.deliveries.exclude(profile__phrases=[]).exclude(papers=[])
    delivery = (with_phrases.order_by("pk").first()) or edition.deliveries.exclude(papers=[])[0]
    reader, paper = delivery.subscriber_id, delivery.papers[0]
    act = links.act_url(delivery.pk, ALL_DUE)
    for name, address in (
        ("digest in the browser", links.view_url(delivery.pk)),
        ("more like this", f"{act}{FeedbackKind.MORE}/{paper}/"),
        ("read", f"{act}read/{paper}/"),
        ("leave", links.leave_url(reader, edition.pk)),
        ("preferences", links.preferences_url(reader, ALL_DUE)),
        ("taste", f"{links.preferences_url(reader, ALL_DUE)}taste/"),
        ("address", f"{links.preferences_url(reader, ALL_DUE)}address/"),
    ):
        yield Page(f"site: {name}", address.removeprefix(settings.SITE_URL))
