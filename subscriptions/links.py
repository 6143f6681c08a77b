"""Links: the addresses that go into mail, one signed token each.

A URL is absolute, ends with a slash and holds no address. `<https://HOST/u/TOKEN/>` stays within 76 characters for a usual host,
because Python's modern mail policy turns longer header words into encoded ones that mailbox providers do not read (checks.py).
"""

from datetime import datetime

from django.conf import settings

from subscriptions.tokens import Power, sign


def confirm_url(sign_up_id: int, now: datetime) -> str:
    """Return where a sign-up is confirmed; works for 3 days."""
    return f"{settings.SITE_URL}/c/{sign(Power.CONFIRM, sign_up_id, now=now)}/"


def change_address_url(address_change_id: int, now: datetime) -> str:
    """Return where the new mailbox agrees to a change of address; works for 3 days."""
    return f"{settings.SITE_URL}/n/{sign(Power.CHANGE_ADDRESS, address_change_id, now=now)}/"


def preferences_url(subscriber_id: int, now: datetime) -> str:
    """Return where a reader changes what they get; works for 60 days."""
    return f"{settings.SITE_URL}/p/{sign(Power.PREFERENCES, subscriber_id, now=now)}/"


def leave_url(subscriber_id: int, edition_id: int = 0) -> str:
    """Return where a reader leaves, by one click (RFC 8058) or by hand; works for ever. `edition_id` says which mail it was in."""
    return f"{settings.SITE_URL}/u/{sign(Power.LEAVE, subscriber_id, edition_id)}/"


def act_url(delivery_id: int, now: datetime) -> str:
    """Return the root under which a reader answers to the papers of one delivery; works for 60 days."""
    return f"{settings.SITE_URL}/a/{sign(Power.ACT, delivery_id, now=now)}/"


def view_url(delivery_id: int) -> str:
    """Return where one delivery is read in the browser; works for ever."""
    return f"{settings.SITE_URL}/v/{sign(Power.VIEW, delivery_id)}/"
