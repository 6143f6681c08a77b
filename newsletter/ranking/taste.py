"""What a reader's votes and clicks teach about their taste, in at most 2 kB of bytes.

A taste is a bag of weighted terms (stems, and two or three in a row), each under a 24-bit hash:
what the liked papers have in common counts most, what was seen of disliked ones counts against.
Weights halve every 90 days. The strongest terms keep their wording, so that the reader can see,
edit and forget them.
"""

import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import lru_cache
from math import inf, sqrt
from typing import NamedTuple
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from newsletter.ranking.archive import ArchiveStatistics
from newsletter.ranking.phrases import FieldIndex
from newsletter.ranking.text import STOP_WORDS, grams

HALF_LIFE_DAYS = 90.0
TERMS_KEPT = 440
TITLE_TWICE = 2
"""What the title counts where terms are weighed for taste."""
FAINTEST = 1e-6
"""A taste whose strongest weight has faded below this is no taste any more."""
WORDING_BYTES = 260
"""Room for wordings: with 440 terms of four bytes this keeps a taste under 2 kB."""
LONGEST_WORDING = 80
"""Bytes. A whole title in a script that does not part words is one term; it must not take the
room of all others.
"""

_HEAD = struct.Struct("<BHHfHB")
_VERSION = 1
_EPOCH = date(2020, 1, 1)
_LEVELS = 127
_HASHES = 1 << 24


class UnreadableTaste(ValueError):
    """The bytes are no taste of this version; the reader's taste has to be learned again."""


@dataclass(frozen=True, slots=True)
class TasteEvent:
    """One thing a reader did with a paper.

    `weight` is above 0 for liking (1 a vote, less for a click), below for "fewer like this".
    `counts` is how many events it adds to those that the taste rests on: -1 for one that takes
    another back.
    """

    title: str
    abstract: str
    weight: float
    day: date
    counts: int = 1


@dataclass(frozen=True, slots=True)
class Taste:
    """A taste opened up: weights by term hash as of `day`, and the wordings of the strongest."""

    day: date
    events: int
    weights: Mapping[int, float]
    wordings: Mapping[int, str]


@lru_cache(maxsize=1 << 16)
def term_hash(term: str) -> int:
    """The 24-bit hash under which a term is kept."""
    return crc32(term.encode()) % _HASHES


def learn(taste: bytes, events: Iterable[TasteEvent], archive: ArchiveStatistics) -> bytes:
    """The taste after some more events, oldest first. UnreadableTaste if `taste` is foreign."""
    opened = read(taste)
    for event in events:
        opened = _after(opened, event, archive)
    return write(opened)


def read(taste: bytes) -> Taste:
    """Open the bytes; empty bytes are an empty taste."""
    table = _Table.of(taste)
    keys = table.hashes.tolist()
    return Taste(
        table.day,
        table.events,
        dict(zip(keys, table.weights.tolist(), strict=True)),
        dict(zip(keys, table.labels, strict=False)),
    )


class _Table(NamedTuple):
    """What the bytes of a taste hold; `labels` are the wordings of the first terms."""

    day: date
    events: int
    hashes: NDArray[np.int64]
    weights: NDArray[np.float64]
    labels: list[str]

    @classmethod
    def of(cls, taste: bytes) -> "_Table":
        """UnreadableTaste for foreign bytes."""
        if not taste:
            return cls(_EPOCH, 0, np.zeros(0, np.int64), np.zeros(0), [])
        try:
            version, day, events, scale, count, worded = _HEAD.unpack_from(taste)
            table = np.frombuffer(taste, "<u4", count, _HEAD.size)
            labels = taste[_HEAD.size + 4 * count :].decode().split("\n") if worded else []
        except (struct.error, ValueError) as error:
            raise UnreadableTaste("these bytes are no taste; reset it and learn again") from error
        if version != _VERSION or len(labels) != worded:
            raise UnreadableTaste(
                f"taste version {version} cannot be read; reset it and learn again"
            )
        if not 0 < scale < inf:
            raise UnreadableTaste(
                "these bytes hold no finite weights; reset the taste and learn again"
            )
        levels = (table >> 24).astype(np.uint8).view(np.int8)
        hashes = (table & (_HASHES - 1)).astype(np.int64)
        return cls(_EPOCH + timedelta(days=day), events, hashes, levels * (scale / _LEVELS), labels)


