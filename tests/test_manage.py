"""What `manage.py` says before any command can."""

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow


def test_a_command_on_an_empty_database_says_what_to_run(tmp_path):
    environment = {
        name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}
    } | {"VAR_DIR": str(tmp_path)}
    command = [sys.executable, "manage.py", "ingest", "listing", "seeds/listings/2025-01-10.txt"]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode != 0
    assert "manage.py migrate" in result.stderr
    assert "Traceback" not in result.stderr
