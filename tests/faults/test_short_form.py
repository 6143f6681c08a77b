"""The short form of the fault experiments: the whole program, with few readers and three
experiments, in a process of its own.
"""

import os
import subprocess
import sys

import pytest

from tests.faults.town import ROOT


@pytest.mark.slow
@pytest.mark.own_servers
@pytest.mark.timeout(600)
def test_nothing_is_lost_repeated_or_wrong():
    inherited = {
        name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}
    }
    command = [
        sys.executable,
        "-m",
        "tests.faults",
        "--readers",
        "150",
        "--seeds",
        "1",
        "kill",
        "redis",
        "twenty-hours-down",
    ]
    result = subprocess.run(
        command, cwd=ROOT, env=inherited, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "All held." in result.stdout
