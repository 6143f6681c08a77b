"""What every test may ask for."""

from pathlib import Path

import hypothesis
import pytest
from django.conf import settings

hypothesis.settings.register_profile("unhurried", deadline=None)  # a busy machine must not fail a test
hypothesis.settings.load_profile("unhurried")

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared_folder() -> Path:
    """The folder of shared reference data beside the project, where there is one."""
    folder = ROOT.parent / "shared"
    if not (folder / "seeds").is_dir():
        pytest.skip("the shared reference data is not beside the project")
    return folder


@pytest.fixture(scope="session", autouse=True)
def machine_file(tmp_path_factory) -> Path:
    """Each process of the suite has a database of its own, and so is a machine of its own."""
    settings.MACHINE_FILE = tmp_path_factory.mktemp("machine") / "machine.json"
    return settings.MACHINE_FILE
