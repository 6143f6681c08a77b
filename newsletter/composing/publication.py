"""Publication: who sends, as the settings say."""

from dataclasses import dataclass

from django.conf import settings

from newsletter.composing.content import DigestLinks
from newsletter.composing.typesetting import clean_line


@dataclass(frozen=True, slots=True)
class Publication:
    """The name, home and addresses that every digest carries. `url` has no slash at its end."""

    name: str
    url: str
    host: str
    postal_address: str
    sender: str
    reply_to: str
    unsubscribe_address: str
    sender_id: str

    def links_of_nobody(self) -> DigestLinks:
        """Return links of the true shape that no reader has, for digests that are looked at here
        and sent nowhere.
        """
        return DigestLinks(
            leave=f"{self.url}/u/0/",
            preferences=f"{self.url}/p/0/",
            view=f"{self.url}/v/0/",
            act=f"{self.url}/a/0/",
        )


def this_publication() -> Publication:
    """Return this instance's publication."""
    return Publication(
        name=clean_line(settings.SITE_NAME),
        url=settings.SITE_URL,
        host=settings.SITE_HOST,
        postal_address=clean_line(settings.POSTAL_ADDRESS),
        sender=settings.DEFAULT_FROM_EMAIL,
        reply_to=settings.REPLY_TO_ADDRESS,
        unsubscribe_address=settings.UNSUBSCRIBE_ADDRESS,
        sender_id=settings.SENDER_ID,
    )
