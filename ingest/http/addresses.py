"""Which addresses we go to: https on the public internet.

A source's address, or a redirect, must not make us ask what only this machine or its network can
reach (server-side request forgery). The text of an address is judged here before anything is looked
up, the numbers it resolves to in `network` before anything is connected.
"""

import ipaddress
import re
from dataclasses import dataclass

import httpx

from ingest.http.faults import Fault, UpstreamError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_ENDS_IN_A_NUMBER = re.compile(r"(?:^|\.)(?:[0-9]+|0[xX][0-9a-fA-F]*)\.?$")
"""What URL parsers take for an IPv4 address, also in octal, hexadecimal or with fewer than four
parts (WHATWG URL, host parsing).
"""
_LARGEST_PORT = 65_535
_IPV4 = re.compile(r"[0-9]+(\.[0-9]+){3}")
_NAME = re.compile(r"[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9_])?\.?")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
"""IPv4 addresses as seen from networks that have IPv6 only (RFC 6052 section 2.1)."""
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
_SPECIAL = (
    ipaddress.ip_network(
        "192.0.0.0/24"
    ),  # protocol assignments, RFC 6890; one cloud keeps its metadata there
    ipaddress.ip_network("192.88.99.0/24"),  # 6to4 relays, RFC 7526
    ipaddress.ip_network("2001::/23"),  # protocol assignments, RFC 2928, Teredo among them
    ipaddress.ip_network("2002::/16"),  # 6to4, RFC 3056: any IPv4 address inside
    ipaddress.ip_network("3fff::/20"),  # documentation, RFC 9637
)
"""Ranges that not every Python we run on knows as special."""


@dataclass(frozen=True, slots=True)
class AddressRules:
    """Where a client may go. Loopback is for tests alone and never comes from a setting."""

    plain_http_hosts: frozenset[str] = frozenset()
    allow_loopback: bool = False

    def check(self, text: str) -> httpx.URL:
        """Return the parsed address.

        Raises:
            UpstreamError: FORBIDDEN, when it is no address, not https, carries a password, or names
                a host that is not public.
        """
        try:
            url = httpx.URL(text)
            _ = url.host  # decoding it raises an error for a name such as “xn--a.org”
        except (httpx.InvalidURL, ValueError) as error:
            raise UpstreamError(Fault.FORBIDDEN, f"That is not a web address: {error}.") from error
        if url.scheme != "https" and not (
            url.scheme == "http" and url.host in self.plain_http_hosts
        ):
            raise UpstreamError(
                Fault.FORBIDDEN,
                f"Only https addresses are fetched, not {url.scheme or 'one without a scheme'}: "
                f"{place(url)}.",
            )
        if url.port is not None and not 0 < url.port <= _LARGEST_PORT:
            raise UpstreamError(Fault.FORBIDDEN, f"{url.port} is no port.")
        if not url.host:
            raise UpstreamError(Fault.FORBIDDEN, "The address names no host.")
        if url.userinfo:
            raise UpstreamError(
                Fault.FORBIDDEN, f"An address must not hold a name or password: {place(url)}."
            )
        self._check_host(url.raw_host.decode("ascii"))
        return url

    def check_address(self, host: str, address: str) -> None:
        """Judge one numeric address that `host` stands for.

        Raises:
            UpstreamError: FORBIDDEN, unless it is public, or loopback where that is allowed.
        """
        number = _unwrapped(host, address)
        if self.allow_loopback and number.is_loopback:
            return
        if not _is_public(number):
            raise UpstreamError(
                Fault.FORBIDDEN, f"{host} stands for {address}, which is not a public address."
            )

    def _check_host(self, host: str) -> None:
        if ":" in host or _IPV4.fullmatch(host):
            self.check_address(host, host)
        elif _ENDS_IN_A_NUMBER.search(host):
            raise UpstreamError(
                Fault.FORBIDDEN, f"“{host}” is a number written in an unusual form."
            )
        elif not _NAME.fullmatch(host):
            raise UpstreamError(Fault.FORBIDDEN, f"“{host}” is not the name of a host.")


def place(url: httpx.URL) -> str:
    """Return an address without what may be secret: no password, no query."""
    return f"{url.scheme}://{url.netloc.decode('ascii')}{url.path}"


def _unwrapped(host: str, address: str) -> Address:
    try:
        number = ipaddress.ip_address(address)
    except ValueError as error:
        raise UpstreamError(
            Fault.FORBIDDEN, f"{host} stands for {address}, which is no address."
        ) from error
    if isinstance(number, ipaddress.IPv6Address):
        if number.ipv4_mapped:
            return number.ipv4_mapped
        if number in _NAT64:
            return ipaddress.IPv4Address(int(number) & 0xFFFFFFFF)
    return number


def _is_public(number: Address) -> bool:
    if isinstance(number, ipaddress.IPv6Address) and number not in _GLOBAL_UNICAST:
        return False
    # Python calls some multicast and reserved ranges global, so both are named.
    return (
        number.is_global
        and not number.is_multicast
        and not number.is_reserved
        and not any(number in special for special in _SPECIAL)
    )
