"""Where a request came from, as keyed hashes: enough to count, too little to find anyone."""

import ipaddress
import re
from typing import NamedTuple

from django.conf import settings
from django.http import HttpRequest

from subscriptions.hashing import keyed_hash

_PREFIXES = {4: (32, 24), 6: (64, 48)}
"""Bits of the networks that are counted, by version of IP: what one household usually has, and what
an attacker can usually draw addresses from.
"""
_WITH_PORT = re.compile(r"\[(?P<v6>[^\]]+)\](?::\d+)?|(?P<v4>[\d.]+):\d+")
"""How some proxies write the address of a client."""


class Origin(NamedTuple):
    """Keyed hashes of the networks of a client: its IPv4 address and the /24 around it, or its IPv6
    /64 and the /48 around that.
    """

    near: str
    wide: str


NOWHERE = Origin("", "")
"""For what no network asked for."""


def origin_of(request: HttpRequest) -> Origin:
    """Return the networks of the client.

    Behind a proxy the last entry of X-Forwarded-For counts, the one our own proxy wrote; earlier
    ones are the client's own claims.
    """
    address = request.META.get("REMOTE_ADDR", "")
    if settings.BEHIND_PROXY:
        address = request.headers.get("X-Forwarded-For", address).rpartition(",")[2].strip()
    near, wide = _networks(address)
    return Origin(keyed_hash("origin", near), keyed_hash("origin", wide))


def _networks(address: str) -> tuple[str, str]:
    if match := _WITH_PORT.fullmatch(address):
        address = match["v6"] or match["v4"]
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:  # a Unix socket has no address; all such requests count as one
        return "unknown", "unknown"
    # A socket for both versions writes IPv4 clients as ::ffff:192.0.2.1, all in one /64.
    parsed = getattr(parsed, "ipv4_mapped", None) or parsed
    network = ipaddress.IPv4Network if parsed.version == 4 else ipaddress.IPv6Network
    near, wide = (
        str(network((int(parsed), bits), strict=False)) for bits in _PREFIXES[parsed.version]
    )
    return near, wide
