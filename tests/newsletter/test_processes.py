"""Several commands that start on a fresh instance at once."""

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

ON_A_FRESH_INSTANCE = (
    "import django; django.setup(); from newsletter.processes import migrate; migrate()"
)


def test_two_commands_at_once_migrate_one_after_the_other(tmp_path):
    inherited = {
        name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}
    }
    environment = inherited | {
        "VAR_DIR": str(tmp_path),
        "DJANGO_SETTINGS_MODULE": "newsletter.settings",
    }
    command = [sys.executable, "-c", ON_A_FRESH_INSTANCE]
    both = [
        subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    assert [process.communicate(timeout=300)[1] for process in both] == ["", ""]
