"""Where Debian's Chromium is, and what its absence means."""

import os
import shutil

import pytest


def chromium_path() -> str:
    """Return the path of Chromium. A machine without it skips the test, but not where CI runs:
    there it must be installed.
    """
    path = shutil.which("chromium")
    if path is None:
        if os.environ.get("CI"):
            pytest.fail("Chromium is not installed, and CI may not skip the browser tests")
        pytest.skip("Chromium is not installed")
    return path
