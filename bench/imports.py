"""`python -m bench.imports`: JSON Lines into SQLite and PostgreSQL, beside a loop that stores row
by row.

Each way runs in a process and a database of its own. Rows are papers, listings and counts. Memory
is the process's own, after a tenth of the file and at its most: where the two are alike, it does
not grow with the file.
"""

import argparse
import gzip
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import django
from rich.console import Console
from rich.table import Table

from bench.servers import running_servers

FIRST_DAY = date(2024, 1, 1)
DAYS = 500
NOW = datetime(2026, 1, 14, 12, tzinfo=UTC)
WORDS = (
    "graph",
    "network",
    "learning",
    "reader",
    "digest",
    "protein",
    "river",
    "chess",
    "market",
    "orbit",
    "lattice",
    "tide",
)
DATABASES = ("SQLite", "PostgreSQL")
WAYS = ("naive", "import", "again")


@dataclass(frozen=True, slots=True)
class Figures:
    """What one process measured; sizes in MB. `cpu` is its own seconds of CPU, without those of
    a database server.
    """

    rows: int
    seconds: float
    cpu: float
    early_memory: float
    most_memory: float


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.imports", description=__doc__)
    parser.add_argument(
        "--papers", type=int, default=100_000, help="papers in the file (default %(default)s)"
    )
    parser.add_argument(
        "--counts", type=int, default=10, help="counts of each (default %(default)s)"
    )
    parser.add_argument(
        "--naive",
        type=int,
        default=500,
        help="papers that the naive loop stores (default %(default)s)",
    )
    parser.add_argument(
        "--rounds",
        type=int,
        default=1,
        help="rounds, of which the medians count (default %(default)s)",
    )
    parser.add_argument(
        "--databases", nargs="+", choices=DATABASES, default=DATABASES, help="default: both"
    )
    parser.add_argument("--child", nargs=2, metavar=("WAY", "FILE"), help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    options = arguments()
    if options.child:
        way, path = options.child
        django.setup()
        sys.stdout.write(json.dumps(asdict(measured(way, Path(path)))))
        return
    with (
        running_servers() as servers,
        tempfile.TemporaryDirectory(prefix="paperboy-imports-") as folder,
    ):
        whole, small = Path(folder, "whole.jsonl.gz"), Path(folder, "small.jsonl.gz")
        write(whole, options.papers, options.counts)
        write(small, options.naive, options.counts)
        taken: dict[tuple[str, str], list[Figures]] = {}
        for number in range(options.rounds):
            for name in options.databases:
                for way in WAYS:
                    environment = (
                        os.environ
                        | servers.environment
                        | {"DJANGO_SETTINGS_MODULE": "newsletter.settings"}
                    )
                    if name == "SQLite":
                        environment["DATABASE_URL"] = f"sqlite:///{folder}/round{number}.sqlite3"
                    figures = run(way, small if way == "naive" else whole, environment)
                    taken.setdefault((name, way), []).append(figures)
        Console(width=132).print(table(taken, options))


def run(way: str, path: Path, environment: dict[str, str]) -> Figures:
    """Run one way in a process of its own.

    Raises:
        subprocess.CalledProcessError: it failed; its messages are above.
    """
    command = [sys.executable, "-m", "bench.imports", "--child", way, str(path)]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True)
    return Figures(**json.loads(done.stdout))


def write(path: Path, papers: int, counts: int) -> None:
    """Write a file of papers, each with its vote history. The same numbers give the same file."""
    chance = random.Random(7)  # noqa: S311  # a world to measure with, no secret
    with gzip.open(path, "wt", compresslevel=1) as file:
        for number in range(papers):
            file.write(json.dumps(record(number, counts, chance)) + "\n")


def record(number: int, counts: int, chance: random.Random) -> dict[str, object]:
    """Return one paper with an abstract of about a thousand characters, some TeX in it, and a
    history of votes that grow.
    """
    day = FIRST_DAY + timedelta(days=number % DAYS)
    seen = datetime.combine(day, datetime.min.time(), UTC)
    votes = sorted(chance.randrange(500) for _ in range(counts))
    abstract = " ".join(chance.choices(WORDS, k=150)) + r" at $O(n^2)$, by \emph{far}."
    return {
        "title": f"On {' '.join(chance.choices(WORDS, k=6))} {number}",
        "arxiv_id": f"{day:%y%m}.{number % 100_000:05}",
        "abstract": abstract,
        "authors": [f"Ada Example{number % 97}", f"Bo Sample{number % 89}"],
        "day": day.isoformat(),
        "published": day.isoformat(),
        "counts": [
            [(seen + timedelta(hours=12 * place)).isoformat(), count, place]
            for place, count in enumerate(votes)
        ],
    }


