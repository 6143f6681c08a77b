"""Explaining a delivery again: the parts and reasons of its papers, from the edition's frozen
statistics and the profile that was ranked.
"""

from newsletter.faults import describe
from newsletter.models import Delivery, Edition
from newsletter.ranking.packing import UnreadableBytes
from newsletter.ranking.rank import explain
from newsletter.ranking.taste import UnreadableTaste
from newsletter.ranking.values import Explanation
from newsletter.sending.frozen import reader_profiles, statistics_of


class CannotExplain(Exception):
    """The statistics or the taste are gone, damaged or of another version. The message says which,
    for staff.
    """


def explanations(delivery: Delivery) -> dict[int, Explanation]:
    """Return the explanations by paper id; without papers that the statistics do not have, and
    none where no profile is stored.

    Raises:
        CannotExplain: what was ranked cannot be read any more.
    """
    if delivery.profile_id is None or not delivery.papers:
        return {}
    try:
        statistics = statistics_of(delivery.edition_id)
        profile = reader_profiles([delivery.profile_id])[delivery.profile_id]
        known = [paper for paper in delivery.papers if paper in statistics.places]
        return {found.paper_id: found for found in explain(statistics, profile, known)}
    except (Edition.DoesNotExist, UnreadableBytes, UnreadableTaste) as error:
        raise CannotExplain(describe(error)) from error
