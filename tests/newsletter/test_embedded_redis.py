"""The embedded Redis has one owner, private files, and leaves nothing behind."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import redis

from newsletter.embedded_redis import EmbeddedRedisError, answers, embedded_redis

pytestmark = pytest.mark.slow


@pytest.fixture
def socket():
    """A short path: pytest's own temporary folders can be too long to bind."""
    with tempfile.TemporaryDirectory(prefix="pb-") as folder:
        yield Path(folder) / "private" / "redis.sock"


def test_it_answers_while_the_block_runs_and_stops_with_it(socket, tmp_path):
    with embedded_redis(socket, tmp_path) as owner:
        assert owner
        assert answers(socket)
    assert not answers(socket)


def test_a_second_process_attaches_to_the_first_ones_server(socket, tmp_path):
    with embedded_redis(socket, tmp_path), redis.Redis(unix_socket_path=str(socket)) as client:
        client.set("paper", "boy")
        with embedded_redis(socket, tmp_path) as owner:
            assert not owner
        assert client.get("paper") == b"boy"


def test_what_was_queued_survives_a_restart(socket, tmp_path):
    with embedded_redis(socket, tmp_path), redis.Redis(unix_socket_path=str(socket)) as client:
        client.rpush("work", "wake up")
    with embedded_redis(socket, tmp_path), redis.Redis(unix_socket_path=str(socket)) as client:
        assert client.lrange("work", 0, -1) == [b"wake up"]


def test_the_server_of_a_killed_owner_is_replaced(socket, tmp_path):
    code = (
        "import sys, time; from pathlib import Path; from newsletter.embedded_redis import "
        "embedded_redis\n"
        "with embedded_redis(Path(sys.argv[1]), Path(sys.argv[2])): print('up', flush=True); "
        "time.sleep(60)"
    )
    owner = subprocess.Popen(
        [sys.executable, "-c", code, str(socket), str(tmp_path)], stdout=subprocess.PIPE
    )
    assert owner.stdout is not None
    assert owner.stdout.readline() == b"up\n"
    os.kill(owner.pid, signal.SIGKILL)
    owner.wait()
    owner.stdout.close()
    assert answers(socket)
    with embedded_redis(socket, tmp_path) as is_owner:
        assert is_owner
        assert answers(socket)
    assert not answers(socket)


def test_a_folder_that_others_can_enter_is_refused(socket, tmp_path):
    socket.parent.mkdir(mode=0o755)
    socket.parent.chmod(0o755)
    with pytest.raises(EmbeddedRedisError, match="private"), embedded_redis(socket, tmp_path):
        pass


def test_a_path_too_long_to_bind_is_told_before_anything_starts(socket, tmp_path):
    with (
        pytest.raises(EmbeddedRedisError, match="TMPDIR"),
        embedded_redis(socket.parent / ("x" * 100), tmp_path),
    ):
        pass
