"""The experiments by name: a harm, and the circumstances it needs."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from tests.faults.disk import (
    journal_on_a_small_disk,
    own_folder_on_a_small_disk,
    redis_on_a_small_disk,
    tables_on_a_small_disk,
)
from tests.faults.harm import (
    clock,
    disks,
    outages,
    poison,
    provider,
    readers,
    servers,
    transactional,
    workers,
)
from tests.faults.readers import (
    planned_before_an_outage,
    start_afresh,
    thirty_topics,
    with_an_unreadable_edition,
    with_poisoned_readers,
)
from tests.faults.scene import Scene
from tests.faults.town import CONNECTIONS, Town
from tests.newsletter.poison import POISONS


@contextmanager
def _anywhere(_town: Town) -> Iterator[None]:
    """Leave the town as it is."""
    yield


@contextmanager
def _as_delivered(town: Town) -> Iterator[None]:
    """Let the product run with its own batches, lease and connections in place of the town's
    small ones.
    """
    before = dict(town.environment)
    for name in ("BATCH_SIZE", "LEASE_SECONDS", "CONNECTIONS_PER_WORKER"):
        del town.environment[name]
    try:
        yield
    finally:
        town.environment = before


@dataclass(frozen=True)
class Experiment:
    """A harm; what the provider does from the first mail; where the town lies meanwhile; how its
    readers and edition begin.

    Without `scheduler` the harm plays it. `readers` is their number where the command's does not
    count. So many deliveries must have `failed`, and so many be `uncertain`, beside those that
    killed processes explain; or all are `late`.
    """

    harm: Callable[[Scene], None]
    provider: Mapping[str, Any] = field(default_factory=dict)
    place: Callable[[Town], AbstractContextManager[Path | None]] = _anywhere
    begin: Callable[[int], None] = start_afresh
    scheduler: bool = True
    readers: int | None = None
    failed: int = 0
    uncertain: range = range(1)
    late: bool = False


EXPERIMENTS = {
    "nothing": Experiment(workers.nothing),
    "kill": Experiment(workers.kill_children),
    "stop": Experiment(workers.stop_and_wake),
    "throttle": Experiment(provider.throttle),
    "no-provider": Experiment(provider.no_provider),
    "accept-and-cut": Experiment(
        provider.to_the_end,
        {"reply": "accept and cut", "only": "reader7@example.org"},
        uncertain=range(1, 2),
    ),
    # Those handed over beside it have their answers, which a worker that is kept waiting past its
    # lease may not record any more.
    "accept-and-stall": Experiment(
        provider.to_the_end,
        {"reply": "accept and stall", "only": "reader7@example.org"},
        uncertain=range(1, CONNECTIONS + 1),
    ),
    "refuse-one": Experiment(
        provider.to_the_end, {"reply": "550 no such user", "only": "reader3@example.org"}, failed=1
    ),
    "poisoned-readers": Experiment(
        poison.fail_alone, begin=with_poisoned_readers, failed=len(POISONS)
    ),
    "unreadable-edition": Experiment(poison.ask_staff, begin=with_an_unreadable_edition),
    "redis": Experiment(servers.lose_redis),
    "postgresql": Experiment(servers.hurt_postgresql),
    "two-of-everything": Experiment(workers.two_of_everything),
    "not-armed": Experiment(workers.second_machine_not_armed, scheduler=False),
    "clock": Experiment(clock.turn_the_clocks, begin=clock.readers_in_many_zones, scheduler=False),
    "two-hours-down": Experiment(
        workers.nothing, begin=partial(planned_before_an_outage, hours_ago=2)
    ),
    "twenty-hours-down": Experiment(
        outages.too_late, begin=partial(planned_before_an_outage, hours_ago=20), late=True
    ),
    "full-tables": Experiment(
        disks.fill_tables, place=tables_on_a_small_disk, uncertain=range(2 * CONNECTIONS + 1)
    ),
    "full-journal": Experiment(disks.fill_journal, place=journal_on_a_small_disk),
    "full-redis": Experiment(disks.fill_redis, place=redis_on_a_small_disk),
    "full-folder": Experiment(disks.fill_own_folder, place=own_folder_on_a_small_disk),
    "unbuildable": Experiment(transactional.cannot_be_built),
    "leave": Experiment(readers.leave_meanwhile),
    "restored-backup": Experiment(outages.restore_a_backup),
    "deploy": Experiment(workers.deploy),
    "ten-thousand": Experiment(
        workers.many_readers, place=_as_delivered, begin=thirty_topics, readers=10_000
    ),
}
