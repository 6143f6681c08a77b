"""One visit: what is asked, what comes back, and what each fault of an upstream becomes."""

from datetime import UTC, datetime, timedelta

import pytest

from ingest.http.answer import Validators
from ingest.http.client import Limits, PoliteClient
from ingest.http.faults import Fault, UpstreamError
from tests.ingest.conftest import USER_AGENT
from tests.ingest.upstream import (
    Reply,
    dripping,
    json_reply,
    packed,
    redirect,
    throttled,
    validated,
)

NOW = datetime(2026, 1, 9, 6, tzinfo=UTC)


def hurried(**limits):
    hosts = frozenset({"127.0.0.1"})
    return PoliteClient(
        USER_AGENT, limits=Limits(**limits), plain_http_hosts=hosts, allow_loopback=True
    )


def failure(client, url, **options) -> UpstreamError:
    with pytest.raises(UpstreamError) as caught:
        client.get(url, now=NOW, **options)
    return caught.value


def test_a_request_says_who_asks_and_what_for(upstream, client):
    upstream.script("/feed", Reply(body=b"<rss/>"))
    client.get(upstream.url("/feed?p=1"), now=NOW, accept="application/rss+xml")
    (request,) = upstream.requests
    assert request.path == "/feed?p=1"
    assert request.headers["host"] == f"127.0.0.1:{upstream.port}"
    assert request.headers["user-agent"] == USER_AGENT
    assert request.headers["accept"] == "application/rss+xml"
    assert request.headers["accept-encoding"] == "gzip"
    assert "authorization" not in request.headers


def test_an_answer_is_the_bytes_as_they_were_sent(upstream, client):
    body = "naïve".encode("latin-1")
    upstream.script(
        "/page",
        Reply(body=body, headers={"Content-Type": "text/plain; charset=utf-8", "ETag": '"x"'}),
    )
    answer = client.get(upstream.url("/page"), now=NOW)
    assert (answer.status, answer.body, answer.etag, answer.not_modified) == (
        200,
        body,
        '"x"',
        False,
    )
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.url == upstream.url("/page")


def test_a_packed_answer_is_unpacked(upstream, client):
    upstream.script("/page", packed(b"[]" * 1000))
    assert client.get(upstream.url("/page"), now=NOW).body == b"[]" * 1000


def test_what_has_not_changed_is_not_sent_again(upstream, client):
    upstream.script("/feed", validated(b"one"))
    first = client.get(upstream.url("/feed"), now=NOW)
    second = client.get(upstream.url("/feed"), now=NOW, validators=first.validators)
    assert (second.status, second.not_modified, second.body) == (304, True, b"")
    assert second.validators == first.validators


def test_both_validators_are_sent_back(upstream, client):
    upstream.script("/feed", Reply(304))
    known = Validators('W/"two"', "Fri, 09 Jan 2026 05:00:00 GMT")
    answer = client.get(upstream.url("/feed"), now=NOW, validators=known)
    headers = upstream.requests[0].headers
    assert (headers["if-none-match"], headers["if-modified-since"]) == (
        known.etag,
        known.last_modified,
    )
    assert answer.validators == known


@pytest.mark.parametrize("etag", ['"é"', '"' + "x" * 300 + '"', '"a\tb"'])
def test_a_validator_that_cannot_be_stored_and_sent_back_is_left_out(upstream, client, etag):
    upstream.script("/feed", Reply(body=b"one", headers={"ETag": etag}))
    assert client.get(upstream.url("/feed"), now=NOW).etag == ""


def test_not_modified_without_having_asked_for_it_is_a_fault(upstream, client):
    upstream.script("/feed", Reply(304))
    assert failure(client, upstream.url("/feed")).kind is Fault.BROKEN


