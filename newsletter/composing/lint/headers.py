"""Header rules, on the bytes as they would be sent: RFC 2047, 2369, 2919, 3834, 5322, 8058 and
what providers ask for.
"""

import re
from collections.abc import Iterator
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import getaddresses

from newsletter.composing.lint.rules import Finding
from newsletter.composing.lint.specimen import Specimen

LONGEST_LINE = 998
LONGEST_ADDRESS = 76
LONGEST_SUBJECT = 60
_ONCE = (
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "Reply-To",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
    "List-Id",
    "MIME-Version",
)
_NEEDED = ("From", "To", "Subject", "Date", "Message-ID")
_MAY_BE_ENCODED = {
    "subject",
    "from",
    "to",
    "reply-to",
    "sender",
    "comments",
    "list-id",
    "dkim-signature",
}
_RECEIPTS = ("Return-Receipt-To", "Disposition-Notification-To", "X-Confirm-Reading-To")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")
_LIST_ID = re.compile(r"^(?:[^<>]*\s)?<[a-z0-9-]+(?:\.[a-z0-9-]+)+>$", re.IGNORECASE)
_FEEDBACK_ID = re.compile(r"^(?:[^:\s]*:){1,3}[A-Za-z0-9_-]{5,15}$")
_LOCAL_ID = re.compile(
    r"@(?:localhost|[^.>]*>|.*\.(?:local|internal|lan|localdomain)>)", re.IGNORECASE
)


def header_findings(
    specimen: Specimen, *, digest: bool = True, development: bool = False
) -> Iterator[Finding]:
    """Yield what is wrong with the headers. `digest=False` is for letters about a subscription,
    which carry no list headers.

    `development` allows an address of this machine as the way out.
    """
    yield from _bytes_rules(specimen)
    yield from _counts(specimen)
    yield from _addressing(specimen)
    yield from _subject(specimen)
    yield from _structure(specimen)
    if digest:
        yield from _unsubscribing(specimen, development=development)
        yield from _list_headers(specimen)


def _bytes_rules(specimen: Specimen) -> Iterator[Finding]:
    for number, line in enumerate(re.split(rb"\r?\n", specimen.content), start=1):
        if len(line) > LONGEST_LINE:
            yield Finding("line-too-long", f"line {number}", f"{len(line)} bytes")
    for name, value in specimen.raw_headers:
        if _CONTROL.search(value):
            yield Finding("header-control-character", name, repr(value)[:80])
        if _NOT_ASCII.search(value):
            yield Finding("header-not-ascii", name, repr(value)[:80])
        if "=?" in value and name.lower() not in _MAY_BE_ENCODED:
            yield Finding("encoded-word-in-header", name, value[:80])


def _counts(specimen: Specimen) -> Iterator[Finding]:
    for name in _ONCE:
        if len(specimen.values(name)) > 1:
            yield Finding("header-twice", name, f"{len(specimen.values(name))} times")
    for name in _NEEDED:
        if not specimen.values(name):
            yield Finding("header-missing", name, "not there")
    for name in _RECEIPTS:
        if specimen.values(name):
            yield Finding("receipt-requested", name, specimen.values(name)[0][:80])


def _addressing(specimen: Specimen) -> Iterator[Finding]:
    recipients = getaddresses(specimen.values("To"))
    if len(recipients) > 1 or specimen.values("Cc") or specimen.values("Bcc"):
        yield Finding("many-recipients", "To", f"{len(recipients)} in To, Cc or Bcc")
    for value in specimen.values("Message-ID"):
        if _LOCAL_ID.search(value):
            yield Finding("message-id-local", "Message-ID", value[:80])


def _subject(specimen: Specimen) -> Iterator[Finding]:
    for value in specimen.values("Subject"):
        try:
            subject = str(make_header(decode_header(value)))
        except (HeaderParseError, LookupError, ValueError):
            subject = value
        if not subject.strip():
            yield Finding("subject-empty", "Subject", "no text")
        if len(subject) > LONGEST_SUBJECT:
            yield Finding("subject-long", "Subject", f"{len(subject)} characters")
        if _CONTROL.search(subject):
            yield Finding("header-control-character", "Subject", repr(subject)[:80])


