"""What every test may ask for."""

from pathlib import Path

import hypothesis
import pytest
from django.conf import settings
from django.core.cache import cache
from django.test import TransactionTestCase

hypothesis.settings.register_profile(
    "unhurried", deadline=None
)  # a busy machine must not fail a test
hypothesis.settings.load_profile("unhurried")

ROOT = Path(__file__).resolve().parent.parent


NEEDS_ROWS = {"db", "transactional_db", "django_db_setup"}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what needs a database: making one takes longer than all tests without. What brings
    its own runs with the default one only.
    """
    if config.getoption("database") != "sqlite":
        left_out = [item for item in items if item.get_closest_marker("own_servers")]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
    for item in items:
        rows = isinstance(item, pytest.Function) and not NEEDS_ROWS.isdisjoint(item.fixturenames)
        in_a_case = isinstance(getattr(item, "cls", None), type) and issubclass(
            item.cls, TransactionTestCase
        )
        if rows or in_a_case or item.get_closest_marker("django_db"):
            item.add_marker("database")


@pytest.fixture(scope="session")
def shared_folder() -> Path:
    """The folder of shared reference data beside the project, where there is one."""
    folder = ROOT.parent / "shared"
    if not (folder / "seeds").is_dir():
        pytest.skip("the shared reference data is not beside the project")
    return folder


@pytest.fixture(autouse=True)
def empty_cache() -> None:
    """No test sees a page that another one was shown."""
    cache.clear()


@pytest.fixture(scope="session", autouse=True)
def machine_file(tmp_path_factory) -> Path:
    """Each process of the suite has a database of its own, and so is a machine of its own."""
    settings.MACHINE_FILE = tmp_path_factory.mktemp("machine") / "machine"
    return settings.MACHINE_FILE
