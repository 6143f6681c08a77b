"""The demo, as a new user runs it: real processes, the embedded Redis, a folder of its own."""

import os
import re
import signal
import subprocess
import sys
import time
import uuid
from collections import Counter
from email import policy
from email.parser import BytesParser
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from django.conf import settings
from django.db import connection

from newsletter.embedded_redis import answers
from newsletter.settings import _socket_path

pytestmark = pytest.mark.slow

ROOT = Path(settings.BASE_DIR)
READERS = 12
KILLED_MEANWHILE = 3
"""Mails in the outbox when the worker is killed."""


class Home:
    """A user's folder, database and embedded Redis, apart from those of the test run."""

    def __init__(self, folder, database_url):
        self.var = folder / "var"
        self.environment = {
            name: value
            for name, value in os.environ.items()
            if name not in {"REDIS_URL", "DATABASE_URL"}
        }
        self.environment |= {"VAR_DIR": str(self.var), "COLUMNS": "150"}
        if database_url:
            self.environment["DATABASE_URL"] = database_url

    def start(self, *arguments):
        command = [sys.executable, "manage.py", "demo", *map(str, arguments)]
        return subprocess.Popen(
            command,
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def demo(self, *arguments):
        process = self.start(*arguments)
        said, complained = process.communicate(timeout=240)
        return process.returncode, said, complained

    def mails(self):
        parser = BytesParser(policy=policy.default)
        return [
            parser.parsebytes(path.read_bytes()) for path in sorted(self.var.glob("outbox/*.eml"))
        ]


@pytest.fixture
def home(tmp_path):
    if connection.vendor == "sqlite":
        yield Home(tmp_path, None)
        return
    name = f"demo_{uuid.uuid4().hex}"
    server = os.environ["DATABASE_URL"]
    with psycopg.connect(server, autocommit=True) as database:
        database.execute(f"CREATE DATABASE {name}")
        yield Home(tmp_path, urlsplit(server)._replace(path=f"/{name}").geturl())
        database.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_every_demo_reader_gets_one_digest_and_a_second_run_sends_nothing(home):
    code, said, complained = home.demo()
    assert code == 0, complained
    assert "Sent 12 digests" in said
    assert len({mail["To"] for mail in home.mails()}) == len(home.mails()) == READERS
    assert all(mail["To"] in said for mail in home.mails())
    code, said, complained = home.demo()
    assert code == 0, complained
    assert "nothing was sent twice" in said
    assert "Too late" not in said
    assert len(home.mails()) == READERS


def test_no_reader_is_lost_or_mailed_twice_when_the_worker_is_killed_in_mid_demo(home):
    process = home.start()
    _wait_until(lambda: len(list(home.var.glob("outbox/*.eml"))) >= KILLED_MEANWHILE, process)
    os.killpg(_worker_of(process.pid), signal.SIGKILL)
    _said, complained = process.communicate(timeout=240)
    assert process.returncode != 0
    assert "Run the demo again" in complained
    code, said, complained = home.demo()
    assert code == 0, complained
    uncertain = sum(
        int(row.split()[-2])
        for row in re.findall(r"^(?:daily|weekly) .* yes *$", said, re.MULTILINE)
    )
    mailed = Counter(mail["To"] for mail in home.mails())
    assert set(mailed.values()) == {1}
    assert READERS - uncertain <= len(mailed) <= READERS


def test_a_killed_demo_takes_worker_and_redis_with_it(home):
    process = home.start()
    _wait_until(lambda: len(list(home.var.glob("outbox/*.eml"))) >= 1, process)
    worker = _worker_of(process.pid)
    process.kill()
    process.communicate(timeout=60)
    _wait_until(lambda: not _alive(worker))
    _wait_until(lambda: not answers(_socket_path(home.var)))


def test_own_listings_need_no_sample_data(home, tmp_path):
    page = tmp_path / "page.txt"
    page.write_text(
        (ROOT / "seeds" / "listings" / "2025-01-10.txt").read_text(encoding="utf-8"),
        encoding="utf-8",
    )
    code, said, complained = home.demo(page, "--year", 2024)
    assert code == 0, complained
    assert "Wednesday 10 January 2024" in said
    assert "seeds" not in said
    # One reader is on weekly mail, and gets it as well.
    assert len(home.mails()) == READERS


def test_papers_that_come_after_the_freeze_are_told_and_not_mailed(home, tmp_path):
    page = tmp_path / "page.txt"
    page.write_text(
        (ROOT / "seeds" / "listings" / "2025-01-10.txt").read_text(encoding="utf-8"),
        encoding="utf-8",
    )
    assert home.demo(page, "--year", 2025)[0] == 0
    page.write_text(
        "Daily Papers\n\nJan 10\n\nA Paper That Came Late\n\nIt was written after the freeze.",
        encoding="utf-8",
    )
    code, said, complained = home.demo(page, "--year", 2025)
    assert code == 0, complained
    assert "Too late for the editions of 2025-01-10" in said
    assert len(home.mails()) == READERS


def test_a_page_that_is_none_is_refused_with_a_remedy(home, tmp_path):
    page = tmp_path / "page.txt"
    page.write_bytes(b"")
    code, _said, complained = home.demo(page)
    assert code == 1
    assert str(page) in complained
    assert "Traceback" not in complained


def _wait_until(holds, process=None):
    """Poll for what real processes bring about; the limit only ends a test that would hang."""
    deadline = time.monotonic() + 120
    while not holds():
        assert process is None or process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _worker_of(parent):
    """The id of the demo's worker, which leads a process group of its own."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            if (
                int(stat.read_text().rsplit(")", 1)[1].split()[1]) == parent
                and b"worker" in (stat.parent / "cmdline").read_bytes()
            ):
                return int(stat.parent.name)
        except (FileNotFoundError, ProcessLookupError):
            continue
    raise AssertionError("the demo runs no worker")


def _alive(pid):
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
