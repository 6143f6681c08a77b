"""Where a request came from, as a keyed hash: enough to count, too little to find anyone."""

import ipaddress

from django.conf import settings
from django.http import HttpRequest

from subscriptions.hashing import keyed_hash


def origin_of(request: HttpRequest) -> str:
    """Return the keyed hash of the client's network: its IPv4 address, or its IPv6 /64, which one
    household usually has.

    Behind a proxy the last entry of X-Forwarded-For counts, the one our own proxy wrote; earlier
    ones are the client's own claims.
    """
    address = request.META.get("REMOTE_ADDR", "")
    if settings.BEHIND_PROXY:
        address = request.headers.get("X-Forwarded-For", address).rpartition(",")[2].strip()
    return keyed_hash("origin", _network(address))


def _network(address: str) -> str:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:  # a Unix socket has no address; all such requests count as one
        return "unknown"
    return (
        str(ipaddress.ip_network((parsed, 64), strict=False))
        if parsed.version == 6
        else str(parsed)
    )
