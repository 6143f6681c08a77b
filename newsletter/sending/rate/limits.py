"""Limits: what a provider allows, as staff set it."""

from dataclasses import dataclass

from django.conf import settings


@dataclass(frozen=True, slots=True)
class Limits:
    """Mails per second, per rolling hour and per rolling day. Zero: no limit."""

    per_second: float = 0.0
    per_hour: int = 0
    per_day: int = 0

    def __post_init__(self) -> None:
        if min(self.per_second, self.per_hour, self.per_day) < 0:
            raise ValueError(f"A limit below zero makes no sense: {self}. Zero means no limit.")


def configured_limits() -> Limits:
    """Return the limits that SEND_RATE, HOURLY_QUOTA and DAILY_QUOTA set."""
    return Limits(settings.SEND_RATE, settings.HOURLY_QUOTA, settings.DAILY_QUOTA)
