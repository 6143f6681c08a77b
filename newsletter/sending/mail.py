"""A mail on its way out: what was printed for one delivery, in the form that its way out takes."""

from dataclasses import dataclass

from django.core.mail import EmailMultiAlternatives

from newsletter.composing.content import RenderedMail
from newsletter.composing.message import to_email_message
from newsletter.composing.wire import WireMail, dotted


@dataclass(slots=True)
class Mail:
    """One mail to one address. Nobody changes it; a frozen one would take four times as long to
    make.

    `key` is the delivery's stable name, by which a provider can tell a repetition. `printed` is
    ready bytes for a way out that takes them, and texts for one that builds its own request.
    """

    delivery_id: int
    edition_id: int
    address: str
    key: str
    printed: RenderedMail | WireMail

    @property
    def papers(self) -> tuple[int, ...]:
        """The ids of the papers that the mail really shows."""
        return self.printed.papers

    def message(self) -> EmailMultiAlternatives:
        """Return the mail as Django's backends take it.

        Raises:
            TypeError: it was printed as bytes.
        """
        if isinstance(self.printed, WireMail):
            raise TypeError(
                "A mail that was printed as bytes cannot be taken apart; its way out must ask for "
                "texts."
            )
        return to_email_message(self.printed, self.address)

    def dotted(self) -> bytes:
        """Return the whole message as SMTP takes it, which `newsletter.composing.wire.dotted`
        describes.
        """
        if isinstance(self.printed, WireMail):
            return self.printed.dotted
        return dotted(self.message().message().as_bytes(linesep="\r\n"))
