"""Run the ranking over a folder of labelled queries and write its answers for a scorer."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from newsletter.embedding.load import load_embedder
from newsletter.embedding.port import BadModel, paper_text
from newsletter.ranking.baselines import Benchmark, baselines
from newsletter.ranking.benchmark import KINDS, BadFolder, Query, Ranker, TopicBenchmark

PROGRESS_EVERY = 50


class Command(BaseCommand):
    help = (
        "Rank the queries of a benchmark folder with exactly the code that ranks digests, and "
        "write a run file."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("benchmark", choices=sorted(KINDS))
        parser.add_argument(
            "folder",
            type=Path,
            help="folder with queries.jsonl and the benchmark's papers, .gz or plain",
        )
        parser.add_argument(
            "--out", type=Path, required=True, help="run file to write, one JSON object per query"
        )
        parser.add_argument(
            "--baselines",
            action="store_true",
            help="also write RUN.<name>.jsonl for each baseline, from the same queries",
        )
        parser.add_argument(
            "--semantic",
            metavar="MODEL",
            help="also rank topics by the meaning that this sentence-embedding model gives",
        )

    def handle(self, *, out: Path, **options: Any) -> None:
        if not out.parent.is_dir():
            raise CommandError(
                f"There is no folder {out.parent} to write {out.name} into: make it first."
            )
        try:
            benchmark = KINDS[options["benchmark"]](options["folder"])
            if options["semantic"]:
                _use_model(benchmark, options["semantic"])
            rankers: dict[Path, Ranker] = {out: benchmark.rank}
            if options["baselines"]:
                rankers |= {
                    out.with_suffix(f".{name}.jsonl"): ranker
                    for name, ranker in baselines(benchmark).items()
                }
            lines: dict[Path, list[str]] = {path: [] for path in rankers}
            for number, query in enumerate(benchmark.queries(), 1):
                for path, ranker in rankers.items():
                    lines[path].append(_line(query, ranker))
                if number % PROGRESS_EVERY == 0:
                    self.stderr.write(f"{number} queries ranked")
        except (BadFolder, BadModel) as error:
            raise CommandError(str(error)) from error
        for path, answers in lines.items():
            path.write_text("".join(answers), encoding="utf-8")
            self.stdout.write(f"{path}: {len(answers)} queries")


def _use_model(benchmark: Benchmark, model: str) -> None:
    if not isinstance(benchmark, TopicBenchmark):
        raise CommandError(
            "Topics and typed phrases are all that is ranked by meaning: use --semantic with "
            "topics."
        )
    embedder = load_embedder(model, Path(settings.VAR_DIR) / "models")
    benchmark.use_meanings(embedder.name, embedder.embed, paper_text)


def _line(query: Query, ranker: Ranker) -> str:
    return json.dumps({"query": query.name, "ranking": ranker(query)}) + "\n"
