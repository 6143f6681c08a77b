"""The bench runs, and what it counts agrees; how fast anything is decides no test."""

import re

import pytest

from bench.rival.installed import is_installed
from tests.bench.running import said_by

pytestmark = [pytest.mark.slow, pytest.mark.own_servers]


SIZES = ["--readers", "30", "--papers", "40", "--older", "30", "--workers", "1", "--rounds", "1"]


def test_a_small_bench_sends_in_every_way_and_its_counts_agree():
    """The bench itself fails when books, workers and sinks disagree."""
    said = said_by("bench", "--only", "ways", "--http", "--naive", "2", *SIZES)
    for way in (
        "naive loop",
        "prebuilt bytes, pipelining",
        "Paperboy to SMTP",
        "Paperboy to HTTP",
        "Paperboy to nobody",
    ):
        assert f"│ {way} " in said
    assert "did not finish" not in said
    assert ("│ django-newsletter" in said) == is_installed()
    assert ("`make bench-rival` installs it" in said) != is_installed()


def test_the_small_world_is_compared_and_grows():
    said = said_by(
        "bench", "--only", "small", "growth", "plan", "--growth", "40", "--plan", "50", *SIZES
    )
    assert re.search(r"│ the world of this run +│ +[\d,]+ │ +[\d.]+ │", said), said
    assert re.search(r"│ small world: 200 papers, shared topics │ +[\d,]+ │ +1.0 │", said), said
    assert "│      40 │" in said
    assert "│      50 │" in said


@pytest.mark.parametrize("database", ["PostgreSQL", "SQLite"])
def test_freeze_first_batch_and_leaving_are_measured(database):
    sections = ["freeze", "first", "leave"] if database == "PostgreSQL" else ["leave"]
    said = said_by("bench", "--databases", database.lower(), "--only", *sections, *SIZES)
    leaving = re.findall(rf"│ {database} +│ [a-z ]+│ +[\d.]+ │ +([\d,]+) │ +(\d+) │", said)
    assert len(leaving) == 2, said
    assert all(int(requests) > 0 for requests, _ in leaving), said
    assert "did not finish" not in said
    if "first" in sections:
        assert re.search(r"│ freeze +│ +[\d.]+ │ +[\d.]+ │", said), said
        assert re.search(r"│ all of these batches +│ +\d+ │ +[\d.]+ │", said), said


def test_what_takes_too_long_is_stopped_and_the_table_says_so():
    said = said_by("bench", "--only", "freeze", "ways", "--limit", "0.05", *SIZES)
    assert "did not finish in 0" in said
    assert "naive loop" not in said


def test_a_small_bench_of_imports_stores_every_row_on_both_databases():
    """The bench itself fails when an import rejects a line, or a second one changes anything."""
    said = said_by("bench.imports", "--papers", "600", "--counts", "3", "--naive", "10")
    for database in ("SQLite", "PostgreSQL"):
        assert f"│ {database}" in said
    assert said.count("│ 3,000 │") == 4
