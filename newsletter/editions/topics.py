"""The readers' topics as the ranking wants them, and an edition's papers on each."""

import numpy as np

from newsletter.ranking.rank import explain
from newsletter.ranking.statistics import EditionStatistics
from newsletter.ranking.values import Explanation, ReaderProfile, TopicDefinition
from subscriptions.models import Topic

OnTopics = dict[int, list[tuple[int, str]]]
"""By the id of a topic: the ids of papers with the reason of each in English, best first."""
MOST_ON_A_TOPIC = 200
"""Papers that the page of a topic lists at most, in several pages."""


def topic_definitions() -> list[TopicDefinition]:
    """Return every topic, retired ones too: readers who chose one keep it."""
    return [
        TopicDefinition(
            id=topic.pk,
            name=topic.name,
            phrases=tuple(topic.phrases),
            categories=tuple(topic.categories),
            parent_id=topic.parent_id,
            description=topic.description,
        )
        for topic in Topic.objects.order_by("pk")
    ]


def papers_on_topics(statistics: EditionStatistics) -> OnTopics:
    """Return the edition's papers on each topic in the order in which a reader who chose only this
    topic would get them, for the site, which shows them without the statistics.
    """
    return {
        topic.id: [(one.paper_id, _reason(one)) for one in _papers_on(row, topic.id, statistics)]
        for row, topic in enumerate(statistics.topics)
    }


def _papers_on(row: int, topic_id: int, statistics: EditionStatistics) -> list[Explanation]:
    places = np.flatnonzero(statistics.topic_scores[row])
    if not len(places):
        return []
    # Explaining thousands takes seconds: only those that match best are explained and ordered.
    scores = statistics.topic_scores[row, places].astype(int) + statistics.editor[places]
    places = np.sort(places[np.argsort(-scores, kind="stable")[: 2 * MOST_ON_A_TOPIC]])
    only_this = ReaderProfile(
        topics=(topic_id,), phrases=(), muted=(), minimum_votes=0, papers_per_digest=1, balance=0
    )
    found = explain(statistics, only_this, [statistics.papers[place].id for place in places])
    on_topic = [one for one in found if one.parts.topic]
    return sorted(on_topic, key=lambda one: -one.parts.total)[:MOST_ON_A_TOPIC]


def _reason(found: Explanation) -> str:
    return next((reason.text for reason in found.reasons if reason.kind == "topic"), "")