def measured(way: str, path: Path) -> Figures:
    """Store the file in the way that is named, and say how long it took."""
    # What uses models can be imported only now that the database's address is known.
    from django.core.management import call_command  # noqa: PLC0415  # see above

    from ingest.files import import_lines  # noqa: PLC0415  # see above
    from ingest.known_sources import source_named  # noqa: PLC0415  # see above
    from ingest.models import Count, Listing, Paper  # noqa: PLC0415  # see above

    call_command("migrate", verbosity=0)
    source = source_named("jsonl")
    size, read, early = path.stat().st_size, 0, 0.0

    def look(part: int) -> None:
        nonlocal read, early
        read += part
        early = early or (memory() if read * 10 >= size else 0.0)

    before = Paper.objects.count() + Listing.objects.count() + Count.objects.count()
    began, cpu_began = time.perf_counter(), time.process_time()
    if way == "naive":
        store_row_by_row(lines(path))
    else:
        (report,) = import_lines(source, [path], now=NOW, done=look)
        if (
            report.error
            or report.rejected
            or (way == "again" and report.unchanged != report.entries)
        ):
            raise RuntimeError(f"The import did not go as it should: {report}")
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu_began
    after = Paper.objects.count() + Listing.objects.count() + Count.objects.count()
    if way == "naive":
        for model in (Count, Listing, Paper):
            model.objects.all().delete()
    return Figures(
        after if way == "again" else after - before, seconds, cpu, early or memory(), memory()
    )


def store_row_by_row(records: Iterable[dict[str, object]]) -> None:
    """Store papers as one would write it first: get or create each row, in a transaction per
    paper.
    """
    from django.db import transaction  # noqa: PLC0415  # needs the set-up, as above

    from ingest.identity import title_key  # noqa: PLC0415  # needs the set-up, as above
    from ingest.known_sources import source_named  # noqa: PLC0415  # needs the set-up, as above
    from ingest.models import Count, Listing, Paper  # noqa: PLC0415  # needs the set-up, as above

    source = source_named("jsonl")
    for values in records:
        with transaction.atomic():
            title = str(values["title"])
            known = {
                "title": title,
                "title_key": title_key(title),
                "abstract": values["abstract"],
                "authors": values["authors"],
            }
            paper, _ = Paper.objects.get_or_create(
                arxiv_id=values["arxiv_id"], defaults={**known, "first_seen_at": NOW}
            )
            listing, _ = Listing.objects.get_or_create(
                source=source, day=values["day"], paper=paper, defaults={"last_seen_at": NOW}
            )
            rows: list[list[object]] = values["counts"]  # type: ignore[assignment]  # we wrote the file
            for seen_at, votes, comments in rows:
                Count.objects.get_or_create(
                    listing=listing,
                    seen_at=seen_at,
                    defaults={"votes": votes, "comments": comments},
                )


def lines(path: Path) -> Iterator[dict[str, object]]:
    """Give the records of a file."""
    with gzip.open(path, "rt") as file:
        yield from map(json.loads, file)


def memory() -> float:
    """Return the most memory that this process has had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


def table(taken: dict[tuple[str, str], list[Figures]], options: argparse.Namespace) -> Table:
    made = Table(
        title=f"{options.papers:,} papers with {options.counts} counts each; medians of "
        f"{options.rounds}"
    )
    for heading in (
        "database",
        "way",
        "rows",
        "s",
        "rows/s",
        "× naive",
        "CPU µs a row",
        "MB after a tenth",
        "MB at most",
    ):
        made.add_column(
            heading, justify="left" if heading in {"database", "way"} else "right", no_wrap=True
        )
    for (name, way), runs in taken.items():
        rate = statistics.median(each.rows / each.seconds for each in runs)
        naive = statistics.median(each.rows / each.seconds for each in taken[name, "naive"])
        middle = sorted(runs, key=lambda each: each.seconds)[len(runs) // 2]
        words = {
            "naive": "row by row",
            "import": "Paperboy, first time",
            "again": "Paperboy, nothing new",
        }[way]
        figures = (
            f"{middle.rows:,}",
            f"{middle.seconds:.1f}",
            f"{rate:,.0f}",
            f"{rate / naive:.1f}",
            f"{middle.cpu / middle.rows * 1e6:,.0f}",
        )
        made.add_row(
            name,
            words,
            *figures,
            f"{max(each.early_memory for each in runs):.0f}",
            f"{max(each.most_memory for each in runs):.0f}",
        )
    return made


if __name__ == "__main__":
    main()
