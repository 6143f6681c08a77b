"""The readers' topics as the ranking wants them."""

from newsletter.ranking.values import TopicDefinition
from subscriptions.models import Topic


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
