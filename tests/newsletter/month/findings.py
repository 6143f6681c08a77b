"""What must be true of every digest of a month, counted over all of them."""

from dataclasses import dataclass, field

from newsletter.models import Delivery, DeliveryStatus, Edition, EditionState
from newsletter.ranking.rank import explain
from newsletter.sending.books import books
from newsletter.sending.frozen import reader_profiles, statistics_of
from subscriptions.models import Subscriber

GENERIC = (
    "recommended for you",
    "you may like",
    "popular",
    "one of the papers of this edition",
    "trending paper",
)


@dataclass
class Findings:
    digests: int = 0
    papers: int = 0
    repeats: list = field(default_factory=list)
    without_reason: list = field(default_factory=list)
    generic: list = field(default_factory=list)
    other_parts: list = field(default_factory=list)
    unbalanced: list = field(default_factory=list)
    unfinished: list = field(default_factory=list)
    coverage: dict = field(default_factory=dict)
    """By reader: of the topics that had a paper among the reader's editions, how many had one
    mailed: (served, possible).
    """

    @property
    def faults(self):
        """What must be empty, by name."""
        return {
            "repeats": self.repeats,
            "without a reason": self.without_reason,
            "generic reasons": self.generic,
            "other parts": self.other_parts,
            "unbalanced books": self.unbalanced,
        }


def look_at_everything():
    found = Findings()
    for edition in Edition.objects.defer("statistics").order_by("pk"):
        if edition.state != EditionState.DONE:
            found.unfinished.append(str(edition))
        if not books(edition).balanced:
            found.unbalanced.append(str(edition))
    for reader in Subscriber.objects.order_by("pk"):
        _look_at(reader, found)
    return found


def _look_at(reader, found):
    had = set()
    served, possible = set(), set()
    for delivery in Delivery.objects.filter(subscriber=reader, status=DeliveryStatus.SENT).order_by(
        "pk"
    ):
        found.digests += 1
        found.papers += len(delivery.papers)
        found.repeats += [(reader.pk, paper) for paper in delivery.papers if paper in had]
        had |= set(delivery.papers)
        statistics = statistics_of(delivery.edition_id)
        profile = reader_profiles([delivery.profile_id])[delivery.profile_id]
        for stored, again in zip(
            delivery.parts, explain(statistics, profile, delivery.papers), strict=True
        ):
            place = (str(delivery.edition), reader.pk, again.paper_id)
            if list(again.parts) != stored:
                found.other_parts.append((place, stored, list(again.parts)))
            if not again.reasons or not all(reason.text.strip() for reason in again.reasons):
                found.without_reason.append(place)
            else:
                found.generic += [
                    place
                    for reason in again.reasons
                    if any(words in reason.text.lower() for words in GENERIC)
                ]
            if again.topic_id is not None:
                served.add(again.topic_id)
        for topic in profile.topics:
            if topic in statistics.rows and statistics.topic_scores[statistics.rows[topic]].any():
                possible.add(topic)
    wanted = set(reader.profile.topics)
    found.coverage[reader.address] = (len(served & wanted), len(possible & wanted))
