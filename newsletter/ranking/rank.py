"""Choose papers for all readers at once, and explain a choice again."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from newsletter.ranking.choosing import choose
from newsletter.ranking.describing import Describer
from newsletter.ranking.matches import Match
from newsletter.ranking.readers import tabulate
from newsletter.ranking.scoring import Scorer
from newsletter.ranking.statistics import NOTHING_KNOWN, EditionStatistics
from newsletter.ranking.values import Explanation, ReaderProfile, Selection
from newsletter.ranking.wording import Wording, gettext_noop, ngettext_lazy

BLOCK = 4096
"""Readers per block: what bounds memory, whatever the number of readers."""
THIN = 3
"""Fewer papers than this on a reader's topics is said in the note."""

NO_PAPERS = Wording(gettext_noop("No new papers this time."))
ALL_MAILED = Wording(
    gettext_noop("You have already had the papers on your topics; nothing new came since.")
)
NOTHING_MATCHES = Wording(gettext_noop("Nothing on your topics this time."))
NOTHING_LEFT = Wording(gettext_noop("No paper passed what you muted and the votes you ask for."))


def rank(
    statistics: EditionStatistics,
    profiles: Sequence[ReaderProfile],
    mailed: Sequence[frozenset[int]],
    matches: Mapping[str, Match] = NOTHING_KNOWN,
) -> list[Selection]:
    """One Selection per profile, in order; `mailed` holds the paper ids each reader has had,
    `matches` what `EditionStatistics.match_phrases` gave for these statistics before.

    Pure: a reader's selection depends on the statistics, their profile and what they were mailed,
    never on the other readers. Readers who share a profile and what they were mailed are ranked
    once.
    """
    barred = {ids: _barred_places(statistics, ids) for ids in set(mailed)}
    pairs = [(profile, barred[ids]) for profile, ids in zip(profiles, mailed, strict=True)]
    different = {(id(profile), places): (profile, places) for profile, places in pairs}
    keys = list(different.values())
    selections: list[Selection] = []
    for start in range(0, len(keys), BLOCK):
        selections += _rank_block(statistics, keys[start : start + BLOCK], matches)
    if len(keys) == len(pairs):
        return selections
    found = dict(zip(different, selections, strict=True))
    return [found[id(profile), places] for profile, places in pairs]


def explain(
    statistics: EditionStatistics,
    profile: ReaderProfile,
    paper_ids: Sequence[int],
    matches: Mapping[str, Match] = NOTHING_KNOWN,
) -> list[Explanation]:
    """Parts and reasons of the given papers, computed from the frozen statistics and the profile
    alone.

    KeyError if a paper is not in the edition.
    """
    places = np.array([statistics.places[paper_id] for paper_id in paper_ids], np.intp)
    rows = np.zeros(len(places), np.intp)
    tables, readers = tabulate(statistics, [profile], matches, muting=False)
    scorer = Scorer(tables)
    block = scorer.block(readers)
    return Describer(scorer, readers, block).describe(
        rows, places, scorer.parts(block, readers, rows, places)
    )


def _barred_places(statistics: EditionStatistics, ids: frozenset[int]) -> frozenset[int]:
    if not ids:
        return frozenset()
    had = ids & statistics.mailed_places.keys()
    return frozenset(place for one in had for place in statistics.mailed_places[one])


def _rank_block(
    statistics: EditionStatistics,
    keys: Sequence[tuple[ReaderProfile, frozenset[int]]],
    matches: Mapping[str, Match],
) -> list[Selection]:
    tables, readers = tabulate(statistics, [profile for profile, _ in keys], matches)
    scorer = Scorer(tables)
    block = scorer.block(readers)
    barred = np.zeros(block.slot.shape, bool)
    for row, (_, places) in enumerate(keys):
        if places:
            barred[row, list(places)] = True
    chosen = choose(scorer, readers, block, barred)
    describer = Describer(scorer, readers, block)
    notes = _notes(describer, chosen, barred)
    return [
        Selection(picks, note) for picks, note in zip(describer.picks(chosen), notes, strict=True)
    ]


def _notes(describer: Describer, chosen: NDArray[np.int32], barred: NDArray[np.bool_]) -> list[str]:
    """The honest lines of readers who get few papers, or none, of what they asked for."""
    rows, columns = np.nonzero(chosen >= 0)
    inside = ~describer.outside(rows, chosen[rows, columns].astype(np.intp))
    matching = np.bincount(rows[inside], minlength=len(chosen))
    notes = [""] * len(chosen)
    for row in np.flatnonzero(matching < np.minimum(THIN, describer.readers.limit)).tolist():
        notes[row] = _note(
            describer, row, int(matching[row]), bool((chosen[row] >= 0).any()), barred[row]
        )
    return notes


def _note(
    describer: Describer, row: int, matching: int, any_pick: bool, barred: NDArray[np.bool_]
) -> str:
    everything = bool(describer.everything[row])
    if matching:
        if everything:
            return ngettext_lazy(
                "A quiet time for new papers: only one paper to show.",
                "A quiet time for new papers: only %(count)s papers to show.",
                matching,
            )
        return ngettext_lazy(
            "A quiet time for your topics: only one paper to show.",
            "A quiet time for your topics: only %(count)s papers to show.",
            matching,
        )
    if everything or not len(barred):
        return NO_PAPERS if barred.all() else NOTHING_LEFT
    matched = describer.block.slot[row] >= 0
    if (matched & barred).any() and not (matched & ~barred).any():
        return ALL_MAILED
    return NOTHING_LEFT if matched.any() and not any_pick else NOTHING_MATCHES
