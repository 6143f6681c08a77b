"""Links: the addresses that go into mail, one signed token each.

A URL is absolute, ends with a slash and holds no address. `<https://HOST/u/TOKEN/>` stays within 76
characters for a usual host, because Python's modern mail policy turns longer header words into
encoded ones that mailbox providers do not read (checks.py).
"""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple

from django.conf import settings

from subscriptions.tokens import Power, sign, signer


def confirm_url(sign_up_id: int, now: datetime) -> str:
    """Return where a sign-up is confirmed; works for 3 days."""
    return f"{settings.SITE_URL}/c/{sign(Power.CONFIRM, sign_up_id, now=now)}/"


def change_address_url(address_change_id: int, now: datetime) -> str:
    """Return where the new mailbox agrees to a change of address; works for 3 days."""
    return f"{settings.SITE_URL}/n/{sign(Power.CHANGE_ADDRESS, address_change_id, now=now)}/"


_ANY_TIME = datetime(2020, 1, 1, tzinfo=UTC)
"""For links that are the same whenever they are made."""


class MailLinks(NamedTuple):
    """The links of mails that are printed at one instant: what they share is worked out once."""

    site: str
    sign_leave: Callable[..., str]
    sign_preferences: Callable[..., str]
    sign_act: Callable[..., str]
    sign_view: Callable[..., str]

    def leave(self, subscriber_id: int, edition_id: int = 0) -> str:
        """Return where a reader leaves, by one click (RFC 8058) or by hand; works for ever.
        `edition_id` says which mail it was in.
        """
        return f"{self.site}/u/{self.sign_leave(subscriber_id, edition_id)}/"

    def preferences(self, subscriber_id: int) -> str:
        """Return where a reader changes what they get; works for 60 days."""
        return f"{self.site}/p/{self.sign_preferences(subscriber_id)}/"

    def act(self, delivery_id: int) -> str:
        """Return the root under which a reader answers to the papers of one delivery; works for
        60 days.
        """
        return f"{self.site}/a/{self.sign_act(delivery_id)}/"

    def view(self, delivery_id: int) -> str:
        """Return where one delivery is read in the browser; works for ever."""
        return f"{self.site}/v/{self.sign_view(delivery_id)}/"


def mail_links(now: datetime) -> MailLinks:
    """Return what makes the links of mails printed at `now`."""
    return _mail_links(settings.SITE_URL, settings.SECRET_KEY, now)


@lru_cache(maxsize=64)
def _mail_links(site: str, secret: str, now: datetime) -> MailLinks:
    return MailLinks(
        site,
        *(
            signer(power, secret, now)
            for power in (Power.LEAVE, Power.PREFERENCES, Power.ACT, Power.VIEW)
        ),
    )


def preferences_url(subscriber_id: int, now: datetime) -> str:
    """Return `MailLinks.preferences` for one mail."""
    return mail_links(now).preferences(subscriber_id)


def leave_url(subscriber_id: int, edition_id: int = 0) -> str:
    """Return `MailLinks.leave` for one mail."""
    return mail_links(_ANY_TIME).leave(subscriber_id, edition_id)


def act_url(delivery_id: int, now: datetime) -> str:
    """Return `MailLinks.act` for one mail."""
    return mail_links(now).act(delivery_id)


def view_url(delivery_id: int) -> str:
    """Return `MailLinks.view` for one mail."""
    return mail_links(_ANY_TIME).view(delivery_id)
