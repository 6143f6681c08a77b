"""A Redis database of the test's own, so that it can be flushed without hurting others."""

import os
from pathlib import Path

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from newsletter.sending.rate.bucket import RedisBucket


@pytest.fixture
def redis_client(settings):
    url = settings.CELERY_BROKER_URL.replace("redis+socket://", "unix://", 1)
    number = 4 + int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    client = redis.Redis.from_url(url, db=number)
    client.flushdb()
    yield client
    client.close()


@pytest.fixture
def bucket(redis_client):
    return RedisBucket(redis_client)


@pytest.fixture
def absent_bucket(tmp_path: Path):
    """A bucket on a server that is not there."""
    client = redis.Redis(unix_socket_path=str(tmp_path / "nobody"), retry=Retry(NoBackoff(), 0))
    yield RedisBucket(client)
    client.close()
