"""The product app: editions, ranking, composing, sending, the site and the desk."""

from importlib import import_module

from django.apps import AppConfig

from newsletter.celery import app as celery_app


class NewsletterConfig(AppConfig):
    name = "newsletter"
    default_auto_field = "django.db.models.BigAutoField"
    celery_app = celery_app
    """Kept here so that every Django process enqueues on our broker, also where `@shared_task`
    is used.
    """

    def ready(self) -> None:
        """Connect what listens to other apps' signals, register the checks and tell the privacy
        registry what we hold, which needs every model loaded.
        """
        import_module("newsletter.receivers")
        import_module("newsletter.checks")
        import_module("newsletter.privacy").register_holdings()
