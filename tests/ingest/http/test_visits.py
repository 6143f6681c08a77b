"""A visit takes its turn, asks once, and leaves behind when to ask again: in the error for this
source, in the row for the host.
"""

from datetime import UTC, datetime, timedelta

import pytest

from ingest.http import visits
from ingest.http.backoff import LONGEST_PAUSE, TRIES
from ingest.http.faults import Fault, UpstreamError
from ingest.http.visits import our_client, visit
from ingest.models import HostPace
from tests.ingest.upstream import Reply, json_reply, throttled

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 1, 9, 6, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def at(instant=NOW):
    return lambda: instant


def fault(client, url, **options) -> UpstreamError:
    with pytest.raises(UpstreamError) as caught:
        visit(client, url, clock=options.pop("clock", at()), draw=lambda: 0.5, **options)
    return caught.value


def test_a_good_visit_gives_the_answer_and_the_turn_back(upstream, client):
    upstream.script("/page", json_reply([]))
    instants = iter([NOW, NOW + 2 * SECOND])
    assert visit(client, upstream.url("/page"), clock=lambda: next(instants)).body == b"[]"
    pace = HostPace.objects.get()
    assert (pace.host, pace.next_at, pace.cool_down_until) == ("127.0.0.1", NOW + 3 * SECOND, None)


def test_a_second_visit_too_soon_sends_nothing(upstream, client):
    upstream.script("/page", json_reply([]))
    visit(client, upstream.url("/page"), clock=at())
    error = fault(client, upstream.url("/page"))
    assert (error.kind, error.permanent, error.retry_at) == (
        Fault.NOT_OUR_TURN,
        False,
        NOW + SECOND,
    )
    assert len(upstream.requests) == 1


def test_being_throttled_with_a_time_keeps_everybody_away_till_then(upstream, client):
    upstream.script("/page", throttled(retry_after="Fri, 09 Jan 2026 06:10:00 GMT"))
    assert fault(client, upstream.url("/page")).retry_at == NOW + 600 * SECOND
    waiting = fault(client, upstream.url("/other"), clock=at(NOW + 599 * SECOND))
    assert (waiting.kind, waiting.retry_at) == (Fault.NOT_OUR_TURN, NOW + 600 * SECOND)
    assert len(upstream.requests) == 1


@pytest.mark.parametrize(("failures", "seconds"), [(0, 1), (1, 2), (2, 4), (3, 8)])
def test_being_throttled_without_a_time_backs_off(upstream, client, failures, seconds):
    upstream.script("/page", throttled())
    assert (
        fault(client, upstream.url("/page"), failures=failures).retry_at == NOW + seconds * SECOND
    )
    assert HostPace.objects.get().cool_down_until == NOW + seconds * SECOND


def test_the_fifth_failure_gives_up_but_still_cools_the_host_down(upstream, client):
    upstream.script("/page", throttled())
    assert fault(client, upstream.url("/page"), failures=TRIES - 1).retry_at is None
    assert HostPace.objects.get().cool_down_until == NOW + LONGEST_PAUSE


def test_the_fifth_failure_gives_up_whatever_the_upstream_tells(upstream, client):
    upstream.script("/page", throttled(retry_after="Fri, 09 Jan 2026 06:30:00 GMT"))
    assert fault(client, upstream.url("/page"), failures=TRIES - 1).retry_at is None
    assert HostPace.objects.get().cool_down_until == NOW + 1800 * SECOND


def test_a_broken_answer_is_tried_again_and_does_not_stop_other_pages(upstream, client):
    upstream.script("/page", Reply(body=b"[]", lacking=1))
    assert fault(client, upstream.url("/page")).retry_at == NOW + SECOND
    assert HostPace.objects.get().cool_down_until is None


def test_what_cannot_help_is_not_tried_again(upstream, client):
    upstream.script("/page", Reply(404))
    error = fault(client, upstream.url("/page"))
    assert (error.kind, error.retry_at) == (Fault.REFUSED, None)


def test_a_turn_is_given_back_after_a_failure(upstream, client):
    fault(client, upstream.url("/page"))
    assert HostPace.objects.get().next_at == NOW + SECOND


def test_a_good_answer_that_used_up_the_quota_cools_the_host_down(upstream, client):
    upstream.script("/page", json_reply([], ratelimit='"api";r=0;t=60'))
    visit(client, upstream.url("/page"), clock=at())
    assert HostPace.objects.get().cool_down_until >= NOW + 61 * SECOND


def test_arxiv_is_backed_off_from_for_minutes(monkeypatch, upstream, client):
    monkeypatch.setitem(visits.spacing.PACES, "127.0.0.1", visits.spacing.PACES["arxiv.org"])
    upstream.script("/page", throttled())
    assert fault(client, upstream.url("/page"), failures=2).retry_at == NOW + 120 * SECOND


def test_our_client_says_who_we_are(settings):
    settings.FETCH_USER_AGENT = (
        "Paperboy/0 (+https://paperboy.example.org; mailto:operator@example.org)"
    )
    with pytest.raises(UpstreamError) as caught:
        our_client().get("http://127.0.0.1/", now=NOW)
    assert caught.value.kind is Fault.FORBIDDEN
