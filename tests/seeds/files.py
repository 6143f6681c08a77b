"""How the tests read the seed files: by patterns of their own, so that the parsers have
something to be compared with.
"""

import json
import re
from collections import defaultdict
from datetime import UTC, date, datetime
from pathlib import Path

SEEDS = Path(__file__).resolve().parents[2] / "seeds"
PAGES = sorted((SEEDS / "listings").glob("*.txt"))
READINGS = sorted((SEEDS / "huggingface").glob("*.json"))
PAGE_YEAR = 2025

MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
MONTH = "|".join(MONTHS)
HEADER = re.compile(
    r"new\n\nGet trending papers in your email inbox!\n\nSubscribe\n\n(?:Daily Papers\n\n)?"
    rf"byAK and the research community\n\n(?P<month>{MONTH}) (?P<day>\d{{1,2}})(?=\n\n)"
)
ENTRY = re.compile(
    r"\n\n(?P<title>[^\n•·]+)\n\n(?P<summary>[^\n•·]+)"
    rf"(?P<meta>\n\n  • (?P<authors>\d+) authors\n·\n(?P<month>{MONTH}) (?P<day>\d{{1,2}})(?:, "
    rf"(?P<year>\d{{4}}))?(?: (?P<comments>\d+))?)?"
)
READING_NAME = re.compile(r"(\d{4}-\d\d-\d\d)\.read-(\d{4}-\d\d-\d\dT\d{4}Z)\.json")


def folded(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", " ", title.casefold()).strip()


def page_parts(page: Path) -> tuple[date, list[re.Match[str]]]:
    text = page.read_bytes().decode("utf-8")
    header = HEADER.match(text)
    assert header, f"{page.name} has no header"
    entries, position = [], header.end()
    while position < len(text):
        entry = ENTRY.match(text, position)
        assert entry, f"{page.name} breaks the grammar at {text[position : position + 60]!r}"
        entries.append(entry)
        position = entry.end()
    return date(PAGE_YEAR, MONTHS.index(header["month"]) + 1, int(header["day"])), entries


def reading(path: Path) -> tuple[date, datetime, list[dict]]:
    name = READING_NAME.fullmatch(path.name)
    assert name, f"{path.name} does not say which day was read when"
    read_at = datetime.strptime(name[2], "%Y-%m-%dT%H%MZ").replace(tzinfo=UTC)
    return date.fromisoformat(name[1]), read_at, json.loads(path.read_text(encoding="utf-8"))


def summaries() -> dict[str, set[str]]:
    found = defaultdict(set)
    for page in PAGES:
        for entry in page_parts(page)[1]:
            found[folded(entry["title"])].add(entry["summary"])
    for path in READINGS:
        for item in reading(path)[2]:
            found[folded(item["paper"]["title"])].add(item["paper"]["summary"])
    return found


def newest_page_day() -> date:
    return max(page_parts(page)[0] for page in PAGES)
