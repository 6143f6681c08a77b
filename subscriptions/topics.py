"""Topics: reading them from a file, and laying them out as the tree that readers choose from."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import transaction

from subscriptions.models import Topic
from subscriptions.wording import clean_phrases


class BadTopics(ValueError):
    """A file of topics cannot be used; the message says which entry and why. Nothing was stored."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What became of the topics of a file."""

    new: int
    updated: int
    unchanged: int


@dataclass(frozen=True, slots=True)
class Branch:
    """A topic and the narrower ones under it."""

    topic: Topic
    children: tuple[Topic, ...]


def tree() -> list[Branch]:
    """Return the topics on offer by name, narrower ones under their parent. A child of a retired
    parent stands on its own.
    """
    offered = list(Topic.objects.filter(retired=False).order_by("name"))
    here = {topic.pk for topic in offered}
    roots = [topic for topic in offered if topic.parent_id not in here]
    return [
        Branch(root, tuple(topic for topic in offered if topic.parent_id == root.pk))
        for root in roots
    ]


@transaction.atomic
def load_topics(path: Path) -> Loaded:
    """Store the topics of a JSON file: a list of {slug, name, description, phrases, categories,
    parent}, parent a slug or null.

    A topic already stored under its slug takes the file's words; topics that the file does not name
    stay as they are.

    Raises:
        BadTopics: when the file is no such list, a slug comes twice, or a parent is unknown.
    """
    entries = _read(path)
    known = {topic.slug: topic for topic in Topic.objects.all()}
    counts = {"new": 0, "updated": 0, "unchanged": 0}
    for entry in entries:
        known[entry["slug"]] = _store(entry, known, counts)
    for entry in entries:
        _place(entry, known)
    return Loaded(**counts)


def _read(path: Path) -> list[dict[str, Any]]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadTopics(f"{path} cannot be read as JSON: {error}") from error
    if not isinstance(content, list):
        raise BadTopics(f"{path} must hold a list of topics.")
    slugs: set[str] = set()
    for number, entry in enumerate(content, start=1):
        if not (
            isinstance(entry, dict)
            and isinstance(entry.get("slug"), str)
            and isinstance(entry.get("name"), str)
        ):
            raise BadTopics(f"{path}: entry {number} needs a slug and a name.")
        if entry["slug"] in slugs:
            raise BadTopics(f"{path}: the slug “{entry['slug']}” comes twice.")
        slugs.add(entry["slug"])
    return content


def _store(entry: dict[str, Any], known: dict[str, Topic], counts: dict[str, int]) -> Topic:
    words = {
        "name": entry["name"],
        "description": entry.get("description", ""),
        "phrases": list(clean_phrases(entry.get("phrases", []))),
        "categories": entry.get("categories", []),
    }
    topic = known.get(entry["slug"])
    if topic is None:
        counts["new"] += 1
        return Topic.objects.create(slug=entry["slug"], **words)
    if all(getattr(topic, field) == value for field, value in words.items()):
        counts["unchanged"] += 1
        return topic
    counts["updated"] += 1
    for field, value in words.items():
        setattr(topic, field, value)
    topic.save(update_fields=list(words))
    return topic


def _place(entry: dict[str, Any], known: dict[str, Topic]) -> None:
    """Hang a topic under its parent, in a second pass, since a file may name a child first."""
    parent_slug = entry.get("parent")
    if parent_slug is not None and parent_slug not in known:
        raise BadTopics(
            f"The parent “{parent_slug}” of the topic “{entry['slug']}” is neither stored nor in "
            "the file."
        )
    topic, parent = known[entry["slug"]], known.get(parent_slug) if parent_slug else None
    if topic.parent_id == (parent.pk if parent else None):
        return
    topic.parent = parent
    topic.save(update_fields=["parent"])