def _structure(specimen: Specimen) -> Iterator[Finding]:
    message = specimen.message
    if message is None:
        return
    for part in message.walk():
        if part.defects:
            yield Finding("broken-mime", part.get_content_type(), type(part.defects[0]).__name__)
        if (
            part.get_content_maintype() == "text"
            and (part.get_content_charset() or "").lower() != "utf-8"
        ):
            yield Finding("charset", part.get_content_type(), str(part.get_content_charset()))
        if part.get_content_disposition() == "attachment" or part.get_content_maintype() not in {
            "text",
            "multipart",
        }:
            yield Finding(
                "attachment", part.get_content_type(), str(part.get_filename() or "unnamed")
            )
    if _types(message) != ["text/plain", "text/html"]:
        yield Finding(
            "parts-order",
            "Content-Type",
            f"{message.get_content_type()} of {', '.join(_types(message)) or 'nothing'}",
        )


def _types(message: EmailMessage) -> list[str]:
    return (
        [part.get_content_type() for part in message.iter_parts()]
        if message.get_content_type() == "multipart/alternative"
        else []
    )


def _unsubscribing(specimen: Specimen, *, development: bool) -> Iterator[Finding]:
    for value in specimen.values("List-Unsubscribe") or [""]:
        if not value:
            yield Finding("unsubscribe-header-missing", "List-Unsubscribe", "not there")
            continue
        addresses = [address.strip() for address in value.split(",")]
        if development:
            addresses = [
                re.sub(
                    r"^<http://(?:127\.0\.0\.1|localhost)(?=[:/])", "<https://localhost", address
                )
                for address in addresses
            ]
        secure = [address for address in addresses if address.startswith("<https://")]
        if len(secure) != 1 or not all(
            re.fullmatch(r"<(?:https|mailto):[^<>\s]+>", address) for address in addresses
        ):
            yield Finding("unsubscribe-header-form", "List-Unsubscribe", value[:80])
        for address in addresses:
            if len(address) > LONGEST_ADDRESS:
                yield Finding(
                    "unsubscribe-header-long", "List-Unsubscribe", f"{len(address)} characters"
                )
    if specimen.values("List-Unsubscribe-Post") != ["List-Unsubscribe=One-Click"]:
        yield Finding(
            "unsubscribe-post-form",
            "List-Unsubscribe-Post",
            ", ".join(specimen.values("List-Unsubscribe-Post")) or "not there",
        )
    for value in specimen.values("DKIM-Signature"):
        signed = re.search(r"\bh=([^;]*)", re.sub(r"\s", "", value))
        names = (signed[1] if signed else "").lower().split(":")
        if not {"list-unsubscribe", "list-unsubscribe-post"} <= set(names):
            yield Finding("dkim-leaves-out", "DKIM-Signature", f"h={':'.join(names)}"[:80])


def _list_headers(specimen: Specimen) -> Iterator[Finding]:
    if not specimen.values("Reply-To"):
        yield Finding("reply-to-missing", "Reply-To", "not there")
    if not any(_LIST_ID.match(value) for value in specimen.values("List-Id")):
        yield Finding(
            "list-id-form", "List-Id", ", ".join(specimen.values("List-Id")) or "not there"
        )
    if not any(_FEEDBACK_ID.match(value) for value in specimen.values("Feedback-ID")):
        yield Finding(
            "feedback-id-form",
            "Feedback-ID",
            ", ".join(specimen.values("Feedback-ID")) or "not there",
        )
    if specimen.values("Auto-Submitted") != ["auto-generated"]:
        yield Finding(
            "auto-submitted-missing",
            "Auto-Submitted",
            ", ".join(specimen.values("Auto-Submitted")) or "not there",
        )
    if specimen.values("Precedence") != ["bulk"]:
        yield Finding(
            "precedence-missing",
            "Precedence",
            ", ".join(specimen.values("Precedence")) or "not there",
        )
    if not specimen.values("X-Auto-Response-Suppress"):
        yield Finding("auto-response-missing", "X-Auto-Response-Suppress", "not there")
