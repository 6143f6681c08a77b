"""Run the fault experiments and print what each shows: `python -m tests.faults [--readers N] [--seeds N] [EXPERIMENT ...]`."""

import argparse
import random
import sys
import time

import django
from django.core.management import call_command
from rich.console import Console
from rich.table import Table

from tests.faults.findings import Findings
from tests.faults.town import CONNECTIONS, Town, a_town

RECOVERY_SECONDS = 120
MAKES_UNCERTAIN = {"accept-and-cut", "postgresql"}
"""By design: one answer is lost, or the database server crashes with batches in flight."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("experiments", nargs="*", help="which ones; all without a name")
    parser.add_argument("--readers", type=int, default=2000)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    table = Table(
        "experiment", "seed", "due", "lost", "duplicate", "uncertain", "failed", "wrong", "kills", "stops", "recovery s", "actions", "books"
    )
    passed = True
    with a_town() as town:
        django.setup()
        call_command("migrate", verbosity=0)
        for name in options.experiments or _all():
            for seed in range(1, options.seeds + 1):
                passed &= _experiment(town, name, seed, options.readers, table)
    Console(width=160).print(table)
    print("All held." if passed else "Something did not hold.")  # noqa: T201 (a program that prints its result)
    return 0 if passed else 1


def _all() -> list[str]:
    from tests.faults.experiments import EXPERIMENTS  # Django must be set up before models are imported

    return list(EXPERIMENTS)


def _experiment(town: Town, name: str, seed: int, readers: int, table: Table) -> bool:
    from tests.faults.experiments import EXPERIMENTS, PROVIDER_FROM_THE_START, Scene  # as above
    from tests.faults.readers import findings, is_done, start_afresh  # as above

    edition = start_afresh(readers)
    town.provider_does(**PROVIDER_FROM_THE_START.get(name, {}))
    (town.folder / "accepted").touch()
    town.forget_accepted()
    town.start_worker()
    town.start_scheduler()
    scene = Scene(town, edition, readers, random.Random(seed))
    EXPERIMENTS[name](scene)
    harmed = time.monotonic()
    try:
        town.wait_for(lambda: is_done(edition), RECOVERY_SECONDS)
    except TimeoutError as error:
        print(f"{name}: {error}", file=sys.stderr)  # noqa: T201 (a program that prints its result)
    found = findings(edition, town.accepted(), time.monotonic() - harmed, gone=scene.gone)
    for process in [*town.processes.keys() - {"redis", "provider"}]:
        town.kill(process)
    numbers = (found.due, found.lost, found.duplicate, found.uncertain, found.failed, found.wrong, scene.kills, scene.stops)
    books = "balance" if found.balanced else "DO NOT BALANCE"
    table.add_row(name, str(seed), *map(str, numbers), f"{found.recovery:.0f}", str(found.operator_actions), books)
    print(f"{name} {seed}: {found}", flush=True)  # noqa: T201 (progress)
    return (
        found.passed
        and _shows_its_harm(name, found)
        and (found.uncertain <= CONNECTIONS * (scene.kills + scene.stops) or name in MAKES_UNCERTAIN)
    )


def _shows_its_harm(name: str, found: Findings) -> bool:
    """An experiment whose harm left no trace has shown nothing."""
    return (
        found.uncertain == (name == "accept-and-cut") if name in ("accept-and-cut", "nothing") else found.failed == (name == "refuse-one")
    )


if __name__ == "__main__":
    sys.exit(main())
