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
    """What became of the topics of a file. `name_taken` are the slugs of topics that were left out
    because another stored topic has their name.
    """

    new: int
    known: int
    name_taken: tuple[str, ...] = ()


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
    """Store the new topics of a JSON file: a list of {slug, name, description, phrases, categories,
    parent}, parent a slug or null.

    A topic that is stored under its slug stays as it is, since staff may have changed it: the
    command runs at every start. A new topic whose name another one has is left out.

    Raises:
        BadTopics: when the file is no such list, a slug or a name comes twice, or a parent is
            unknown.
    """
    entries = _read(path)
    known = {topic.slug: topic for topic in Topic.objects.all()}
    names = {topic.name for topic in known.values()}
    absent = [entry for entry in entries if entry["slug"] not in known]
    new = [entry for entry in absent if entry["name"] not in names]
    for entry in new:
        known[entry["slug"]] = _store(entry)
    left_out = {entry["slug"] for entry in absent} - known.keys()
    for entry in new:
        _place(entry, known, left_out)
    return Loaded(len(new), len(entries) - len(absent), tuple(sorted(left_out)))


def _read(path: Path) -> list[dict[str, Any]]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadTopics(f"{path} cannot be read as JSON: {error}") from error
    if not isinstance(content, list):
        raise BadTopics(f"{path} must hold a list of topics.")
    slugs: set[str] = set()
    names: set[str] = set()
    for number, entry in enumerate(content, start=1):
        if not (
            isinstance(entry, dict)
            and isinstance(entry.get("slug"), str)
            and isinstance(entry.get("name"), str)
        ):
            raise BadTopics(f"{path}: entry {number} needs a slug and a name.")
        if entry["slug"] in slugs:
            raise BadTopics(f"{path}: the slug “{entry['slug']}” comes twice.")
        if entry["name"] in names:
            raise BadTopics(f"{path}: the name “{entry['name']}” comes twice.")
        slugs.add(entry["slug"])
        names.add(entry["name"])
    return content


def _store(entry: dict[str, Any]) -> Topic:
    return Topic.objects.create(
        slug=entry["slug"],
        name=entry["name"],
        description=entry.get("description", ""),
        phrases=list(clean_phrases(entry.get("phrases", []))),
        categories=entry.get("categories", []),
    )


def _place(entry: dict[str, Any], known: dict[str, Topic], left_out: set[str]) -> None:
    """Hang a new topic under its parent, in a second pass, since a file may name a child first.
    The child of a topic that was left out stands on its own.
    """
    parent_slug = entry.get("parent")
    if parent_slug is None or parent_slug in left_out:
        return
    if parent_slug not in known:
        raise BadTopics(
            f"The parent “{parent_slug}” of the topic “{entry['slug']}” is neither stored nor in "
            "the file."
        )
    Topic.objects.filter(pk=known[entry["slug"]].pk).update(parent=known[parent_slug])
