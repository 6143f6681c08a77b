"""The bench runs, and what it counts agrees; how fast anything is decides no test."""

import pytest

from bench.rival.installed import is_installed
from tests.bench.running import said_by

pytestmark = [pytest.mark.slow, pytest.mark.own_servers]


def test_a_small_bench_sends_to_every_sink_and_its_counts_agree():
    """The bench itself fails when books, workers and sinks disagree."""
    sizes = [
        "--readers",
        "30",
        "--naive",
        "2",
        "--rounds",
        "1",
        "--workers",
        "1",
        "--papers",
        "20",
        "--topics",
        "5",
    ]
    said = said_by("bench", "--http", "--growth", "40", *sizes)
    for way in (
        "naive loop",
        "prebuilt bytes, pipelining",
        "Paperboy to SMTP",
        "Paperboy to HTTP",
        "Paperboy to nobody",
    ):
        assert f"│ {way} " in said
    assert "│      40 │" in said
    assert ("│ django-newsletter" in said) == is_installed()
    assert ("`make bench-rival` installs it" in said) != is_installed()


def test_a_small_bench_of_imports_stores_every_row_on_both_databases():
    """The bench itself fails when an import rejects a line, or a second one changes anything."""
    said = said_by("bench.imports", "--papers", "600", "--counts", "3", "--naive", "10")
    for database in ("SQLite", "PostgreSQL"):
        assert f"│ {database}" in said
    assert said.count("│ 3,000 │") == 4