def write(taste: Taste) -> bytes:
    """The bytes of a taste: the strongest terms, those with a wording first."""
    hashes = np.fromiter(taste.weights.keys(), np.int64, len(taste.weights))
    weights = np.fromiter(taste.weights.values(), np.float64, len(taste.weights))
    scale = float(np.abs(weights).max(initial=0.0))
    if scale <= FAINTEST:
        return b""
    levels = np.rint(weights / scale * _LEVELS).astype(np.int8)
    strongest = np.lexsort((hashes, -np.abs(levels.astype(np.int16))))[:TERMS_KEPT]
    strongest = strongest[levels[strongest] != 0]
    worded = _worded(hashes[strongest].tolist(), taste.wordings)
    shown = np.isin(hashes[strongest], worded)
    order = np.concatenate((strongest[shown], strongest[~shown]))
    head = _HEAD.pack(
        _VERSION,
        (taste.day - _EPOCH).days,
        min(taste.events, 65535),
        scale,
        len(order),
        len(worded),
    )
    table: bytes = (
        (hashes[order] | (levels[order].astype(np.int64) & 0xFF) << 24).astype("<u4").tobytes()
    )
    return head + table + "\n".join(taste.wordings[one] for one in worded).encode()


def _worded(strongest: Sequence[int], wordings: Mapping[int, str]) -> list[int]:
    """The strongest terms whose wordings fit."""
    kept: list[int] = []
    room = WORDING_BYTES
    for one in strongest:
        size = len(wordings.get(one, "").encode()) + 1
        if one in wordings and size <= LONGEST_WORDING:
            room -= size
            if room < 0:
                break
            kept.append(one)
    return kept


def describe(taste: bytes) -> list[tuple[str, float]]:
    """The wordings a reader can see, with weights from -1 to 1, the strongest first."""
    opened = read(taste)
    most = max((abs(weight) for weight in opened.weights.values()), default=1.0)
    shown = [(wording, opened.weights[one] / most) for one, wording in opened.wordings.items()]
    return sorted(shown, key=lambda entry: (-abs(entry[1]), entry[0]))


def forget(taste: bytes, wording: str) -> bytes:
    """The taste without one of its wordings."""
    opened = read(taste)
    gone = {one for one, known in opened.wordings.items() if known == wording}
    weights = {one: weight for one, weight in opened.weights.items() if one not in gone}
    return write(
        replace(
            opened,
            weights=weights,
            wordings={one: w for one, w in opened.wordings.items() if one not in gone},
        )
    )


def vector(taste: bytes) -> tuple[NDArray[np.int64], NDArray[np.float64], float]:
    """Term hashes, weights scaled to length 1, and how much the taste is to be trusted, 0 to 1."""
    table = _Table.of(taste)
    length = float(np.sqrt((table.weights * table.weights).sum()))
    return table.hashes, table.weights / (length or 1.0), table.events / (table.events + 1.0)


def _after(taste: Taste, event: TasteEvent, archive: ArchiveStatistics) -> Taste:
    """Both are brought to the later day: what is older counts half for every 90 days."""
    title, abstract, spelled = _opened(event.title, event.abstract)
    day = max(taste.day, event.day)
    fading = 0.5 ** ((day - taste.day).days / HALF_LIFE_DAYS)
    share = event.weight * 0.5 ** ((day - event.day).days / HALF_LIFE_DAYS)
    weights = {one: weight * fading for one, weight in taste.weights.items()}
    wordings = dict(taste.wordings)
    for term, weight in _unit_terms(title, abstract, archive).items():
        one = term_hash(term)
        weights[one] = weights.get(one, 0.0) + share * weight
    wordings.update(spelled)
    return Taste(day, max(0, taste.events + event.counts), weights, wordings)


@lru_cache(maxsize=256)
def _opened(title: str, abstract: str) -> tuple[FieldIndex, FieldIndex, Mapping[int, str]]:
    """A paper's fields and the wordings of its terms. Many readers answer to the same papers, so
    these are worked out once.
    """
    fields = FieldIndex(title), FieldIndex(abstract)
    return (*fields, _wordings(fields[1]) | _wordings(fields[0]))


def _unit_terms(
    title: FieldIndex, abstract: FieldIndex, archive: ArchiveStatistics
) -> dict[str, float]:
    """Levelled counts x idf of a paper's terms, scaled to length 1: the vectors that papers have
    in `Affinity`.
    """
    counts: dict[str, int] = {}
    for field, worth in ((abstract, 1), (title, TITLE_TWICE)):
        for term in field.terms:
            counts[term] = counts.get(term, 0) + worth
    known = {term: count for term, count in counts.items() if term in archive.frequencies}
    weights = {term: count / (count + 1.0) * archive.weight(term) for term, count in known.items()}
    length = sqrt(sum(weight * weight for weight in weights.values())) or 1.0
    return {term: weight / length for term, weight in weights.items()}


def _wordings(field: FieldIndex) -> dict[int, str]:
    """How the text spells its single words and pairs, by hash; longer terms say little more to a
    reader.
    """
    kept = [
        (one, word)
        for word, one in zip(field.words, field.stems, strict=True)
        if word not in STOP_WORDS
    ]
    stems, spelled = grams([one for one, _ in kept]), grams([word for _, word in kept])
    return {
        term_hash(one): wording
        for one, wording in zip(stems, spelled, strict=True)
        if one.count(" ") < 2
    }
