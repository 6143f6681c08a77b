"""Keys: what a source wants to know us by. Those that staff enter are stored encrypted; the
settings may name others.

Fernet (AES-128-CBC with HMAC-SHA256) under a key made of SECRET_KEY, so a copy of the database
alone opens nothing. After a change of SECRET_KEY the old one goes on reading as long as
SECRET_KEY_FALLBACKS has it, and a key is sealed anew when it is next entered.
"""

import base64
import hashlib

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

from ingest.models import Source
from ingest.sources.protocol import BadOptions

PURPOSE = b"paperboy.source.key:"


class KeyLost(BadOptions):
    """A stored key cannot be opened any more."""


def key_of(source: Source) -> str:
    """Return the source's key: the one entered at the desk, else the settings' one, else nothing.

    Raises:
        KeyLost: with a sentence for staff, when SECRET_KEY has changed since it was entered.
    """
    if not source.sealed_key:
        return settings.SOURCE_KEYS.get(source.slug, "")
    try:
        return _box().decrypt(source.sealed_key.encode()).decode()
    except InvalidToken as error:
        raise KeyLost(
            f"The stored key of {source.slug} cannot be opened, as SECRET_KEY has changed: enter "
            "it again at the desk."
        ) from error


def sealed(key: str) -> str:
    """Return the key as it may be stored; nothing for nothing."""
    return _box().encrypt(key.encode()).decode() if key else ""


def _box() -> MultiFernet:
    secrets = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    return MultiFernet(
        [
            Fernet(base64.urlsafe_b64encode(hashlib.sha256(PURPOSE + secret.encode()).digest()))
            for secret in secrets
        ]
    )
