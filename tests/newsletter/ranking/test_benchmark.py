"""`manage.py rank_benchmark`, on made-up folders."""

import json
from datetime import date, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

SUBJECTS = ("glaciers", "violins", "harbours", "beetles", "lanterns", "rivers")
DOCUMENTS = [
    (f"A study of {one} and {other}", f"We look at {one}, then at {other}.")
    for one in SUBJECTS
    for other in SUBJECTS
    if one != other
]


def folder(path, name, extra=None):
    """A topics folder; `name` gives a document its id by its number."""
    path.mkdir()
    documents = [
        {"id": name(number), "title": title, "abstract": abstract}
        for number, (title, abstract) in enumerate(DOCUMENTS)
    ]
    documents.sort(key=lambda row: row["id"])
    candidates = [row["id"] for row in documents]
    queries = [
        {"query": one, "text": one, "candidates": candidates, **(extra or {})} for one in SUBJECTS
    ]
    (path / "docs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in documents))
    (path / "queries.jsonl").write_text("".join(json.dumps(row) + "\n" for row in queries))
    return path


def answers(path, *options):
    out = path / "run.jsonl"
    call_command(
        "rank_benchmark",
        "topics",
        str(path),
        "--out",
        str(out),
        *options,
        stdout=StringIO(),
        stderr=StringIO(),
    )
    return {row["query"]: row["ranking"] for row in map(json.loads, out.read_text().splitlines())}


def test_neither_ids_nor_their_order_nor_types_change_an_answer(tmp_path):
    plain = answers(
        folder(tmp_path / "plain", lambda number: f"d{number:03}", {"type": "taxonomy"})
    )
    other = answers(
        folder(tmp_path / "other", lambda number: f"x{(number * 7) % len(DOCUMENTS):03}")
    )
    titles = {
        f"d{number:03}": f"x{(number * 7) % len(DOCUMENTS):03}" for number in range(len(DOCUMENTS))
    }
    assert {query: [titles[one] for one in ranking] for query, ranking in plain.items()} == other


def test_papers_on_the_topic_come_first_and_baselines_stand_beside(tmp_path):
    found = answers(folder(tmp_path / "topics", lambda number: f"d{number:03}"), "--baselines")
    for query, ranking in found.items():
        assert all(query in DOCUMENTS[int(one[1:])][0] for one in ranking[:10])
    assert {path.name for path in (tmp_path / "topics").glob("run.*.jsonl")} == {
        f"run.{one}.jsonl" for one in ("bm25", "random", "tfidf")
    }


def test_a_folder_that_cannot_be_read_is_said(tmp_path):
    path = folder(tmp_path / "topics", lambda number: f"d{number:03}")
    (path / "docs.jsonl").write_text("{")
    with pytest.raises(CommandError, match=r"docs\.jsonl:1 is not JSON"):
        answers(path)


def test_what_is_not_ranked_by_meaning_is_said(tmp_path):
    path = folder(tmp_path / "topics", lambda number: f"d{number:03}", {"liked": []})
    with pytest.raises(CommandError, match="use --semantic with topics"):
        call_command(
            "rank_benchmark",
            "feedback",
            str(path),
            "--out",
            str(path / "run.jsonl"),
            "--semantic",
            "model",
        )


def daily_folder(path, names, votes_of_the_day):
    """Forty days of six papers, the last one asked about; the votes of that day are given."""
    path.mkdir()
    days = [(date(2026, 1, 1) + timedelta(days=n)).isoformat() for n in range(40)]
    rows = [
        {
            "date": day,
            "papers": [
                listed(names, number, place, day == days[-1], votes_of_the_day)
                for place in range(6)
            ],
        }
        for number, day in enumerate(days)
    ]
    queries = [
        {"query": day, "date": day, "candidates": [paper["id"] for paper in rows[at]["papers"]]}
        for at, day in ((0, days[0]), (-1, days[-1]))
    ]
    for name, lines in (("community_days", rows), ("arxiv_days", []), ("queries", queries)):
        (path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in lines))
    return path


def listed(names, day, place, last, votes_of_the_day):
    votes = votes_of_the_day[place] if last else 10 * place
    title = f"About {SUBJECTS[(place + day) % 6]} {day}"
    return {
        "id": names(day, place),
        "title": title,
        "abstract": "",
        "authors": [f"Author {place}"],
        "upvotes": votes,
        "comments": votes,
    }


def daily_answers(path):
    out = path / "run.jsonl"
    call_command(
        "rank_benchmark",
        "daily",
        str(path),
        "--out",
        str(out),
        stdout=StringIO(),
        stderr=StringIO(),
    )
    return {row["query"]: row["ranking"] for row in map(json.loads, out.read_text().splitlines())}


def test_neither_votes_of_the_day_nor_ids_change_a_daily_answer(tmp_path):
    plain = daily_answers(
        daily_folder(tmp_path / "plain", lambda day, place: f"{day}-{place}", (0, 1, 2, 3, 4, 5))
    )
    other = daily_answers(
        daily_folder(
            tmp_path / "other", lambda day, place: f"{9 - place}-{day}", (900, 1, 500, 3, 0, 77)
        )
    )
    assert plain["2026-02-09"][0] == "39-5"
    assert {
        query: [tuple(map(int, one.split("-"))) for one in ranking]
        for query, ranking in plain.items()
    } == {
        query: [(int(one.split("-")[1]), 9 - int(one.split("-")[0])) for one in ranking]
        for query, ranking in other.items()
    }


def test_a_day_with_too_little_before_it_is_ranked_all_the_same(tmp_path):
    found = daily_answers(
        daily_folder(tmp_path / "daily", lambda day, place: f"{day}-{place}", (0, 1, 2, 3, 4, 5))
    )
    assert sorted(found["2026-01-01"]) == [f"0-{place}" for place in range(6)]


def test_a_missing_folder_for_the_answers_is_said_before_anything_is_ranked(tmp_path):
    path = folder(tmp_path / "topics", lambda number: f"d{number:03}")
    with pytest.raises(CommandError, match="make it first"):
        call_command(
            "rank_benchmark", "topics", str(path), "--out", str(tmp_path / "nowhere" / "run.jsonl")
        )
