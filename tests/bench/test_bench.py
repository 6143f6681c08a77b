"""The bench runs, and what it counts agrees; how fast anything is decides no test."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.rival.installed import is_installed

ROOT = Path(__file__).resolve().parent.parent.parent
STARTED = ("DATABASE_URL", "REDIS_URL", "VAR_DIR", "PAPERBOY_TEST_SERVERS", "XDG_RUNTIME_DIR")


@pytest.mark.slow
def test_a_small_bench_sends_to_every_sink_and_its_counts_agree():
    """The bench itself fails when books, workers and sinks disagree."""
    sizes = ["--readers", "30", "--naive", "2", "--rounds", "1", "--workers", "1", "--papers", "20", "--topics", "5"]
    result = subprocess.run(
        [sys.executable, "-m", "bench", "--http", "--growth", "40", *sizes],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name not in STARTED},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    for way in ("naive loop", "prebuilt bytes, pipelining", "Paperboy to SMTP", "Paperboy to HTTP", "Paperboy to nobody"):
        assert f"│ {way} " in result.stdout
    assert "│      40 │" in result.stdout
    assert ("│ django-newsletter" in result.stdout) == is_installed()
    assert ("`make bench-rival` installs it" in result.stdout) != is_installed()


@pytest.mark.slow
def test_a_small_bench_of_imports_stores_every_row_on_both_databases():
    """The bench itself fails when an import rejects a line, or a second one changes anything."""
    result = subprocess.run(
        [sys.executable, "-m", "bench.imports", "--papers", "600", "--counts", "3", "--naive", "10"],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name not in STARTED},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    for database in ("SQLite", "PostgreSQL"):
        assert f"│ {database}" in result.stdout
    assert result.stdout.count("│ 3,000 │") == 4
