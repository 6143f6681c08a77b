"""Forgetting raw bytes that were kept long enough; what they said stays."""

from datetime import datetime, timedelta

from django.conf import settings

from ingest.models import Fetch, FetchBody


def forget_bodies(now: datetime) -> int:
    """Delete the bodies of all fetches that began over RAW_BODY_DAYS ago, and return how many
    bodies went.

    The same bytes may belong to a younger fetch; then they stay.
    """
    limit = now - timedelta(days=settings.RAW_BODY_DAYS)
    Fetch.objects.filter(started_at__lt=limit, body__isnull=False).update(body=None)
    return FetchBody.objects.filter(fetches=None).delete()[0]
