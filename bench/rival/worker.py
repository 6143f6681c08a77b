"""One process of django-newsletter: `python -m bench.rival.worker lay|send`, with its own
environment's Python, away from our packages.
"""

import sys
from collections.abc import Callable
from typing import Any

import django
from django.apps import apps
from django.conf import settings
from django.core.management import call_command

from bench.protocol import Job, speak

WRITTEN_AT_ONCE = 2_000


def prepared(job: Job) -> Callable[[], int]:
    """Set Django up for a job, and return what is measured.

    The job holds: database (as in DATABASES), port (of the SMTP sink), articles (title, url and
    text of each), counts (the readers of each process) and number (this process's place).
    """
    settings.configure(
        DATABASES={"default": job["database"]},
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        EMAIL_HOST="127.0.0.1",
        EMAIL_PORT=job["port"],
        INSTALLED_APPS=[
            "django.contrib.contenttypes",
            "django.contrib.auth",
            "django.contrib.sites",
            "sorl.thumbnail",
            "newsletter",
        ],
        NEWSLETTER_THUMBNAIL="sorl-thumbnail",
        NEWSLETTER_USE_HTTPS=True,
        ROOT_URLCONF="newsletter.urls",
        SECRET_KEY="bench",  # noqa: S106 - nothing is signed
        SITE_ID=1,
        TEMPLATES=[
            {"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}
        ],
        USE_TZ=True,
    )
    django.setup()
    return (lambda: lay(job)) if sys.argv[1] == "lay" else submission_of(job)


def lay(job: Job) -> int:
    """Write the tables and, for each process, a newsletter with its readers and the message to
    send. Returns the number of readers.
    """
    call_command("migrate", verbosity=0)
    for number, count in enumerate(job["counts"]):
        newsletter = model("Newsletter").objects.create(
            title="Paperboy",
            slug=f"share-{number}",
            email="paperboy@example.org",
            sender="Paperboy",
        )
        message = model("Message").objects.create(
            newsletter=newsletter, title="Today’s papers", slug=newsletter.slug
        )
        for article in job["articles"]:
            model("Article").objects.create(post=message, **article)
        readers = (f"reader{number}-{place}@example.net" for place in range(count))
        model("Subscription").objects.bulk_create(
            [
                model("Subscription")(newsletter=newsletter, email_field=address, subscribed=True)
                for address in readers
            ],
            WRITTEN_AT_ONCE,
        )
    return sum(job["counts"])


def submission_of(job: Job) -> Callable[[], int]:
    """Read this process's message; the returned job submits it, as staff and the hourly job do:
    all readers in one loop.
    """
    message = (
        model("Message").objects.select_related("newsletter").get(slug=f"share-{job['number']}")
    )

    def submit() -> int:
        submission = model("Submission").from_message(message)
        submission.prepared = True
        submission.submit()
        return int(submission.subscriptions.count())

    return submit


def model(name: str) -> Any:
    """Return a model of django-newsletter, which a checker of types would look for in our
    package of that name.
    """
    return apps.get_model("newsletter", name)


if __name__ == "__main__":
    speak(prepared)
