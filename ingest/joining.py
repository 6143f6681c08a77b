"""Joining two rows that turned out to be one paper, and taking them apart again.

The row that goes stays as a redirect, so that whatever names it, the mailed history included, finds
the one that stays.
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _

from ingest import history
from ingest.counting import readings_of, rewrite
from ingest.merging import CLAIMED_FIELDS, absorb_paper
from ingest.models import FormerTitle, Listing, Merge, Paper, Source, Suggestion
from ingest.sighting import Reading

RESTORED_FIELDS = (*CLAIMED_FIELDS, "title_key", "year_inferred")
IDS = ("arxiv_id", "doi")
SETTLED = ("arxiv_version", "withdrawn_at", "first_seen_at")
"""What two rows of one paper agree on without a claim: see ingest.merging."""


class CannotJoin(ValueError):
    """These papers cannot be joined or taken apart; the message says why."""


def merge(paper: Paper, into: Paper, *, now: datetime, by: User | None) -> Merge:
    """Join two papers because staff say so. Both may be redirects themselves; it is the papers they
    stand for that are joined.

    Raises:
        CannotJoin: they are one already.
    """
    with transaction.atomic():
        priorities = dict(Source.objects.values_list("slug", "priority"))
        paper, into = _survivor(paper.pk), _survivor(into.pk)
        if paper.pk == into.pk:
            raise CannotJoin(_("These two are one paper already."))
        made = join(paper, into, priorities, now=now, by=by)
        pair = sorted((paper.pk, into.pk))
        Suggestion.objects.filter(paper_id=pair[0], other_id=pair[1], settled_at=None).update(
            settled_at=now
        )
    return made


def join(
    other: Paper,
    into: Paper,
    priorities: Mapping[str, int],
    *,
    now: datetime,
    by: User | None = None,
) -> Merge:
    """Make `other` a redirect to `into`, and give `into` its listings, counts, titles and what it
    knew better.

    Both are stored and locked; runs inside the caller's transaction.
    """
    undo: dict[str, Any] = {
        "fields": _snapshot(into),
        "ids": {name: getattr(other, name) for name in IDS},
    }
    undo["moved"], undo["shared"] = _move_listings(other, into)
    undo["titles"] = _lend_titles(other, into)
    undo["redirects"] = list(Paper.objects.filter(merged_into=other).values_list("pk", flat=True))
    Paper.objects.filter(pk__in=undo["redirects"]).update(merged_into=into)
    absorb_paper(into, other, priorities)
    for name in IDS:
        if getattr(other, name) == getattr(into, name):
            setattr(other, name, None)  # one row may hold an id, and it is the one that stays
    other.merged_into = into
    other.save(update_fields=["merged_into", *IDS])
    into.save()
    return Merge.objects.create(paper=other, into=into, at=now, by=by, undo=undo)


def split(merged: Merge, *, now: datetime, by: User | None) -> None:
    """Take a joined paper out again, with the listings, counts, ids and values it brought. What
    came since stays where it is.

    Raises:
        CannotJoin: it is split already, what it was merged into has itself been merged since, or
            nothing could tell the two apart.
    """
    with transaction.atomic():
        merged = Merge.objects.select_for_update().get(pk=merged.pk)
        paper = Paper.objects.select_for_update().get(pk=merged.paper_id)
        into = Paper.objects.select_for_update().get(pk=merged.into_id)
        if merged.split_at or paper.merged_into_id != into.pk:
            raise CannotJoin(
                _(
                    "This merge has been undone, or the paper was merged once more since: split "
                    "the later merge first."
                )
            )
        _give_back(paper, into, merged)
        if (
            not any((into.arxiv_id, into.doi, paper.arxiv_id, paper.doi))
            and into.title_key == paper.title_key
        ):
            raise CannotJoin(
                _(
                    "Both papers have the same title and neither has an id, so that nothing could "
                    "tell them apart."
                )
            )
        paper.merged_into = None
        into.save()
        paper.save(update_fields=["merged_into", *IDS])
        Paper.objects.filter(pk__in=merged.undo["redirects"], merged_into=into).update(
            merged_into=paper
        )
        FormerTitle.objects.filter(paper=into, title_key__in=merged.undo["titles"]).delete()
        _move_back(paper, into, merged)
        merged.split_at, merged.split_by = now, by
        merged.save(update_fields=["split_at", "split_by"])


def _snapshot(paper: Paper) -> dict[str, Any]:
    """Return what a paper said, as JSON."""
    values = {name: getattr(paper, name) for name in RESTORED_FIELDS}
    return (
        values
        | {
            "published": paper.published.isoformat() if paper.published else None,
            "claims": dict(paper.field_sources),
        }
        | {name: getattr(paper, name) for name in (*IDS, "arxiv_version")}
        | {name: _text_of(getattr(paper, name)) for name in ("withdrawn_at", "first_seen_at")}
    )


def _text_of(instant: datetime | None) -> str | None:
    return instant.isoformat() if instant else None


def _move_listings(other: Paper, into: Paper) -> tuple[list[int], list[dict[str, Any]]]:
    """Hang the listings of `other` under `into`; where both were listed on a day, join their
    histories and keep both for undoing.
    """
    moved: list[int] = []
    shared: list[dict[str, Any]] = []
    for listing in Listing.objects.filter(paper=other).order_by("pk"):
        same = Listing.objects.filter(
            source_id=listing.source_id, day=listing.day, paper=into
        ).first()
        if same is None:
            Listing.objects.filter(pk=listing.pk).update(paper=into)
            moved.append(listing.pk)
            continue
        shared.append(
            {
                "source": listing.source_id,
                "day": listing.day.isoformat(),
                "theirs": [listing.last_seen_at.isoformat(), _rows(readings_of(listing))],
                "ours": [same.last_seen_at.isoformat(), _rows(readings_of(same))],
            }
        )
        rewrite(
            same,
            (*readings_of(same), *readings_of(listing)),
            max(same.last_seen_at, listing.last_seen_at),
        )
        listing.delete()
    return moved, shared


def _lend_titles(other: Paper, into: Paper) -> list[str]:
    """Let entries that carry a title of `other` find `into`; return the titles that are new to
    it.
    """
    known = {
        into.title_key,
        *FormerTitle.objects.filter(paper=into).values_list("title_key", flat=True),
    }
    keys = {
        other.title_key,
        *FormerTitle.objects.filter(paper=other).values_list("title_key", flat=True),
    } - known
    FormerTitle.objects.bulk_create(
        [FormerTitle(paper=into, title_key=key) for key in sorted(keys)]
    )
    return sorted(keys)


def _give_back(paper: Paper, into: Paper, merged: Merge) -> None:
    """Return ids to `paper`, and to `into` the values that it had before and that have not been
    claimed anew since.
    """
    before = merged.undo["fields"]
    for name in IDS:
        if (
            merged.undo["ids"][name]
            and getattr(into, name) == merged.undo["ids"][name]
            and not before[name]
        ):
            setattr(into, name, None)
        setattr(paper, name, merged.undo["ids"][name])
    for name in CLAIMED_FIELDS:
        theirs, ours = paper.field_sources.get(name), before["claims"].get(name)
        if theirs and theirs != ours and into.field_sources.get(name) == theirs:
            _restore(into, name, before)
    for name in SETTLED:
        if getattr(into, name) == getattr(paper, name) and name in before:
            value = before[name]
            setattr(into, name, datetime.fromisoformat(value) if isinstance(value, str) else value)


def _restore(into: Paper, name: str, before: Mapping[str, Any]) -> None:
    value = before[name]
    if name == "published":
        value = date.fromisoformat(value) if value else None
        into.year_inferred = before["year_inferred"]
    if name == "title":
        into.title_key = before["title_key"]
    setattr(into, name, value)
    into.field_sources.pop(name)
    if name in before["claims"]:
        into.field_sources[name] = before["claims"][name]


def _move_back(paper: Paper, into: Paper, merged: Merge) -> None:
    Listing.objects.filter(pk__in=merged.undo["moved"], paper=into).update(paper=paper)
    for both in merged.undo["shared"]:
        day = date.fromisoformat(both["day"])
        seen_at, rows = both["theirs"]
        again = Listing.objects.create(
            source_id=both["source"],
            day=day,
            paper=paper,
            last_seen_at=datetime.fromisoformat(seen_at),
        )
        rewrite(again, _readings(rows), again.last_seen_at)
        kept = Listing.objects.filter(source_id=both["source"], day=day, paper=into).first()
        if kept:
            since = [reading for reading in readings_of(kept) if reading.seen_at > merged.at]
            ours = _readings(both["ours"][1])
            rewrite(
                kept,
                history.merged(ours, datetime.fromisoformat(both["ours"][0]), since),
                kept.last_seen_at,
            )


def _rows(readings: tuple[Reading, ...]) -> list[list[Any]]:
    return [
        [reading.seen_at.isoformat(), reading.votes, reading.comments, reading.rank]
        for reading in readings
    ]


def _readings(rows: list[list[Any]]) -> tuple[Reading, ...]:
    return tuple(Reading(datetime.fromisoformat(instant), *numbers) for instant, *numbers in rows)


def _survivor(pk: int) -> Paper:
    """Return the paper that one stands for, locked."""
    paper = Paper.objects.select_for_update().get(pk=pk)
    while paper.merged_into_id:
        paper = Paper.objects.select_for_update().get(pk=paper.merged_into_id)
    return paper
