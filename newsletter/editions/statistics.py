"""The one way from an edition's papers to its ranking statistics: at the freeze, and when staff
look ahead of it.
"""

from collections.abc import Sequence
from datetime import datetime

from newsletter.editions.archive import archive_statistics
from newsletter.editions.candidates import first_day
from newsletter.editions.pickup import pickup_model
from newsletter.editions.topics import topic_definitions
from newsletter.editions.vectors import meanings_of
from newsletter.models import Edition
from newsletter.ranking.statistics import EditionStatistics
from newsletter.ranking.values import CandidatePaper


def statistics_for(
    edition: Edition, papers: Sequence[CandidatePaper], now: datetime
) -> EditionStatistics:
    """Return the statistics of `papers`, with what the archive and listings older than the
    edition's window have taught.
    """
    learned = pickup_model(first_day(edition))
    topics = topic_definitions()
    meanings = meanings_of(papers, topics)
    return EditionStatistics.freeze(
        papers, topics, now, archive=archive_statistics(), pickup=learned, meanings=meanings
    )
