"""The Celery application: it only wakes workers; the database decides what is due."""

import os
import sys

from celery import Celery
from celery.signals import celeryd_init, worker_process_init
from django.core.exceptions import ImproperlyConfigured

from newsletter.checks import refuse_wrong_mail_providers
from newsletter.garbage import collect_rarely

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "newsletter.settings")

app = Celery("paperboy")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.steps["consumer"].add("newsletter.worker:SendingSwitch")


@celeryd_init.connect
def check_worker(**_signal: object) -> None:
    """Let no worker start that could not send."""
    try:
        refuse_wrong_mail_providers()
    except ImproperlyConfigured as error:
        sys.exit(str(error))


@worker_process_init.connect
def begin_work(**_signal: object) -> None:
    """Make a new worker process ready for long runs."""
    collect_rarely()
