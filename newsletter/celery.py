"""The Celery application: it only wakes workers; the database decides what is due."""

import os

from celery import Celery
from celery.signals import worker_process_init

from newsletter.garbage import collect_rarely

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "newsletter.settings")

app = Celery("paperboy")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_process_init.connect
def begin_work(**_signal: object) -> None:
    """Make a new worker process ready for long runs."""
    collect_rarely()
