"""How a phrase or topic is matched with papers, written down paper by paper: what
`newsletter.ranking.matching` does from arrays for all papers at once.
"""

import itertools
from collections import Counter
from math import log

import numpy as np

from newsletter.ranking import matching as rules
from newsletter.ranking.archive import TITLE_WEIGHT
from newsletter.ranking.evidence import ABSTRACT_PHRASE, find_evidence
from newsletter.ranking.phrases import PaperIndex, phrase_words
from newsletter.ranking.text import STOP_WORDS, is_join, sequences, stem, terms
from newsletter.ranking.vectors import K1, B


class PlainMatching:
    def __init__(self, papers, archive):
        self.archive = archive
        self.indexes = [PaperIndex(paper.title, paper.abstract) for paper in papers]
        self.counts = [self._counted(index) for index in self.indexes]
        self.words = [self._unit_words(counts) for counts in self.counts]
        self.latent = [self._latent(words) for words in self.words]

    def raw(self, wordings):
        """Raw scores of all papers."""
        base = np.max([[0.0] * len(self.indexes), *map(self._base, wordings)], axis=0)
        if not base.size or base.max() <= 0:
            return base
        trust = rules.LIKE_THE_BEST * min(1.0, base.max() / rules.SURE)
        words = self._like_the_best(self.words, base, rules.BEST_BY_WORDS, _dot)
        places = self._like_the_best(self.latent, base, rules.BEST_BY_PLACE, np.dot)
        return base + trust * (words + places)

    def is_on(self, wordings, place, raw):
        """Whether a paper with this raw score is on what is sought."""
        said = 0
        for typed in map(phrase_words, wordings):
            if self._worth_a_look(typed, place) and (
                self._has_all(typed, place) or raw >= rules.WORDS_APART
            ):
                found = find_evidence(typed, self.indexes[place], self.archive)
                said = max(said, found.strength)
        near = raw >= rules.RELATED or (said and raw >= rules.WORDS_APART)
        return bool(said >= ABSTRACT_PHRASE or near)

    def _counted(self, index):
        counts = Counter(one for one in index.abstract.terms if " " not in one)
        for one in index.title.terms:
            if " " not in one:
                counts[one] += TITLE_WEIGHT
        return counts

    def _unit_words(self, counts):
        weights = {
            one: (1 + log(count)) * self.archive.weight(one)
            for one, count in counts.items()
            if one in self.archive.frequencies
        }
        length = np.sqrt(sum(weight**2 for weight in weights.values())) or 1.0
        return {one: weight / length for one, weight in weights.items()}

    def _latent(self, words):
        return _unit(np.array(list(words.values())) @ self.archive.latent(words))

    def _base(self, text):
        typed = phrase_words(text)
        stems = [one for one in dict.fromkeys(terms(text)) if " " not in one]
        whole = sum(map(self.archive.weight, stems)) or 1.0
        weights = np.array([self.archive.weight(one) for one in stems])
        place = _unit(weights @ self.archive.latent(stems))
        return [
            sum(self._bm25(one, counts) for one in stems) / whole
            + float(latent @ place)
            + presence(typed, index, self.archive)
            for index, counts, latent in zip(self.indexes, self.counts, self.latent, strict=True)
        ]

    def _bm25(self, one, counts):
        length = counts.total() / (self.archive.mean_length or 1.0)
        norm = K1 * (1 - B + B * length)
        return counts[one] * (K1 + 1) / (counts[one] + norm) * self.archive.weight(one)

    def _like_the_best(self, vectors, base, best, inner):
        order = sorted(range(len(base)), key=lambda place: (-base[place], place))[:best]
        weights = np.maximum(base[order], 0.0) ** 2
        weights /= weights.sum()
        near = np.array([[inner(one, vectors[place]) for place in order] for one in vectors])
        length = weights @ near[order] @ weights
        return near @ weights / np.sqrt(max(length, 1e-9))

    def _worth_a_look(self, typed, place):
        names = [word for word in typed if word not in STOP_WORDS] or typed
        pairs = (one + two for one, two in itertools.pairwise(typed))
        return any(self._has(word, place) for word in (*names, *pairs))

    def _has_all(self, typed, place):
        return any(
            all(self._has(word, place) for word in sequence)
            for sequence in sequences(typed)
            if sequence
        )

    def _has(self, word, place):
        index = self.indexes[place]
        return index.title.has_stem(stem(word)) or index.abstract.has_stem(stem(word))


def presence(typed, index, archive):
    """How much the whole phrase speaks for a paper, 0 to 2.5."""
    title = index.title.stemmed(typed)
    abstract = index.abstract.stemmed(typed)
    if not title and not abstract:
        return 0.0
    in_abstract = 0.6 + 0.1 * (len(abstract) > 1) if abstract else 0.0
    where = 1.0 if title else in_abstract
    free_in_title = [_free(index.title, span, archive) for span in title]
    free = free_in_title + [
        _free(index.abstract, span, archive) for span in abstract[: rules.MOST_COUNTED]
    ]
    both = 0.2 if title and abstract else 0.0
    return where + both + 0.5 * max(free_in_title, default=0.0) + 0.2 * min(sum(free), 3.0)


def _free(field, span, archive):
    """1 for a place without a set phrase around it, towards 0 the more papers have that longer
    phrase.
    """
    start, end = span
    bound = 0.0
    for first, second in ((start - 1, start), (end - 1, end)):
        if first >= 0 and second < len(field.words) and touch(field, first, second):
            pair = f"{field.stems[first]} {field.stems[second]}"
            shared = archive.frequencies.get(pair, 1) - 1
            bound = max(bound, shared / (shared + rules.BINDING))
    return 1.0 - bound


def touch(field, first, second):
    """Whether two neighbouring words, neither of them a stop word, have only a space or hyphen
    between.
    """
    return is_join(field.gaps[second]) and STOP_WORDS.isdisjoint(
        {field.words[first], field.words[second]}
    )


def _dot(one, two):
    return sum(weight * two.get(name, 0.0) for name, weight in one.items())


def _unit(vector):
    length = np.sqrt((vector * vector).sum())
    return vector / length if length else vector
