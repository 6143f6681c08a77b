"""Keys of sources: sealed with SECRET_KEY, opened by it and its fallbacks, and by nothing else."""

import pytest

from ingest.keys import KeyLost, key_of, sealed
from ingest.models import Source


def source(**fields) -> Source:
    return Source(slug="feed", kind="feed", title="Feed", **fields)


def test_the_desks_key_goes_before_the_settings_one(settings):
    settings.SOURCE_KEYS = {"feed": "from the settings"}
    assert key_of(source()) == "from the settings"
    assert key_of(source(sealed_key=sealed("from-the-desk"))) == "from-the-desk"
    settings.SOURCE_KEYS = {}
    assert key_of(source()) == ""


def test_what_is_stored_tells_nothing_and_differs_each_time():
    once, again = sealed("secret"), sealed("secret")
    assert "secret" not in once
    assert once != again
    assert sealed("") == ""


def test_a_key_survives_a_rotation_of_the_secret_and_no_other_change(settings):
    kept = source(sealed_key=sealed("secret"))
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "new", [settings.SECRET_KEY]
    assert key_of(kept) == "secret"
    settings.SECRET_KEY_FALLBACKS = []
    with pytest.raises(KeyLost, match="enter it again"):
        key_of(kept)
    with pytest.raises(KeyLost):
        key_of(source(sealed_key="no seal at all"))
