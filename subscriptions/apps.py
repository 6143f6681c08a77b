"""The readers app: who reads, what they chose and what they agreed to."""

from importlib import import_module

from django.apps import AppConfig


class SubscriptionsConfig(AppConfig):
    name = "subscriptions"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the system checks, which need loaded settings."""
        import_module("subscriptions.checks")
