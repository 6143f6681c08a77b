"""Suggesting papers that may be one: titles that are alike, by authors they share. Staff decide;
no machine acts on it.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from difflib import SequenceMatcher

from django.db.models import Q

from ingest.identity import name_parts
from ingest.models import Merge, Paper, Suggestion

RECENT = timedelta(days=2)
"""Papers first seen in this time are compared: longer than the pause between two comparisons, so
that none is missed.
"""
REACH = timedelta(days=120)
"""With papers first seen up to this long ago: a preprint and its printed version are months
apart.
"""
ALIKE = 0.85
"""Ratio of difflib (Ratcliff and Obershelp) from which on two title keys are alike."""
SHARED_AUTHORS = 0.5
"""Part of the shorter list of names that must be on the other."""
COMMON_WORD = 400
"""A word in more titles than this tells nothing; two titles that are alike share rarer ones."""


def suggest(now: datetime) -> int:
    """Store a suggestion for every pair that was not suggested before, and return how many there
    are.

    Pairs that were joined or taken apart before are not suggested, and neither are papers without
    authors' names.
    """
    rows = (
        Paper.objects.filter(merged_into=None, first_seen_at__gte=now - REACH)
        .exclude(authors=[])
        .order_by("pk")
    )
    papers = {
        pk: (key, name_parts(authors))
        for pk, key, authors in rows.values_list("pk", "title_key", "authors")
    }
    recent = list(rows.filter(first_seen_at__gte=now - RECENT).values_list("pk", flat=True))
    found = {pair: likeness for pair, likeness in _alike(papers, recent) if likeness >= ALIKE}
    settled = _settled({pk for pair in found for pk in pair})
    made = [
        Suggestion(
            paper_id=pair[0], other_id=pair[1], likeness=round(likeness * 1000), suggested_at=now
        )
        for pair, likeness in found.items()
        if pair not in settled
    ]
    Suggestion.objects.bulk_create(made, ignore_conflicts=True)
    return len(made)


def _alike(
    papers: Mapping[int, tuple[str, frozenset[str]]], recent: Sequence[int]
) -> Iterator[tuple[tuple[int, int], float]]:
    """Give each pair of a recent paper and another that shares names and rare title words with
    it, and how alike their titles are.
    """
    by_word: defaultdict[str, list[int]] = defaultdict(list)
    for pk, (key, _) in papers.items():
        for word in set(key.split()):
            by_word[word].append(pk)
    for pk in recent:
        key, names = papers[pk]
        words = set(key.split())
        shared = Counter(
            other
            for word in words
            if len(by_word[word]) <= COMMON_WORD
            for other in by_word[word]
            if other != pk
        )
        for other, number in shared.items():
            if number >= max(2, len(words) // 3) and _share_authors(names, papers[other][1]):
                matcher = SequenceMatcher(None, key, papers[other][0], autojunk=False)
                if matcher.quick_ratio() >= ALIKE:
                    yield (min(pk, other), max(pk, other)), matcher.ratio()


def _share_authors(one: frozenset[str], other: frozenset[str]) -> bool:
    return bool(one and other) and len(one & other) >= SHARED_AUTHORS * min(len(one), len(other))


def _settled(ids: Iterable[int]) -> set[tuple[int, int]]:
    """Return the pairs that were suggested, joined or taken apart before."""
    known = list(ids)
    suggested = Suggestion.objects.filter(paper__in=known, other__in=known).values_list(
        "paper_id", "other_id"
    )
    merged = Merge.objects.filter(Q(paper__in=known) | Q(into__in=known)).values_list(
        "paper_id", "into_id"
    )
    return {(min(pair), max(pair)) for pair in (*suggested, *merged)}
