"""Redaction: removes readers' addresses and the tokens of signed links from logs and from stored
reasons.
"""

import re
from typing import Any

from subscriptions.wording import clean_line

LONGEST_REASON = 300
"""Characters that the columns for reasons and errors hold."""
_LONGEST_TEXT = 10_000
"""Characters of an error that are looked at: the text of an API's error holds its whole answer."""
_REPLACEMENT = "<address>"
_SIGNED_PATH = re.compile(r"(/[acnpuv]/[^\w\"'-]{0,8})[\w-]{16,}", re.ASCII | re.IGNORECASE)
"""A leave link also works in capitals and with marks before its token."""
_AT = re.compile(
    r"""[ ]?(?:
        @ | \uff20 | \ufe6b              # the sign, and its full-width and small forms
        | %(?:25)*40                     # in a URL, also when it was encoded several times
        | &(?:\#0*64|\#x0*40|commat);    # in HTML
        | \\u0040 | \\x40                # in JSON and in Python
        | =40(?=[a-z0-9-]+\.[a-z0-9-])   # in quoted-printable text
    )[ ]?""",
    re.VERBOSE | re.IGNORECASE,
)
_QUOTED_LOCAL_PART = re.compile(r'"(?:[^"\\]|\\.){0,200}\\?"@')
_DOMAIN_LITERAL = re.compile(r"@\[[^\]\s]*\]")
_WORD = re.compile(r'[^\s<>()\[\],;:"\x1b]+')
"""A run of characters that may stand in an unquoted address (RFC 5322 section 3.2.3). The escape
character ends one, since colours of a terminal are no part of an address.
"""
_NODE_NAME = re.compile(r"@?[^@]*@(?![a-z]{2}\b)[^@.]*|@[^@]*", re.IGNORECASE)
"""Such as `worker@host`, which Celery logs, and a decorator in a traceback. Two letters are the
domain of a country, where an address may be.
"""


def redact(text: str) -> str:
    """Return the text with the token of every signed path replaced by an ellipsis."""
    return _SIGNED_PATH.sub(r"\1…", text)


def redact_addresses(text: str) -> str:
    """Return the text with every mail address replaced, in whatever spelling: quoted, encoded for
    a URL or HTML, international.

    What touches an address without a blank or a bracket between, such as `to=`, is replaced too.
    """
    return _unbracketed(
        _WORD.sub(lambda word: _REPLACEMENT if "@" in word[0] else word[0], _with_plain_signs(text))
    )


def stored_reason(text: str) -> str:
    """Return what may be stored of an error or of a provider's answer: one line without addresses,
    tokens and control characters, cut to its column.

    PostgreSQL refuses a NUL character, which a provider may send.
    """
    return redact(redact_addresses(clean_line(text[:_LONGEST_TEXT])))[:LONGEST_REASON]


def redact_log_line(_logger: Any, _method: str, line: str) -> str:
    """Redact a line or traceback as it is written to a log: the last structlog processor.

    Here an address needs a dot in its domain, or a country for its domain. Otherwise the names of
    Celery's nodes would go.
    """
    redacted = _WORD.sub(
        lambda word: (
            _REPLACEMENT if "@" in word[0] and not _NODE_NAME.fullmatch(word[0]) else word[0]
        ),
        _with_plain_signs(line),
    )
    return redact(_unbracketed(redacted))


def _with_plain_signs(text: str) -> str:
    """Return the text with each @ in its plain form and with nothing but one word around it."""
    return _DOMAIN_LITERAL.sub("@literal.", _QUOTED_LOCAL_PART.sub("quoted@", _AT.sub("@", text)))


def _unbracketed(text: str) -> str:
    return text.replace(f"<{_REPLACEMENT}>", _REPLACEMENT)
