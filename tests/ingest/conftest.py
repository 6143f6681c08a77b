"""What tests of ingest may ask for."""

import pytest

from ingest.http.client import PoliteClient
from tests.ingest.upstream import Upstream

USER_AGENT = "Paperboy/test (+https://paperboy.example.org; mailto:operator@example.org)"


@pytest.fixture
def upstream():
    """A scripted server; see tests/ingest/upstream.py."""
    with Upstream() as server:
        yield server
        if server.errors:
            raise server.errors[0]


@pytest.fixture
def client():
    """Our client, allowed to ask a server of the test."""
    return PoliteClient(
        USER_AGENT, plain_http_hosts=frozenset({"127.0.0.1", "localhost"}), allow_loopback=True
    )
