"""Merging one sighting into a paper, field by field, so that the result does not depend on the
order in which sources were read.

Every value carries a claim: who said it and when it was seen. Of two claims on a field the stronger
stays, compared in this order: an exact date before one whose year is inferred; the source with the
lower priority number; the later seen; the longer value, then the greater. Since that is a total
order, any sequence of sightings ends in the same row. What a source does not say never erases
anything.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

from ingest import identity
from ingest.models import Paper
from ingest.sighting import Sighting

LEAST_TRUSTED = 10_000
EMPTY: tuple[Any, ...] = ("", None, (), [])
CLAIMED_FIELDS = (
    "title",
    "abstract",
    "authors",
    "author_count",
    "link",
    "published",
    "categories",
    "code_link",
    "project_link",
)


class _Strength(NamedTuple):
    certain: bool
    trust: int
    seen: str
    size: int
    text: str


def absorb(paper: Paper, sighting: Sighting, slug: str, priorities: Mapping[str, int]) -> set[str]:
    """Put into the unsaved `paper` what the sighting knows better; return the names of the fields
    that took another value.

    `slug` names the sighting's source and `priorities` gives each source's priority. Ids are taken
    only where the paper has none; whether they belong to it is for the caller to know.
    `field_sources` may change although no value did: a confirmed value is younger.
    """
    mine = stamp(slug, sighting.seen_at)
    changed = {
        name
        for name in CLAIMED_FIELDS
        if _claim(
            paper,
            name,
            getattr(sighting, name),
            mine,
            inferred=sighting.year_inferred,
            priorities=priorities,
        )
    }
    return _settled(paper, sighting, sighting.seen_at, changed)


def absorb_paper(paper: Paper, other: Paper, priorities: Mapping[str, int]) -> set[str]:
    """Put into the unsaved `paper` what another row of the same paper knows better, under the
    claims that row holds.
    """
    changed = {
        name
        for name in CLAIMED_FIELDS
        if _claim(
            paper,
            name,
            getattr(other, name),
            other.field_sources.get(name),
            inferred=other.year_inferred,
            priorities=priorities,
        )
    }
    return _settled(paper, other, other.first_seen_at, changed)


def _settled(
    paper: Paper, other: Sighting | Paper, seen_at: datetime, changed: set[str]
) -> set[str]:
    """Bring ids, version, withdrawal and first instant to where both agree; return all changed
    fields.
    """
    if "title" in changed:
        paper.title_key = identity.title_key(paper.title)
        changed.add("title_key")
    for name in ("arxiv_id", "doi"):
        if getattr(other, name) and not getattr(paper, name):
            setattr(paper, name, getattr(other, name))
            changed.add(name)
    if other.arxiv_version and other.arxiv_version > (paper.arxiv_version or 0):
        paper.arxiv_version = other.arxiv_version
        changed.add("arxiv_version")
    if other.withdrawn_at and (
        paper.withdrawn_at is None or other.withdrawn_at < paper.withdrawn_at
    ):
        paper.withdrawn_at = other.withdrawn_at
        changed.add("withdrawn_at")
    if paper.first_seen_at is None or seen_at < paper.first_seen_at:
        paper.first_seen_at = seen_at
        changed.add("first_seen_at")
    return changed


def stamp(slug: str, seen_at: datetime) -> list[str]:
    """Return a claim as it is stored in `Paper.field_sources`."""
    return [slug, seen_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")]


def _claim(
    paper: Paper,
    name: str,
    value: Any,
    claim: list[str] | None,
    *,
    inferred: bool,
    priorities: Mapping[str, int],
) -> bool:
    """Let a claim have one field if it is the stronger; return whether the field's value
    changed.
    """
    if value in EMPTY:
        return False
    if isinstance(value, tuple):
        value = list(value)
    held = getattr(paper, name)
    inferred = inferred and name == "published"
    if held not in EMPTY:
        strength = _strength(claim, value, inferred, priorities)
        if strength <= _strength(
            paper.field_sources.get(name),
            held,
            name == "published" and paper.year_inferred,
            priorities,
        ):
            return False
    if claim:
        paper.field_sources[name] = claim
    changed = bool(held != value)
    if name == "published":
        changed = changed or paper.year_inferred != inferred
        paper.year_inferred = inferred
    setattr(paper, name, value)
    return changed


def _strength(
    claim: list[str] | None, value: Any, inferred: bool, priorities: Mapping[str, int]
) -> _Strength:
    slug, seen = claim or ("", "")
    text = value.isoformat() if isinstance(value, date) else str(value)
    size = len(value) if isinstance(value, (str, list)) else value if isinstance(value, int) else 0
    return _Strength(not inferred, -priorities.get(slug, LEAST_TRUSTED), seen, size, text)
