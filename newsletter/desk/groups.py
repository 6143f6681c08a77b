"""The staff groups and the least each of them needs.

A permission of the desk is the permission of the row that an action writes: who may add a curation
may curate, who may add a suppression may suppress and lift, who may change a batch may steer a run.
No group can delete anything, and none can touch staff accounts.
"""

from typing import Any

from django.apps import AppConfig
from django.contrib.auth.models import Group, Permission

EDITORS = "editors"
OPERATORS = "operators"

ALLOWED: dict[str, dict[str, tuple[str, ...]]] = {
    EDITORS: {
        "ingest": (
            "view_source",
            "add_source",
            "change_source",
            "view_fetch",
            "add_fetch",
            "view_merge",
            "add_merge",
            "change_merge",
            "view_suggestion",
            "view_rejection",
            "view_paper",
            "add_paper",
            "change_paper",
            "view_listing",
            "view_count",
        ),
        "newsletter": (
            "view_edition",
            "change_edition",
            "view_candidate",
            "view_curation",
            "add_curation",
            "view_strike",
            "add_strike",
        ),
        "subscriptions": ("view_topic", "add_topic", "change_topic"),
    },
    OPERATORS: {
        "ingest": (
            "view_source",
            "view_fetch",
            "view_rejection",
            "view_merge",
            "view_suggestion",
            "view_paper",
            "view_listing",
            "view_count",
        ),
        "newsletter": (
            "view_edition",
            "view_candidate",
            "view_curation",
            "view_strike",
            "view_batch",
            "change_batch",
            "view_delivery",
            "change_delivery",
            "view_providerevent",
            "view_provider",
            "change_provider",
        ),
        "subscriptions": (
            "view_topic",
            "view_profile",
            "view_subscriber",
            "view_consent",
            "view_letter",
            "add_letter",
            "change_letter",
            "view_requestbreaker",
            "change_requestbreaker",
            "view_machine",
            "view_suppression",
            "add_suppression",
        ),
    },
}
"""The codenames of each group by app. A permission of these apps that is not here is taken back
at the next migration.
"""


class UnknownPermission(LookupError):
    """A codename in `ALLOWED` names no permission, so a group would silently be able to do less
    than it should.
    """


def renew_after_migrate(sender: AppConfig, using: str, **_more: Any) -> None:
    """Give both groups exactly their permissions of the app that has just been migrated.
    Permissions of other apps stay.
    """
    for name, apps in ALLOWED.items():
        if sender.label in apps:
            _renew(name, sender.label, apps[sender.label], using)


def _renew(name: str, app_label: str, codenames: tuple[str, ...], using: str) -> None:
    group, _made = Group.objects.using(using).get_or_create(name=name)
    wanted = list(
        Permission.objects.using(using).filter(
            content_type__app_label=app_label, codename__in=codenames
        )
    )
    if missing := {*codenames} - {permission.codename for permission in wanted}:
        raise UnknownPermission(
            f"The group {name} asks for permissions that {app_label} does not have: "
            f"{', '.join(sorted(missing))}."
        )
    surplus = group.permissions.filter(content_type__app_label=app_label).exclude(
        codename__in=codenames
    )
    group.permissions.remove(*surplus)
    group.permissions.add(*wanted)
