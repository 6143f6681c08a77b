"""Who reads, what they chose, and what they agreed to."""

from subscriptions.models.address_change import AddressChange
from subscriptions.models.consent import (
    Consent,
    ConsentKind,
    Suppression,
    SuppressionKey,
    SuppressionReason,
)
from subscriptions.models.letter import Letter, LetterKind, LetterState, RequestedBy
from subscriptions.models.machine import Machine
from subscriptions.models.profile import Profile
from subscriptions.models.request_breaker import RequestBreaker
from subscriptions.models.subscriber import Cadence, SignUp, Subscriber, SubscriberState
from subscriptions.models.topic import Topic

__all__ = [
    "AddressChange",
    "Cadence",
    "Consent",
    "ConsentKind",
    "Letter",
    "LetterKind",
    "LetterState",
    "Machine",
    "Profile",
    "RequestBreaker",
    "RequestedBy",
    "SignUp",
    "Subscriber",
    "SubscriberState",
    "Suppression",
    "SuppressionKey",
    "SuppressionReason",
    "Topic",
]
