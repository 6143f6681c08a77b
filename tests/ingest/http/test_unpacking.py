"""Unpacking gives back what was packed, in whatever pieces it comes, and holds no more than its
cap.
"""

import gzip
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.http.faults import Fault, UpstreamError
from ingest.http.unpacking import unpacked
from tests.ingest.upstream import gzip_bomb

STATUS = Path("/proc/self/status")
GROWTH_OF_ONE_VISIT = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from ingest.http.client import PoliteClient
from ingest.http.faults import UpstreamError

def most_kilobytes():
    return int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])

client = PoliteClient("Paperboy/test", plain_http_hosts=frozenset({"127.0.0.1"}), allow_loopback=True)
before = most_kilobytes()
try:
    client.get(sys.argv[1], now=datetime.now(UTC))
except UpstreamError as error:
    print(error.kind, most_kilobytes() - before)
"""


def cut(body: bytes, size: int) -> list[bytes]:
    return [body[start : start + size] for start in range(0, len(body), size)]


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=4), st.integers(1, 50))
def test_a_stream_of_several_members_comes_out_whole(members, size):
    packed = b"".join(gzip.compress(member) for member in members)
    assert unpacked(cut(packed, size), "GZIP", 2000) == b"".join(members)


@given(st.binary(min_size=1, max_size=300), st.data())
def test_a_damaged_stream_is_a_fault_or_the_same_body(body, data):
    packed = bytearray(gzip.compress(body))
    packed[data.draw(st.integers(0, len(packed) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    try:
        result = unpacked([bytes(packed)], "gzip", 2000)
    except UpstreamError:
        return
    assert result == body


@given(st.binary(min_size=1, max_size=300), st.data())
def test_a_stream_that_is_cut_short_is_a_fault(body, data):
    packed = gzip.compress(body)
    with pytest.raises(UpstreamError) as caught:
        unpacked([packed[: data.draw(st.integers(1, len(packed) - 1))]], "gzip", 2000)
    assert caught.value.kind is Fault.BROKEN


@pytest.mark.parametrize("encoding", ["", "identity", " Identity "])
def test_what_is_not_packed_is_taken_as_it_is(encoding):
    assert unpacked([b"\x1f\x8b", b"x"], encoding, 10) == b"\x1f\x8bx"


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "deflate"])
def test_a_packing_that_was_not_asked_for_is_a_fault(encoding):
    with pytest.raises(UpstreamError, match="not asked for"):
        unpacked([b"x"], encoding, 10)


def test_the_cap_holds_to_the_byte():
    assert unpacked([gzip.compress(b"x" * 1000)], "gzip", 1000) == b"x" * 1000
    with pytest.raises(UpstreamError) as caught:
        unpacked([gzip.compress(b"x" * 1001)], "gzip", 1000)
    assert caught.value.kind is Fault.TOO_LARGE


@pytest.mark.skipif(
    not STATUS.exists(), reason="the peak memory of a process is read as Linux tells it"
)
@pytest.mark.slow
def test_a_gzip_bomb_of_200_megabytes_grows_memory_by_less_than_50(upstream):
    bomb = gzip_bomb(200_000_000)
    assert len(bomb.body) < 250_000
    upstream.script("/page", bomb)
    command = [sys.executable, "-c", GROWTH_OF_ONE_VISIT, upstream.url("/page")]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    kind, grown = result.stdout.split()
    assert kind == Fault.TOO_LARGE
    assert int(grown) * 1024 < 50_000_000
