"""Editions: opened, curated and frozen. What happens after the freeze is newsletter.sending's."""

from newsletter.editions.candidates import candidates_of, rebuild, sources_of
from newsletter.editions.curation import curate
from newsletter.editions.freezing import freeze
from newsletter.editions.opening import latest_day, nominal_instant, open_edition
from newsletter.editions.states import (
    WrongState,
    approve,
    cancel_before_freeze,
    hold,
    lock,
    release,
)

__all__ = [
    "WrongState",
    "approve",
    "cancel_before_freeze",
    "candidates_of",
    "curate",
    "freeze",
    "hold",
    "latest_day",
    "lock",
    "nominal_instant",
    "open_edition",
    "rebuild",
    "release",
    "sources_of",
]
