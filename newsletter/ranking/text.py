"""From text to words: one normal form for titles, abstracts, topics, phrases and muted words."""

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

import Stemmer

_TOKEN = re.compile(r"[^\W_]+(?:['’][^\W_]+)*(?:\+\+|#)?")
_SPLIT = re.compile(f"({_TOKEN.pattern})")
_HYPHENS = frozenset("-‐‑‒–")
_JOINS = frozenset(" -‐‑–\n")
_POSSESSIVE = re.compile(r"['’]s?$")
STOP_WORDS = frozenset(
    words
    for line in (
        (
            "a also an and are as at based be been being between both but by can for from "
            "had has have "
            "in into is it its"
        ),
        (
            "may more most new not of on or our such than that the their then these they "
            "this those to "
            "use used using via"
        ),
        "was we were which with",
    )
    for words in line.split()
)
"""Words that say nothing about a subject. A short list: pairs with other common words help to
tell papers apart.
"""
_NOT_PLURAL = ("ss", "us", "is")
LONGEST = 3
"""Stems of the longest term."""


@lru_cache(maxsize=1 << 16)
def normal_form(word: str) -> str:
    """Case, compatibility forms, accents and a possessive ending folded away."""
    folded = _POSSESSIVE.sub("", word.casefold())
    if folded.isascii():
        return folded
    decomposed = unicodedata.normalize("NFKD", folded)
    return "".join(mark for mark in decomposed if not unicodedata.combining(mark)).casefold()


def split_words(text: str) -> tuple[list[str], list[str]]:
    """The words of a text as they are written, and what stands before, between and after them:
    one more.

    Hyphens part words; apostrophes, "++" and "#" belong to them. Some may have no normal form.
    """
    parts = _SPLIT.split(text)
    return parts[1::2], parts[::2]


def drop_empty(written: Sequence[str], gaps: Sequence[str]) -> tuple[list[str], list[str]]:
    """What `split_words` gave, with each word that has no normal form as a part of the gap around
    it.
    """
    kept: list[str] = []
    between = [gaps[0]]
    for word, gap in zip(written, gaps[1:], strict=True):
        if normal_form(word):
            kept.append(word)
            between.append(gap)
        else:
            between[-1] += word + gap
    return kept, between


def is_hyphen(gap: str) -> bool:
    """Whether only a hyphen stands between two words."""
    return gap in _HYPHENS


def is_join(gap: str) -> bool:
    """Whether two words with this between them may be parts of one set phrase."""
    return _JOINS.issuperset(gap)


def words(text: str) -> list[str]:
    """The normal forms of a text's words, in order."""
    return list(filter(None, map(normal_form, split_words(text)[0])))


def normal_phrase(phrase: str) -> str:
    """The words of a typed phrase in normal form, with a space between: the same for all its
    spellings, empty where it has no word.
    """
    return " ".join(words(phrase))


@lru_cache(maxsize=1 << 16)
def stem(word: str) -> str:
    """The Snowball English stem (Porter2) of a normal form; "llms" and "gans" lose their plural
    s.
    """
    singular = (
        word[:-1] if len(word) > 2 and word[-1] == "s" and word[-2:] not in _NOT_PLURAL else word
    )
    return str(Stemmer.Stemmer("english").stemWord(singular))


@lru_cache(maxsize=1 << 14)
def number_forms(word: str) -> frozenset[str]:
    """The word with its regular plural and singular spellings.

    Suffix rules only, so a form that is no word may be among them ("gas" gives "ga"): it harms
    nothing, as forms are only looked up among the words of a text.
    """
    forms = {word, word + "s", word + "es"}
    if word.endswith("y"):
        forms.add(word[:-1] + "ies")
    if word.endswith(("ix", "ex")):
        forms.add(word[:-2] + "ices")
    if word.endswith("is"):
        forms.add(word[:-2] + "es")
    if word.endswith("ices"):
        forms.update((word[:-4] + "ix", word[:-4] + "ex"))
    if word.endswith("ies") and len(word) > 4:
        forms.add(word[:-3] + "y")
    if word.endswith("es") and len(word) > 4:
        forms.update((word[:-2], word[:-2] + "is"))
    if word.endswith("s") and not word.endswith(_NOT_PLURAL) and len(word) > 2:
        forms.add(word[:-1])
    return frozenset(forms)


def sequences(names: Sequence[str]) -> list[tuple[str, ...]]:
    """A phrase's words as they are, and with each pair of neighbours written as one word.

    So "fine tuning" is looked for as "finetuning" too.
    """
    plain = tuple(names)
    joins = (
        (*plain[:at], plain[at] + plain[at + 1], *plain[at + 2 :]) for at in range(len(plain) - 1)
    )
    return [plain, *joins]


def terms(text: str) -> list[str]:
    """Stems of the words that are no stop words, then each two and three neighbours among them
    as "a b c".
    """
    return grams([stem(word) for word in words(text) if word not in STOP_WORDS])


def grams(stems: Sequence[str]) -> list[str]:
    """The stems, then each two and three neighbours among them."""
    pairs = [f"{one} {two}" for one, two in pairwise(stems)]
    return [
        *stems,
        *pairs,
        *(f"{pair} {three}" for pair, three in zip(pairs, stems[2:], strict=False)),
    ]
