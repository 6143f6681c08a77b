"""Mail addresses: what we accept, how two spellings of one address are recognised, and how one
is remembered without being kept.
"""

import re
import unicodedata

import idna
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from email_validator import EmailNotValidError, validate_email

from subscriptions.hashing import keyed_hashes

LOCAL_OCTETS = 64
"""The longest part before the @ (RFC 5321 section 4.5.3.1.1)."""
ADDRESS_OCTETS = 254
"""The longest address that fits a path with its angle brackets (RFC 5321 section 4.5.3.1.3, RFC
3696 erratum 1690).
"""
_COUNTRY = re.compile(r"[A-Za-z]{2}")
_GMAIL = ("gmail.com", "googlemail.com")


class BadAddress(ValidationError):
    """An address we cannot write to; the message says what to change."""


def validate(text: str) -> str:
    """Return the address as it was given, without surrounding blanks; a domain with other letters
    in its ASCII form.

    Python's mail classes would write "faß.example" as "fass.example" (IDNA 2003), which may be
    somebody else's. No DNS is asked.

    Raises:
        BadAddress: when it is no address, is too long, or needs a mail server that takes non-ASCII
            local parts (RFC 6531).
    """
    address = unicodedata.normalize("NFC", text.strip())
    if not address:
        raise BadAddress(_("Please enter your email address."))
    local, at, domain = address.rpartition("@")
    if not (at and local and domain):
        raise BadAddress(
            _("An email address has a name, an @ and a domain, such as ada@example.org.")
        )
    if '"' in local or domain.startswith("["):
        raise BadAddress(
            _(
                "We cannot write to addresses with quotation marks or with a number in brackets in "
                "place of a domain."
            )
        )
    if not local.isascii():
        raise BadAddress(
            _(
                "We can only write to addresses whose part before the @ has no accents and no "
                "other special letters."
            )
        )
    if len(local) > LOCAL_OCTETS or len(address) > ADDRESS_OCTETS:
        raise BadAddress(_("This address is too long to be delivered. Please check it."))
    ascii_domain = _valid_domain(address, domain)
    return address if domain.isascii() else f"{local}@{ascii_domain}"


def _valid_domain(address: str, domain: str) -> str:
    """Return the ASCII form of the domain of an address.

    Only the two letters of a country may be a whole domain, as in ada@io. No other top-level domain
    may have a mail server (ICANN, 2013), so such an address lacks its end.
    """
    try:
        valid = validate_email(
            address,
            allow_smtputf8=False,
            strict=True,
            check_deliverability=False,
            globally_deliverable=not _COUNTRY.fullmatch(domain),
        )
    except EmailNotValidError as error:
        raise BadAddress(
            _("This does not look like an email address. Please check it for typing mistakes.")
        ) from error
    return valid.ascii_domain


def fold(address: str) -> str:
    """Return the key under which all spellings of a valid address are one: domain in lower-case
    IDNA, local part case-folded.

    Raises:
        BadAddress: when the domain has no IDNA form.
    """
    local, _at, domain = unicodedata.normalize("NFC", address.strip()).rpartition("@")
    return f"{local.casefold()}@{_ascii_domain(domain)}"


def mailbox_hashes(address: str) -> list[str]:
    """Return the keyed hashes of the mailbox behind an address, the current secret's first. They
    serve to count mails to one mailbox, and nothing else.
    """
    return keyed_hashes("mailbox", mailbox(address))


def mailbox(address: str) -> str:
    """Return a key that is the same for all spellings that reach one mailbox.

    A tag after a plus sign is left out. Gmail also ignores dots, and googlemail.com is another name
    of gmail.com. Elsewhere a plus sign may be an ordinary character, so this key never decides who
    somebody is.
    """
    local, _at, domain = fold(address).rpartition("@")
    local = local.partition("+")[0] or local
    if domain in _GMAIL:
        return f"{local.replace('.', '')}@{_GMAIL[0]}"
    return f"{local}@{domain}"


def hinted(address: str) -> str:
    """Return the address as its owner recognises it and a stranger cannot use it: one character
    of the name, and the domain.
    """
    local, _at, domain = address.rpartition("@")
    return f"{local[:1]}•••@{domain}"


def _ascii_domain(domain: str) -> str:
    try:
        return idna.encode(domain.rstrip("."), uts46=True).decode("ascii").lower()
    except idna.IDNAError as error:
        raise BadAddress(
            _("The part after the @ is not a valid domain. Please check it for typing mistakes.")
        ) from error