@pytest.mark.parametrize(
    ("status", "kind", "permanent"),
    [
        (400, Fault.REFUSED, True),
        (403, Fault.REFUSED, True),
        (404, Fault.REFUSED, True),
        (410, Fault.REFUSED, True),
        (408, Fault.UNAVAILABLE, False),
        (429, Fault.THROTTLED, False),
        (500, Fault.UNAVAILABLE, False),
        (503, Fault.UNAVAILABLE, False),
        (206, Fault.BROKEN, False),
    ],
)
def test_a_status_says_whether_asking_again_can_help(upstream, client, status, kind, permanent):
    upstream.script("/page", Reply(status))
    error = failure(client, upstream.url("/page"))
    assert (error.kind, error.permanent, error.status, error.retry_at) == (
        kind,
        permanent,
        status,
        None,
    )


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        ({"retry_after": "120"}, 120),
        ({"retry_after": "Fri, 09 Jan 2026 06:05:00 GMT"}, 300),
        ({"rate_limit": '"api";r=0;t=120'}, 121),
    ],
)
def test_a_refusal_that_tells_when_to_come_again_is_believed(
    upstream, client, status, told, seconds
):
    upstream.script("/page", throttled(**told, status=status))
    retry_at = failure(client, upstream.url("/page")).retry_at
    # The wait counts from the answer, which comes a moment after NOW.
    assert timedelta(seconds=seconds) <= retry_at - NOW < timedelta(seconds=seconds + 20)


def test_a_good_answer_that_used_up_the_quota_says_so(upstream, client):
    upstream.script(
        "/page",
        json_reply([], ratelimit='"api";r=0;t=60'),
        json_reply([], ratelimit='"api";r=499;t=60'),
    )
    assert client.get(upstream.url("/page"), now=NOW).cool_down_until >= NOW + timedelta(seconds=61)
    assert client.get(upstream.url("/page"), now=NOW).cool_down_until is None


def test_the_upstream_s_own_words_are_kept_for_staff_and_the_query_is_not(upstream, client):
    told = {"X-Error-Message": "Invalid\x1b[31m date", "X-Request-Id": "Root=1-abc"}
    upstream.script("/page", Reply(400, headers=told))
    message = str(failure(client, upstream.url("/page?key=sesame")))
    assert "Root=1-abc" in message
    assert "Invalid[31m date" in message
    assert "sesame" not in message


# --- Slow, large, cut short
# --------------------------------------------------------------------------------------------------


def test_a_dripping_body_ends_with_the_deadline(upstream):
    upstream.script("/page", dripping(b"x"))
    error = failure(hurried(total_seconds=0.3), upstream.url("/page"))
    assert (error.kind, error.permanent) == (Fault.TIMED_OUT, False)


def test_dripping_headers_end_with_the_deadline(upstream):
    upstream.script(
        "/page", Reply(raw=b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 100_000, piece=1, pause=0.01)
    )
    assert failure(hurried(total_seconds=0.3), upstream.url("/page")).kind is Fault.TIMED_OUT


def test_the_deadline_is_over_all_waits_and_not_each(upstream):
    """Every byte comes well within the read limit, and a clock that runs a second per look shows
    that no real time is needed.
    """
    ticks = iter(range(10_000))
    upstream.script("/page", dripping(b"x", pause=0))
    hosts = frozenset({"127.0.0.1"})
    client = PoliteClient(
        USER_AGENT, plain_http_hosts=hosts, allow_loopback=True, clock=lambda: next(ticks)
    )
    assert failure(client, upstream.url("/page")).kind is Fault.TIMED_OUT
    assert 20 <= next(ticks) < 60


def test_an_upstream_that_says_nothing_is_left(upstream):
    upstream.script("/page", Reply(silent=True))
    assert failure(hurried(read_seconds=0.2), upstream.url("/page")).kind is Fault.TIMED_OUT


def test_one_visit_may_be_given_another_deadline(upstream, client):
    upstream.script("/page", Reply(silent=True))
    assert failure(client, upstream.url("/page"), total_seconds=0.2).kind is Fault.TIMED_OUT


def test_a_body_over_the_cap_is_refused(upstream):
    upstream.script("/page", Reply(body=b"x" * 1001))
    error = failure(hurried(body_bytes=1000), upstream.url("/page"))
    assert (error.kind, error.permanent) == (Fault.TOO_LARGE, True)


def test_a_body_of_just_the_cap_is_taken(upstream):
    upstream.script("/page", Reply(body=b"x" * 1000))
    assert len(hurried(body_bytes=1000).get(upstream.url("/page"), now=NOW).body) == 1000


