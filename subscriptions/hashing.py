"""Keyed hashes: how we recognise an address or a network origin again without storing it."""

import hashlib
from functools import lru_cache

from django.conf import settings
from django.utils.crypto import salted_hmac


def keyed_hash(purpose: str, text: str) -> str:
    """Return the hex keyed BLAKE2s (RFC 7693, 256 bits) of `text` under the current secret;
    hashes of different purposes never match.
    """
    return hash_under(settings.SECRET_KEY, purpose, text)


def keyed_hashes(purpose: str, text: str) -> list[str]:
    """Return the hash under the current secret and under each fallback, to look up what was
    stored before a rotation.
    """
    return [
        hash_under(secret, purpose, text)
        for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    ]


def hash_under(secret: str, purpose: str, text: str) -> str:
    """Return the hash under a given secret."""
    hashed = keyed(f"paperboy.hash.{purpose}", secret).copy()
    hashed.update(text.encode())
    return hashed.hexdigest()


@lru_cache(maxsize=64)
def keyed(
    salt: str, secret: str, octets: int = hashlib.blake2s.MAX_DIGEST_SIZE
) -> "hashlib.blake2s":
    """Return a keyed BLAKE2s of so many octets before its first byte, to be copied; the key is
    the dear half of it.
    """
    return hashlib.blake2s(
        key=salted_hmac(salt, b"", secret=secret, algorithm="sha256").digest(), digest_size=octets
    )
