"""What the containers' healthchecks ask, and how little it takes."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from newsletter.healthcheck import READY, heartbeat_file, main


@pytest.fixture(autouse=True)
def folder(monkeypatch, tmp_path):
    monkeypatch.setenv("VAR_DIR", str(tmp_path))
    return tmp_path


@contextmanager
def site(status: int) -> Iterator[int]:
    """A site whose readiness is answered so; yields its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == READY else 404)
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(("status", "code"), [(200, 0), (503, 1), (301, 1), (400, 1)])
def test_the_site_is_well_when_it_is_ready(capsys, status, code):
    with site(status) as port:
        assert main(["web", "--port", str(port)]) == code
    said = capsys.readouterr().out
    assert said == "ok\n" if code == 0 else str(status) in said


def test_a_site_that_does_not_answer_is_not_well(capsys):
    assert main(["web", "--port", "1"]) == 1
    assert "does not answer on port 1" in capsys.readouterr().out


def test_a_worker_that_says_nothing_is_wrong_is_well(folder, capsys):
    heartbeat_file(folder).write_text("")
    assert main(["worker"]) == 0
    assert capsys.readouterr().out == "ok\n"


def test_what_a_worker_says_is_wrong_is_repeated(folder, capsys):
    heartbeat_file(folder).write_text("This machine is not armed.")
    assert main(["worker"]) == 1
    assert capsys.readouterr().out == "This machine is not armed.\n"


@pytest.mark.parametrize("age", [None, 91, 86_400])
def test_a_worker_that_is_silent_is_not_well(folder, capsys, age):
    if age is not None:
        heartbeat_file(folder).write_text("")
        os.utime(heartbeat_file(folder), (time.time() - age,) * 2)
    assert main(["worker"]) == 1
    assert "has not written" in capsys.readouterr().out


def test_a_worker_of_another_container_beside_it_does_not_count(folder):
    (folder / "worker-another-host.heartbeat").write_text("")
    assert main(["worker"]) == 1


@pytest.mark.parametrize(
    ("ages", "code"), [({}, 1), ({"": 30}, 0), ({".db": 700}, 1), ({"": 700, "-wal": 30}, 0)]
)
def test_a_scheduler_is_well_while_it_writes_its_schedule(folder, ages, code):
    for suffix, age in ages.items():
        file = folder / f"beat-schedule{suffix}"
        file.write_text("")
        os.utime(file, (time.time() - age,) * 2)
    assert main(["scheduler"]) == code


def test_it_starts_neither_django_nor_celery():
    """A healthcheck runs again and again in every container."""
    loaded = "import sys, newsletter.healthcheck; print(*sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", loaded], capture_output=True, text=True, check=True
    )
    assert not {"django", "celery", "httpx", "redis"} & set(result.stdout.split())