def test_an_endless_body_is_refused(upstream):
    upstream.script("/page", Reply(body=b"x" * 65_536, endless=True))
    assert failure(hurried(body_bytes=1_000_000), upstream.url("/page")).kind is Fault.TOO_LARGE


@pytest.mark.parametrize(
    "reply",
    [
        Reply(body=b"x" * 100, lacking=40),
        Reply(body=packed(b"x" * 100_000).body, headers={"Content-Encoding": "gzip"}, lacking=30),
        Reply(body=packed(b"x" * 100_000).body[:60], headers={"Content-Encoding": "gzip"}),
        Reply(body=b"no gzip", headers={"Content-Encoding": "gzip"}),
        Reply(body=b"x", headers={"Content-Encoding": "br"}),
        Reply(raw=b"SSH-2.0-OpenSSH_9.9\r\n"),
        Reply(raw=b"HTTP/1.1 200 OK\r\nContent-Le"),
        Reply(raw=b"HTTP/1.1 200 OK\r\nX: " + b"x" * 300_000),
    ],
    ids=[
        "cut",
        "cut-gzip",
        "whole-but-cut-gzip",
        "not-gzip",
        "brotli",
        "not-http",
        "cut-headers",
        "huge-headers",
    ],
)
def test_a_broken_answer_is_a_fault_that_may_pass(upstream, client, reply):
    upstream.script("/page", reply)
    error = failure(client, upstream.url("/page"))
    assert (error.kind, error.permanent) == (Fault.BROKEN, False)


def test_nobody_listening_is_a_fault_that_may_pass(upstream, client):
    upstream.__exit__()
    error = failure(client, upstream.url("/page"))
    assert (error.kind, error.permanent) == (Fault.UNREACHABLE, False)


# --- Redirects
# --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_on_the_same_host_is_followed(upstream, client, status):
    upstream.script("/old", redirect("new?p=1", status))
    upstream.script("/new", Reply(body=b"here"))
    answer = client.get(upstream.url("/old"), now=NOW)
    assert (answer.body, answer.url) == (b"here", upstream.url("/new?p=1"))


def test_five_redirects_are_followed_and_no_sixth(upstream, client):
    for hop in range(6):
        upstream.script(f"/{hop}", redirect(f"/{hop + 1}"))
    upstream.script("/6", Reply(body=b"end"))
    assert client.get(upstream.url("/1"), now=NOW).body == b"end"
    assert failure(client, upstream.url("/0")).kind is Fault.FORBIDDEN


def test_a_redirect_to_another_host_is_told_and_not_followed(upstream, client):
    upstream.script("/old", redirect(upstream.url("/new?key=sesame", host="localhost")))
    error = failure(client, upstream.url("/old"))
    assert (error.kind, error.permanent, len(upstream.requests)) == (Fault.FORBIDDEN, True, 1)
    assert f"localhost:{upstream.port}/new" in str(error)
    assert "sesame" not in str(error)


def test_a_host_that_is_named_may_be_redirected_to_but_learns_no_key(upstream, client):
    upstream.script("/old", redirect(upstream.url("/new", host="localhost")))
    upstream.script("/new", Reply(body=b"here"))
    client.get(
        upstream.url("/old"),
        now=NOW,
        authorization="Bearer sesame",
        redirect_hosts=frozenset({"localhost"}),
    )
    first, second = upstream.requests
    assert first.headers["authorization"] == "Bearer sesame"
    assert "authorization" not in second.headers


@pytest.mark.parametrize(
    "location", ["http://[bad", "https://" + "x" * 70_000, "//ex ample.org\x7f/"]
)
def test_a_redirect_to_no_address_is_refused(upstream, client, location):
    upstream.script("/old", redirect(location))
    assert failure(client, upstream.url("/old")).kind is Fault.FORBIDDEN


def test_a_redirect_to_nowhere_is_broken(upstream, client):
    upstream.script("/old", Reply(302))
    assert failure(client, upstream.url("/old")).kind is Fault.BROKEN
