"""A mail on its way out: what was rendered for one delivery, and the names it is known by."""

from dataclasses import dataclass

from django.core.mail import EmailMultiAlternatives

from newsletter.composing.content import RenderedMail
from newsletter.composing.message import to_email_message


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail to one address. `key` is the delivery's stable name, by which a provider can tell a repetition."""

    delivery_id: int
    edition_id: int
    address: str
    key: str
    rendered: RenderedMail

    def message(self) -> EmailMultiAlternatives:
        return to_email_message(self.rendered, self.address)

    def content(self) -> bytes:
        """Return the whole message as it goes over the wire, lines ending in CRLF."""
        return bytes(self.message().message().as_bytes(linesep="\r\n"))
