"""The product's rows: editions and curation, batches, deliveries and the mailed history, alerts,
the rate budget, what was heard back.
"""

from newsletter.models.alert import NO_OBSTACLE, STOPPED, Alert, AlertKind
from newsletter.models.among import Among, Ids
from newsletter.models.archive import ArchiveFit
from newsletter.models.batch import (
    LEASED,
    NOT_CHOSEN_YET,
    UNDER_WAY,
    Batch,
    BatchState,
    ServerRun,
)
from newsletter.models.card import StoredCard
from newsletter.models.curation import Curation, CurationKind, Strike
from newsletter.models.delivery import Delivery, DeliveryStatus, MailedHistory, Outcome
from newsletter.models.edition import (
    AFTER_FREEZE,
    BEFORE_FROZEN,
    BEING_SENT,
    FINISHED,
    Candidate,
    CompiledEdition,
    Edition,
    EditionCadence,
    EditionState,
    PhraseMatch,
    TopicPapers,
)
from newsletter.models.event import Click, EventKind, Feedback, FeedbackKind, ProviderEvent
from newsletter.models.provider import Provider
from newsletter.models.rate import ProviderRate, QuotaSlot, QuotaWindow
from newsletter.models.vector import TextVector

__all__ = [
    "AFTER_FREEZE",
    "BEFORE_FROZEN",
    "BEING_SENT",
    "FINISHED",
    "LEASED",
    "NOT_CHOSEN_YET",
    "NO_OBSTACLE",
    "STOPPED",
    "UNDER_WAY",
    "Alert",
    "AlertKind",
    "Among",
    "ArchiveFit",
    "Batch",
    "BatchState",
    "Candidate",
    "Click",
    "CompiledEdition",
    "Curation",
    "CurationKind",
    "Delivery",
    "DeliveryStatus",
    "Edition",
    "EditionCadence",
    "EditionState",
    "EventKind",
    "Feedback",
    "FeedbackKind",
    "Ids",
    "MailedHistory",
    "Outcome",
    "PhraseMatch",
    "Provider",
    "ProviderEvent",
    "ProviderRate",
    "QuotaSlot",
    "QuotaWindow",
    "ServerRun",
    "StoredCard",
    "Strike",
    "TextVector",
    "TopicPapers",
]
