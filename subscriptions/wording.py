"""Short words that readers type, such as phrases and muted words, made safe to store, compare
and mail.
"""

import unicodedata
from collections.abc import Iterable

_JOINERS = {"\u200c", "\u200d"}
"""Zero-width joiners carry meaning in some scripts and inside emoji, so they stay; all other
invisible characters go.
"""


def clean_line(text: str) -> str:
    """Return the text as one line in NFC, without control, format, private and unassigned
    characters and doubled blanks.
    """
    visible = (" " if character.isspace() else character for character in text)
    kept = (
        character
        for character in visible
        if character in _JOINERS or not unicodedata.category(character).startswith("C")
    )
    return unicodedata.normalize("NFC", " ".join("".join(kept).split()))


def clean_phrases(phrases: Iterable[str]) -> tuple[str, ...]:
    """Return the phrases in lower case, cleaned, each once and in their order, without those
    that were only blanks.
    """
    return tuple(
        dict.fromkeys(cleaned for phrase in phrases if (cleaned := clean_line(phrase).casefold()))
    )
