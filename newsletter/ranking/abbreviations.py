"""Abbreviations that papers define: "retrieval-augmented generation (RAG)"."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence

from newsletter.ranking.text import STOP_WORDS, normal_form, stem, words

_DEFINED = re.compile(r"\(([^\W_][\w-]{1,9})\)")
_REACH = 120
"""Characters before the bracket in which the long form must stand."""
SPARE_WORDS = 2
FEWEST_DEFINITIONS = 3
MAIN_SHARE = 0.5
DEFINED_SHARE = 0.1
"""An abbreviation is believed when at least three papers define it, half of them and more mean the
same, and a tenth and more of the papers that use it define it: "AI" has so many meanings to nobody
any more.
"""


def definitions(text: str) -> Iterator[tuple[str, str]]:
    """Abbreviations that a text defines in brackets, with what they stand for, both in normal form.

    After Schwartz and Hearst, "A Simple Algorithm for Identifying Abbreviation Definitions" (2003):
    the letters of the short form stand in the long form in their order, the first one at its start.
    Initials go before letters inside words, so that "SSL" takes in the "self" of "self-supervised
    learning".
    """
    for match in _DEFINED.finditer(text):
        written = match.group(1)
        if sum(letter.isupper() for letter in written) >= 2:
            short = normal_form(
                written[:-1] if written.endswith("s") and written[:-1].isupper() else written
            )
            letters = "".join(filter(str.isalnum, short))
            before = words(text[max(match.start() - _REACH, 0) : match.start()])
            long = _initials(letters, before) or _inside(letters, before)
            if long:
                yield short, " ".join(long)


def _initials(letters: str, before: Sequence[str]) -> Sequence[str]:
    """The last words that begin with the letters, stop words between them passed over."""
    left = list(letters)
    for place in range(len(before) - 1, -1, -1):
        if before[place][0] == left[-1]:
            left.pop()
            if not left:
                return before[place:]
        elif before[place] not in STOP_WORDS:
            return ()
    return ()


def _inside(letters: str, before: Sequence[str]) -> Sequence[str]:
    """The fewest last words that hold the letters in order, the first letter at their start."""
    for count in range(1, min(len(letters) + SPARE_WORDS, len(before)) + 1):
        held = before[-count:]
        if held[0][0] == letters[0] and _in_order(letters, "".join(held)):
            return held if count > 1 else ()
    return ()


def _in_order(letters: str, text: str) -> bool:
    rest = iter(text)
    return all(letter in rest for letter in letters)


def believed(
    found: Mapping[tuple[str, str], int], frequencies: Mapping[str, int]
) -> dict[str, str]:
    """Abbreviations with one clear meaning, from how many papers define each pair; see
    DEFINED_SHARE.
    """
    meanings: defaultdict[str, Counter[str]] = defaultdict(Counter)
    spellings: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for (short, long), papers in found.items():
        meaning = " ".join(map(stem, long.split()))
        meanings[short][meaning] += papers
        spellings[short, meaning][long] += papers
    kept: dict[str, str] = {}
    for short, counts in sorted(meanings.items()):
        meaning, papers = min(counts.items(), key=lambda entry: (-entry[1], entry[0]))
        clear = papers >= max(FEWEST_DEFINITIONS, MAIN_SHARE * counts.total())
        if clear and papers >= DEFINED_SHARE * frequencies.get(stem(short), 0):
            kept[short] = min(
                spellings[short, meaning].items(), key=lambda entry: (-entry[1], entry[0])
            )[0]
    return kept


class Wordings:
    """Phrases with abbreviations written out or put in, by known abbreviations."""

    def __init__(self, abbreviations: Mapping[str, str]) -> None:
        self._written_out = abbreviations
        self._long: defaultdict[str, list[tuple[int, str, list[str]]]] = defaultdict(list)
        for number, (short, long) in enumerate(abbreviations.items()):
            stems = [stem(word) for word in long.split()]
            self._long[stems[0]].append((number, short, stems))

    def of(self, phrase: str) -> tuple[str, ...]:
        """The phrase, then the phrase with an abbreviation written out, or with what has one
        abbreviated.
        """
        typed = words(phrase)
        found = [phrase]
        for at, word in enumerate(typed):
            short = word if word in self._written_out else word.removesuffix("s")
            if short in self._written_out:
                found.append(" ".join([*typed[:at], self._written_out[short], *typed[at + 1 :]]))
        stems = [stem(word) for word in typed]
        shorter = sorted(
            (number, at, at + len(wanted), short)
            for at, one in enumerate(stems)
            for number, short, wanted in self._long.get(one, ())
            if stems[at : at + len(wanted)] == wanted
        )
        for _, first, last, short in shorter:
            found.append(" ".join([*typed[:first], short, *typed[last:]]))
        return tuple(dict.fromkeys(found))
