"""The desk: what staff see."""

from importlib import import_module

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class DeskConfig(AppConfig):
    """Stands after the apps whose permissions it hands out, so that its receiver runs when those
    permissions exist.
    """

    name = "newsletter.desk"
    label = "desk"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Listen for migrations: only now can the receiver's models be imported."""
        groups = import_module("newsletter.desk.groups")
        post_migrate.connect(groups.renew_after_migrate, dispatch_uid="desk_groups")
