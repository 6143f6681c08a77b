"""What makes two entries the same paper: arXiv id without version, DOI, and the key of a title.
Pure.
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import unquote

KEY_LIMIT = 500
DOI_LIMIT = 200
SHORT_KEY = 12
"""A title whose key is shorter, such as “Introduction”, says too little to join an entry with an
id to one without.
"""

_VERSION = r"(?:v(?P<version>[1-9][0-9]{0,2}))?"
_NEW_FORM = re.compile(r"(?P<number>[0-9]{2}(?:0[1-9]|1[0-2])\.[0-9]{4,5})" + _VERSION)
_OLD_FORM = re.compile(
    r"(?P<archive>[a-z]{2,10}(?:-[a-z]{2,10})?)(?:\.[a-z]{2})?/(?P<number>[0-9]{2}(?:0[1-9]|1[0-2])[0-9]{3})"
    + _VERSION
)
_ARXIV_PREFIX = re.compile(
    r"(?:https?://)?(?:"
    r"(?:[a-z]+\.)?arxiv\.org/(?:abs|pdf|html|format|ps|e-print)/"
    r"|(?:www\.)?(?:huggingface\.co|hf\.co)/papers/"
    r"|(?:www\.)?alphaxiv\.org/(?:abs|pdf)/"
    r"|(?:(?:dx\.)?doi\.org/|doi:\s*)?10\.48550/arxiv\."
    r"|oai:arxiv\.org:"
    r"|arxiv:\s*)?"
)
_ARXIV_SUFFIX = re.compile(r"(?:\.pdf|\.md)?/?(?:[?#].*|\s+\[.*)?")
_DOI = re.compile(r"(?:https?://)?(?:(?:dx\.)?doi\.org/|doi:\s*)?(10\.[0-9]{4,9}/\S+)")


class ArxivId(NamedTuple):
    """An arXiv id without its version, and the version where one was given."""

    number: str
    version: int | None


def arxiv_id(text: str) -> ArxivId | None:
    """Read an arXiv id from any usual form: bare, `arXiv:`, an abs, pdf or html address, a Hugging
    Face page, the arXiv DOI, an OAI id.

    The forms are those of arXiv's help page on identifiers: `YYMM.NNNNN` (four digits before 2015)
    and `archive/YYMMNNN`. The subject class of the old form (`math.GT/0309136`) is dropped, since
    arXiv resolves both to one paper. None when it is not an id.
    """
    folded = text.strip().lower()
    start = _ARXIV_PREFIX.match(folded)
    rest = folded[start.end() :] if start else folded
    for form in (_NEW_FORM, _OLD_FORM):
        match = form.match(rest)
        if match and _ARXIV_SUFFIX.fullmatch(rest, match.end()):
            archive = match.groupdict().get("archive")
            number = f"{archive}/{match['number']}" if archive else match["number"]
            return ArxivId(number, int(match["version"]) if match["version"] else None)
    return None


def doi(text: str) -> str | None:
    """Read a DOI from a bare form, `doi:` or a doi.org address; lower case, since DOIs are compared
    without case (ISO 26324).

    None when it is not one, is longer than the database keeps, holds a character that cannot be
    stored or seen, or is arXiv's own: that one is an arXiv id.
    """
    match = _DOI.match(unquote(text).strip().lower())
    if match is None:
        return None
    found = match[1].rstrip(".,;")
    if len(found) > DOI_LIMIT or not found.isprintable() or found.startswith("10.48550/arxiv."):
        return None
    return found


def title_key(title: str) -> str:
    """Return what is left of a title when case, width, punctuation and spacing are ignored; never
    empty for a title with a character.

    NFKC and case folding as in Unicode's NFKC_Casefold; runs of all but letters, digits and marks
    become one blank. A title without any letter or digit is its own key. Keys over the limit of the
    database keep their beginning and a digest of the whole.
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", title).casefold())
    words = "".join(
        character if unicodedata.category(character)[0] in "LNM" else " " for character in folded
    )
    key = " ".join(words.split()) or " ".join(folded.split())
    if len(key) > KEY_LIMIT:
        digest = hashlib.sha256(key.encode()).hexdigest()[:32]
        key = f"{key[: KEY_LIMIT - 33]} {digest}"
    return key


def name_parts(names: Iterable[str]) -> frozenset[str]:
    """Return the words of the names, without accents and case, initials left out: what two
    spellings of a name still share.
    """
    spread = unicodedata.normalize("NFKD", " ".join(names)).casefold()
    plain = "".join(character for character in spread if not unicodedata.combining(character))
    return frozenset(word for word in re.findall(r"[^\W\d_]+", plain) if len(word) > 1)


def authors_disagree(one: Iterable[str], other: Iterable[str]) -> bool:
    """Tell whether both lists name authors and share none: then an equal title is a coincidence."""
    first, second = name_parts(one), name_parts(other)
    return bool(first) and bool(second) and first.isdisjoint(second)
