import pytest

from newsletter.sending import frozen, press


@pytest.fixture(autouse=True)
def empty_memory():
    """A worker keeps frozen editions in memory; here every test has a database of its own."""
    frozen.forget()
    press.compiled_parts.cache_clear()
