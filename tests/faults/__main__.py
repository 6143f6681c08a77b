"""Run the fault experiments and print what each shows: `python -m tests.faults [--readers N]
[--seeds N] [EXPERIMENT ...]`.

docs/sending.md tells which promise each of them tries to break, and which ordinary tests stand
beside them.
"""

import argparse
import random
import signal
import sys
import time
from enum import Enum, auto
from typing import TYPE_CHECKING

import django
from django.core.management import call_command
from rich.console import Console
from rich.table import Table

from tests.faults.findings import Findings
from tests.faults.town import BATCH, CONNECTIONS, Town, a_town

if TYPE_CHECKING:
    from tests.faults.experiments import Experiment
    from tests.faults.scene import Scene

RECOVERY_SECONDS = 120
PROCESSES = 2
"""Of a worker: when the database server crashes, each may have a whole batch in flight whose
marks are lost.
"""
COLUMNS = (
    "due",
    "lost",
    "duplicate",
    "uncertain",
    "failed",
    "late",
    "wrong",
    "kills",
    "stops",
    "recovery s",
    "actions",
    "books",
)


class Verdict(Enum):
    """What came of an experiment."""

    HELD = auto()
    FAILED = auto()
    LEFT_OUT = auto()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("experiments", nargs="*", help="which ones; all without a name")
    parser.add_argument("--readers", type=int, default=2000)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    signal.signal(
        signal.SIGTERM, signal.default_int_handler
    )  # processes, servers and mounts must go with the program
    table = Table("experiment", "seed", *COLUMNS)
    verdicts: dict[str, Verdict] = {}
    with a_town() as town:
        django.setup()
        call_command("migrate", verbosity=0)
        from tests.faults.experiments import (
            EXPERIMENTS,
        )  # Django must be set up before models are imported

        for name in options.experiments or EXPERIMENTS:
            for seed in range(1, options.seeds + 1):
                verdicts[f"{name} {seed}"] = _experiment(
                    town, name, EXPERIMENTS[name], seed, options.readers, table
                )
    Console(width=170).print(table)
    for verdict, words in (
        (Verdict.LEFT_OUT, "Left out, so that nothing is known"),
        (Verdict.FAILED, "Did not hold"),
    ):
        if names := [name for name, reached in verdicts.items() if reached == verdict]:
            print(f"{words}: {', '.join(names)}.")  # noqa: T201 (a program that prints its result)
    if set(verdicts.values()) == {Verdict.HELD}:
        print("All held.")  # noqa: T201 (as above)
    return 1 if Verdict.FAILED in verdicts.values() else 0


def _experiment(
    town: Town, name: str, experiment: "Experiment", seed: int, readers: int, table: Table
) -> Verdict:
    from tests.faults.disk import LeftOut
    from tests.faults.scene import Scene

    try:
        with experiment.place(town) as disk:
            scene = Scene(town, experiment.readers or readers, random.Random(seed), disk)
            found, trouble = _found(scene, experiment)
    except LeftOut as reason:
        table.add_row(name, str(seed), "left out")
        print(f"{name} {seed}: LEFT OUT, nothing is shown: {reason}", flush=True)  # noqa: T201 (progress)
        return Verdict.LEFT_OUT
    books = "balance" if found.balanced else "DO NOT BALANCE"
    numbers = (
        found.due,
        found.lost,
        found.duplicate,
        found.uncertain,
        found.failed,
        found.late,
        found.wrong,
        scene.kills,
        scene.stops,
    )
    table.add_row(
        name,
        str(seed),
        *map(str, numbers),
        f"{found.recovery:.0f}",
        str(found.operator_actions),
        books,
    )
    print(f"{name} {seed}: {found}", *scene.notes, *trouble, sep="\n    ", flush=True)  # noqa: T201 (progress)
    return (
        Verdict.HELD
        if not trouble and found.passed and _as_expected(scene, experiment, found)
        else Verdict.FAILED
    )


def _found(scene: "Scene", experiment: "Experiment") -> tuple[Findings, list[str]]:
    """Do the harm, wait for the recovery, and return what became of the readers and what went
    wrong with the experiment itself.
    """
    from tests.faults.readers import addresses, findings, is_done

    town, trouble = scene.town, []
    experiment.begin(scene.readers)
    readers = addresses()
    town.provider_does(**experiment.provider)
    town.forget()
    town.start_worker()
    if experiment.scheduler:
        town.start_scheduler()
    try:
        experiment.harm(scene)
        if scene.harmed_at is None:
            scene.over()
        town.wait_for(is_done, RECOVERY_SECONDS)
    except (TimeoutError, AssertionError) as error:
        trouble.append(f"{type(error).__name__}: {error}")
    recovery = 0.0 if scene.harmed_at is None else time.monotonic() - scene.harmed_at
    found = findings(readers, town.accepted(), recovery, gone=scene.gone)
    for process in [*town.processes.keys() - {"redis", "provider"}]:
        town.kill(process)
    return found, trouble


def _as_expected(scene: "Scene", experiment: "Experiment", found: Findings) -> bool:
    """Say whether the harm left the traces that it must, and none that it explains not: without
    any it has shown nothing.
    """
    explained = CONNECTIONS * (scene.kills + scene.stops) + PROCESSES * BATCH * scene.crashes
    return (
        found.failed == experiment.failed
        and found.late == (found.due if experiment.late else 0)
        and experiment.uncertain.start <= found.uncertain < experiment.uncertain.stop + explained
    )


if __name__ == "__main__":
    sys.exit(main())
