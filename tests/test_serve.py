"""`make serve` runs everything, stops everything, and says why it cannot."""

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.own_servers]

ROOT = Path(__file__).resolve().parent.parent
UP_WITHIN = STOPPED_WITHIN = 120


@pytest.fixture
def environment(tmp_path):
    inherited = {
        name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}
    }
    return inherited | {"VAR_DIR": str(tmp_path / "var"), "PYTHONUNBUFFERED": "1"}


def a_free_address() -> str:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"127.0.0.1:{server.getsockname()[1]}"


def answers(address: str) -> bool:
    connection = http.client.HTTPConnection(address, timeout=5)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def wait_until(true, within: float) -> None:
    deadline = time.monotonic() + within
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def running_from(var: Path) -> list[str]:
    """The command lines of all processes whose environment names the folder, or that work in it,
    as Redis does.
    """
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            named = f"VAR_DIR={var}".encode() in (process / "environ").read_bytes().split(b"\0")
            if named or (process / "cwd").readlink().is_relative_to(var):
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:  # it has ended, or is somebody else's
            continue
    return found


def refuse_sigint() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@pytest.mark.slow
@pytest.mark.skipif(
    sys.platform != "linux", reason="finds processes by their environment under /proc"
)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_all_of_it_runs_and_all_of_it_stops(environment, tmp_path, number):
    """Started as by a script in the background, with SIGINT ignored; or killed without a chance
    to stop anything.
    """
    address = a_free_address()
    log = (tmp_path / "log").open("w")
    command = [sys.executable, "manage.py", "serve", "--bind", address]
    with (
        log,
        subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=log, stderr=log, preexec_fn=refuse_sigint
        ) as serve,
    ):
        try:
            wait_until(lambda: answers(address) or serve.poll() is not None, UP_WITHIN)
            wait_until(lambda: "Ctrl-C stops" in (tmp_path / "log").read_text(), UP_WITHIN)
            found = " ".join(running_from(tmp_path / "var"))
            for name in ("gunicorn", "worker", "beat", "redis-server"):
                assert name in found, (tmp_path / "log").read_text()
        finally:
            serve.send_signal(number)
        serve.wait(STOPPED_WITHIN)
    wait_until(lambda: not running_from(tmp_path / "var"), STOPPED_WITHIN)
    said = (tmp_path / "log").read_text()
    assert len(re.findall(r"password \S{16,}", said)) == 1
    assert "Traceback" not in said


@pytest.mark.parametrize(
    "address", ["taken", "nowhere", "127.0.0.1:99999", "no.such.host.invalid:8000"]
)
def test_an_address_that_cannot_be_had_is_told_before_anything_starts(
    environment, tmp_path, address
):
    with socket.create_server(("127.0.0.1", 0)) as server:
        bind = f"127.0.0.1:{server.getsockname()[1]}" if address == "taken" else address
        result = subprocess.run(
            [sys.executable, "manage.py", "serve", "--bind", bind],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
    assert result.returncode == 1
    assert result.stderr.startswith("CommandError")
    assert bind in result.stderr
    assert not (tmp_path / "var" / "paperboy.sqlite3").exists()
