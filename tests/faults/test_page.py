"""The page on sending names every experiment, and only tests that exist."""

import re

from tests.faults.experiments import EXPERIMENTS
from tests.faults.town import ROOT

PAGE = (ROOT / "docs" / "sending.md").read_text()
ROWS = [
    line.split("|")
    for line in PAGE.partition("## What it stands")[2].splitlines()
    if line.startswith("| ")
]


def test_every_experiment_is_on_the_page():
    named = {name for row in ROWS for name in re.findall(r"`([a-z-]+)`", row[2])}
    assert named == EXPERIMENTS.keys()


def test_the_tests_on_the_page_exist():
    named = re.findall(r"`(tests/[\w/]+\.py)`", PAGE)
    assert named
    assert not [path for path in named if not (ROOT / path).is_file()]
