"""Choose papers for all readers at once, and explain a choice again."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from newsletter.ranking.choosing import choose
from newsletter.ranking.readers import ReaderArrays, Tables, tabulate
from newsletter.ranking.reasons import Narrator
from newsletter.ranking.scoring import Block, Scorer
from newsletter.ranking.statistics import EditionStatistics
from newsletter.ranking.values import MAX_BALANCE, Explanation, Parts, Pick, ReaderProfile, Reason, Selection

BLOCK = 4096
"""Readers per block: what bounds memory, whatever the number of readers."""
THIN = 3
"""Fewer papers than this on a reader's topics is said in the note."""

NO_PAPERS = "No new papers this time."
ALL_MAILED = "You have already had the papers on your topics; nothing new came since."
NOTHING_MATCHES = "Nothing on your topics this time."
NOTHING_LEFT = "No paper passed what you muted and the votes you ask for."


def rank(statistics: EditionStatistics, profiles: Sequence[ReaderProfile], mailed: Sequence[frozenset[int]]) -> list[Selection]:
    """One Selection per profile, in order; `mailed` holds the paper ids each reader has had.

    Pure: a reader's selection depends on the statistics, their profile and what they were mailed,
    never on the other readers. Equal profiles with equal histories are ranked once.
    """
    wanted: dict[tuple[ReaderProfile, frozenset[int]], int] = {}
    order = [
        wanted.setdefault((profile, _barred_places(statistics, ids)), len(wanted)) for profile, ids in zip(profiles, mailed, strict=True)
    ]
    selections: list[Selection] = []
    narrator = Narrator(statistics)
    keys = list(wanted)
    for start in range(0, len(keys), BLOCK):
        selections += _rank_block(statistics, keys[start : start + BLOCK], narrator)
    return [selections[at] for at in order]


def explain(statistics: EditionStatistics, profile: ReaderProfile, paper_ids: Sequence[int]) -> list[Explanation]:
    """Parts and reasons of the given papers, computed from the frozen statistics and the profile alone.

    KeyError if a paper is not in the edition.
    """
    tables, readers = tabulate(statistics, [profile])
    scorer = Scorer(tables)
    describer = _Describer(scorer, readers, scorer.block(readers), Narrator(statistics))
    return [Explanation(paper_id, *describer.describe(0, statistics.places[paper_id])) for paper_id in paper_ids]


def _barred_places(statistics: EditionStatistics, ids: frozenset[int]) -> frozenset[int]:
    had = ids & statistics.mailed_places.keys() if ids else frozenset()
    return frozenset(place for one in had for place in statistics.mailed_places[one])


def _rank_block(statistics: EditionStatistics, keys: Sequence[tuple[ReaderProfile, frozenset[int]]], narrator: Narrator) -> list[Selection]:
    tables, readers = tabulate(statistics, [profile for profile, _ in keys])
    scorer = Scorer(tables)
    block = scorer.block(readers)
    barred = np.zeros(block.topic.shape, bool)
    for row, (_, places) in enumerate(keys):
        barred[row, list(places)] = True
    chosen = choose(scorer, readers, block, barred)
    describer = _Describer(scorer, readers, block, narrator)
    return [_selection(describer, chosen[row], row, barred[row]) for row in range(len(readers))]


class _Describer:
    """Turns chosen places into parts, reasons and the topic they are shown under."""

    def __init__(self, scorer: Scorer, readers: ReaderArrays, block: Block, narrator: Narrator) -> None:
        self.scorer = scorer
        self.readers = readers
        self.block = block
        self.narrator = narrator

    def describe(self, row: int, place: int) -> tuple[Parts, tuple[Reason, ...], int | None]:
        topic, taste = int(self.block.topic[row, place]), int(self.block.taste[row, place])
        parts = self.scorer.parts(topic, taste, int(self.readers.balance[row]), place)
        interest, topic_id = self._interest(row, place)
        liked = self._liked(row, place) if taste > 0 else None
        return parts, self.narrator.reasons(place, parts, interest, liked), topic_id

    def _liked(self, row: int, place: int) -> Reason:
        return self.narrator.taste(place, self.scorer.tables.taste_bytes[int(self.readers.taste[row])])

    def matches(self, row: int, place: int) -> bool:
        return bool(self.block.slot[row, place] >= 0)

    def wants_everything(self, row: int) -> bool:
        no_interest = bool((self.readers.interests[row] < 0).all()) and int(self.readers.taste[row]) < 0
        return no_interest or int(self.readers.balance[row]) == MAX_BALANCE

    def _interest(self, row: int, place: int) -> tuple[Reason | None, int | None]:
        slot = int(self.block.slot[row, place])
        if not 0 <= slot < self.readers.interests.shape[1]:
            return None, None
        tables: Tables = self.scorer.tables
        at = int(self.readers.interests[row, slot])
        topics = tables.statistics.topics
        if at < len(topics):
            return self.narrator.topic(place, at), topics[at].id
        return self.narrator.phrase(place, tables.phrases[at - len(topics)]), None


def _selection(describer: _Describer, chosen: NDArray[np.int32], row: int, barred: NDArray[np.bool_]) -> Selection:
    places = [int(place) for place in chosen if place >= 0]
    everything = describer.wants_everything(row)
    found: list[tuple[bool, Pick]] = []
    for place in places:
        parts, reasons, topic_id = describer.describe(row, place)
        outside = not everything and not describer.matches(row, place)
        paper_id = describer.scorer.statistics.papers[place].id
        found.append((outside, Pick(paper_id, parts, reasons, "also" if outside else "topics", topic_id)))
    note = _note(describer, row, sum(not outside for outside, _ in found), bool(found), barred)
    return Selection(_in_order(found), note)


def _in_order(found: Sequence[tuple[bool, Pick]]) -> tuple[Pick, ...]:
    """The best paper leads; then the main list, then what is outside the topics; each by score."""
    by_score = sorted(found, key=lambda entry: (-entry[1].parts.total, entry[1].paper_id))
    lead, rest = by_score[:1], sorted(by_score[1:], key=lambda entry: entry[0])
    return (*(pick._replace(section="lead") for _, pick in lead), *(pick for _, pick in rest))


def _note(describer: _Describer, row: int, matching: int, any_pick: bool, barred: NDArray[np.bool_]) -> str:
    everything = describer.wants_everything(row)
    if matching >= min(THIN, int(describer.readers.limit[row])):
        return ""
    if matching:
        return f"A quiet time for {'new papers' if everything else 'your topics'}: only {_papers(matching)} to show."
    if not len(barred) or everything:
        return NO_PAPERS if not len(barred) or barred.all() else NOTHING_LEFT
    matched = describer.block.slot[row] >= 0
    if (matched & barred).any() and not (matched & ~barred).any():
        return ALL_MAILED
    return NOTHING_LEFT if matched.any() and not any_pick else NOTHING_MATCHES


def _papers(count: int) -> str:
    return "one paper" if count == 1 else f"{count} papers"
