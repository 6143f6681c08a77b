"""A plain client of the broker's Redis, for what is asked of it beside wake-ups."""

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry


def broker_client(seconds: float) -> redis.Redis:
    """Return a client that waits at most so long for a connection or an answer and tries once."""
    # Celery has a scheme of its own for a socket.
    url = str(settings.CELERY_BROKER_URL).replace("redis+socket://", "unix://", 1)
    return redis.Redis.from_url(
        url,
        socket_timeout=seconds,
        socket_connect_timeout=seconds,
        retry=Retry(NoBackoff(), 0),
        health_check_interval=0,
    )
