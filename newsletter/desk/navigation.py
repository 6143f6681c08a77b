"""The sidebar: what a person may see, in the order of a day."""

from typing import Any

from django.contrib.auth.models import AbstractUser, AnonymousUser
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

_SECTIONS: list[tuple[Promise, list[tuple[Promise, str, str]]]] = [
    (
        _("Today"),
        [
            (_("Editions"), "newspaper", "newsletter.edition"),
            (_("Papers"), "description", "ingest.paper"),
            (_("One or two?"), "difference", "ingest.suggestion"),
            (_("Merged papers"), "merge", "ingest.merge"),
        ],
    ),
    (
        _("Readers"),
        [
            (_("Readers"), "group", "subscriptions.subscriber"),
            (_("Letters"), "mail", "subscriptions.letter"),
            (_("Suppressions"), "block", "subscriptions.suppression"),
            (_("Request breaker"), "shield", "subscriptions.requestbreaker"),
            (_("Topics"), "sell", "subscriptions.topic"),
        ],
    ),
    (
        _("Sending"),
        [
            (_("Deliveries"), "outgoing_mail", "newsletter.delivery"),
            (_("Batches"), "stacks", "newsletter.batch"),
            (_("Providers"), "alt_route", "newsletter.provider"),
            (_("Provider events"), "forward_to_inbox", "newsletter.providerevent"),
            (_("Machines"), "dns", "subscriptions.machine"),
        ],
    ),
    (
        _("Sources"),
        [(_("Sources"), "rss_feed", "ingest.source"), (_("Fetches"), "download", "ingest.fetch")],
    ),
    (
        _("Staff"),
        [(_("Accounts"), "badge", "auth.user"), (_("Groups"), "groups", "auth.group")],
    ),
]


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the navigation in django-unfold's form: sections with the lists whose rows the
    person may view.
    """
    start = {"title": _("Start"), "icon": "home", "link": reverse("admin:index")}
    sections = [
        {"title": title, "items": _items(items, request.user)} for title, items in _SECTIONS
    ]
    return [{"items": [start]}, *(section for section in sections if section["items"])]


def _items(
    items: list[tuple[Promise, str, str]], user: AbstractUser | AnonymousUser
) -> list[dict[str, Any]]:
    found = []
    for title, icon, model in items:
        app, name = model.split(".")
        if user.has_perm(f"{app}.view_{name}"):
            found.append(
                {"title": title, "icon": icon, "link": reverse(f"admin:{app}_{name}_changelist")}
            )
    return found
