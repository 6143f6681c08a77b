"""`manage.py ingest` takes in files, tells what became of them, and never lets a bad one stop
the others.
"""

import json
from datetime import UTC, datetime
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from ingest.models import Count, Fetch, FetchStatus, Paper
from tests.ingest.pages import answer, daily_paper, facts, page, stored

pytestmark = pytest.mark.django_db
COUNTS = {"entries", "new", "updated", "unchanged", "rejected", "warnings"}


def run(*arguments):
    out = StringIO()
    call_command("ingest", *map(str, arguments), stdout=out)
    return out.getvalue()


@pytest.fixture
def a_page(tmp_path):
    path = tmp_path / "page.txt"
    path.write_bytes(page("A Title", "Its abstract.", facts(date="Dec 16"), "Alone"))
    return path


def test_json_is_one_object_with_counts_as_integers(a_page):
    report = json.loads(run("listing", a_page, "--page-year", 2024, "--json"))
    assert report == {
        "files": [
            {
                "path": str(a_page),
                "entries": 2,
                "new": 1,
                "updated": 0,
                "unchanged": 0,
                "rejected": 1,
                "warnings": 1,
            }
        ]
    }
    assert all(isinstance(report["files"][0][name], int) for name in COUNTS)


def test_the_table_is_followed_by_rejects_and_warnings(a_page):
    told = run("listing", a_page, "--page-year", 2024)
    assert "entry at 21: The abstract is missing" in told
    assert "“Dec 16” cannot be on a page of 2024-12-15" in told


def test_a_dry_run_reports_the_same_and_changes_nothing(a_page):
    dry = run("listing", a_page, "--page-year", 2024, "--json", "--dry-run")
    assert stored() == {"papers": [], "listings": []}
    assert not Fetch.objects.exists()
    assert run("listing", a_page, "--page-year", 2024, "--json") == dry


def test_files_that_cannot_be_read_are_told_and_the_others_go_in(a_page, tmp_path):
    (tmp_path / "empty.txt").touch()
    (tmp_path / "binary.txt").write_bytes(b"\x7fELF\0\0")
    out = StringIO()
    with pytest.raises(CommandError) as failure:
        call_command(
            "ingest", "listing", *map(str, [tmp_path / "empty.txt", tmp_path / "binary.txt", tmp_path / "none", tmp_path, a_page]),
            "--json", stdout=out,
        )  # fmt: skip
    for words in (
        "empty.txt is empty",
        "binary.txt holds binary data",
        "none does not exist",
        "is a folder",
    ):
        assert words in str(failure.value)
    assert [entry["new"] for entry in json.loads(out.getvalue())["files"]] == [0, 0, 0, 0, 1]
    assert Paper.objects.count() == 1
    assert Fetch.objects.filter(status=FetchStatus.FAILED).count() == 4


def test_a_saved_answer_was_read_when_its_name_says(tmp_path):
    path = tmp_path / "2025-01-09.read-2025-01-09T1708Z.json"
    path.write_bytes(answer(daily_paper()))
    run("huggingface", path)
    assert Count.objects.get().seen_at == datetime(2025, 1, 9, 17, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("options", "instant"),
    [
        (["--now", "2025-01-10T05:00:00Z"], datetime(2025, 1, 10, 5, tzinfo=UTC)),
        (
            ["--now", "2025-01-11T05:00:00Z", "--read-at", "2025-01-10T06:00:00+01:00"],
            datetime(2025, 1, 10, 5, tzinfo=UTC),
        ),
    ],
)
def test_an_answer_without_a_time_in_its_name_was_read_when_told_or_now(tmp_path, options, instant):
    path = tmp_path / "saved.json"
    path.write_bytes(answer(daily_paper()))
    run("huggingface", path, *options)
    assert Count.objects.get().seen_at == instant


def test_two_readings_of_a_day_make_a_vote_history(tmp_path):
    for hour, votes in ((10, 5), (17, 9)):
        path = tmp_path / f"2025-01-09.read-2025-01-09T{hour}00Z.json"
        path.write_bytes(answer(daily_paper(paper__upvotes=votes)))
    reports = json.loads(run("huggingface", *sorted(tmp_path.iterdir()), "--json"))["files"]
    assert [(report["new"], report["updated"]) for report in reports] == [(1, 0), (0, 1)]
    assert list(Count.objects.values_list("votes", flat=True)) == [5, 9]


@pytest.mark.parametrize(
    "options", [["--now", "2025-01-10T05:00:00"], ["--now", "today"], ["--page-year", "25"]]
)
def test_a_wrong_option_is_refused_with_what_it_should_be(a_page, options):
    with pytest.raises(CommandError, match=r"no year|no offset|no ISO 8601"):
        run("listing", a_page, *options)
