"""How a bench is run: as a user would, in an environment that knows nothing of the suite's
servers.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
STARTED = ("DATABASE_URL", "REDIS_URL", "VAR_DIR", "PAPERBOY_TEST_SERVERS", "XDG_RUNTIME_DIR")


def said_by(module: str, *options: str) -> str:
    """Run the module to its end, and return what it printed."""
    environment = {name: value for name, value in os.environ.items() if name not in STARTED}
    command = [sys.executable, "-m", module, *options]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            said, errors = process.communicate()
        except BaseException:
            process.send_signal(signal.SIGINT)  # so that it stops the servers it has started
            raise
    assert process.returncode == 0, errors
    return said
