"""Message: a rendered digest as a mail that any of Django's backends can send."""

import re
from collections.abc import Mapping

from django.core.mail import EmailMultiAlternatives

from ingest.cleaning import one_line
from newsletter.composing.content import RenderedMail
from newsletter.composing.publication import this_publication

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


class BadHeader(ValueError):
    """A header value holds a control character; mail with it would be broken or carry somebody
    else's headers.
    """


def to_email_message(mail: RenderedMail, address: str) -> EmailMultiAlternatives:
    """Return the message: text first, HTML last, both UTF-8, to exactly one address.

    Raises:
        BadHeader: when the address or a header holds a control character; Django itself stops only
            CR and LF.
    """
    publication = this_publication()
    refuse_control_characters({"To": address, **mail.headers})
    message = EmailMultiAlternatives(
        subject=one_line(mail.subject),
        body=mail.text,
        from_email=publication.sender,
        to=[address],
        reply_to=[publication.reply_to] if publication.reply_to else None,
        headers=dict(mail.headers),
    )
    message.attach_alternative(mail.html, "text/html")
    return message


def refuse_control_characters(headers: Mapping[str, str]) -> None:
    """Raise BadHeader for a header that would break the mail, or let somebody else write headers
    into it.
    """
    for name, value in headers.items():
        if _CONTROL.search(value):
            raise BadHeader(f"The header {name} holds a control character.")
