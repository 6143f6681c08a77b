"""`manage.py rank_benchmark`, on made-up folders."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

SUBJECTS = ("glaciers", "violins", "harbours", "beetles", "lanterns", "rivers")
DOCUMENTS = [
    (f"A study of {one} and {other}", f"We look at {one}, then at {other}.") for one in SUBJECTS for other in SUBJECTS if one != other
]


def folder(path, name, extra=None):
    """A topics folder; `name` gives a document its id by its number."""
    path.mkdir()
    documents = [{"id": name(number), "title": title, "abstract": abstract} for number, (title, abstract) in enumerate(DOCUMENTS)]
    documents.sort(key=lambda row: row["id"])
    candidates = [row["id"] for row in documents]
    queries = [{"query": one, "text": one, "candidates": candidates, **(extra or {})} for one in SUBJECTS]
    (path / "docs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in documents))
    (path / "queries.jsonl").write_text("".join(json.dumps(row) + "\n" for row in queries))
    return path


def answers(path, *options):
    out = path / "run.jsonl"
    call_command("rank_benchmark", "topics", str(path), "--out", str(out), *options, stdout=StringIO(), stderr=StringIO())
    return {row["query"]: row["ranking"] for row in map(json.loads, out.read_text().splitlines())}


def test_neither_ids_nor_their_order_nor_types_change_an_answer(tmp_path):
    plain = answers(folder(tmp_path / "plain", lambda number: f"d{number:03}", {"type": "taxonomy"}))
    other = answers(folder(tmp_path / "other", lambda number: f"x{(number * 7) % len(DOCUMENTS):03}"))
    titles = {f"d{number:03}": f"x{(number * 7) % len(DOCUMENTS):03}" for number in range(len(DOCUMENTS))}
    assert {query: [titles[one] for one in ranking] for query, ranking in plain.items()} == other


def test_papers_on_the_topic_come_first_and_baselines_stand_beside(tmp_path):
    found = answers(folder(tmp_path / "topics", lambda number: f"d{number:03}"), "--baselines")
    for query, ranking in found.items():
        assert all(query in DOCUMENTS[int(one[1:])][0] for one in ranking[:10])
    assert {path.name for path in (tmp_path / "topics").glob("run.*.jsonl")} == {f"run.{one}.jsonl" for one in ("bm25", "random", "tfidf")}


def test_a_folder_that_cannot_be_read_is_said(tmp_path):
    path = folder(tmp_path / "topics", lambda number: f"d{number:03}")
    (path / "docs.jsonl").write_text("{")
    with pytest.raises(CommandError, match=r"docs\.jsonl:1 is not JSON"):
        answers(path)


def test_what_is_not_ranked_by_meaning_is_said(tmp_path):
    path = folder(tmp_path / "topics", lambda number: f"d{number:03}", {"liked": []})
    with pytest.raises(CommandError, match="use --semantic with topics"):
        call_command("rank_benchmark", "feedback", str(path), "--out", str(path / "run.jsonl"), "--semantic", "model")
