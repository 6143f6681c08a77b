"""Tongues: which language a text is in as far as its letters tell, so that a screen reader
speaks it as it is meant.
"""

import re

PAPERS_LANGUAGE = "en"
"""What papers written in Latin letters are taken for: no source says, and nearly all of them
are.
"""
_BY_SCRIPT = {
    "ja": re.compile("[\u3040-\u30ff]"),
    "ko": re.compile("[\u1100-\u11ff\uac00-\ud7af]"),
    "zh": re.compile("[\u3400-\u9fff\uf900-\ufaff]"),
    "uk": re.compile("[ґєіїҐЄІЇ]"),
    "ru": re.compile("[\u0400-\u04ff]"),
    "fa": re.compile("[پچژگ]"),
    "ar": re.compile("[\u0600-\u06ff\u0750-\u077f]"),
    "he": re.compile("[\u0590-\u05ff]"),
    "el": re.compile("[\u0370-\u03ff]"),
    "hi": re.compile("[\u0900-\u097f]"),
    "th": re.compile("[\u0e00-\u0e7f]"),
}
"""In this order: kana decide for Japanese where Han letters stand beside them, and letters of
Ukrainian and Persian alone likewise.
"""
_LETTERS_OF = {
    "ja": re.compile("[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]"),
    "uk": _BY_SCRIPT["ru"],
    "fa": _BY_SCRIPT["ar"],
}
_WHERE_A_WORD_IS_A_LETTER = {"ja", "ko", "zh"}


def foreign_language(text: str, own: str, around: str) -> str:
    """Return the language code of a text that stands among words of another language, or nothing
    where it is the same.

    Args:
        own: the language to take for granted where the letters are Latin.
        around: the language of what stands around it.
    """
    code = own if text.isascii() else _by_letters(text) or own
    return "" if code.partition("-")[0] == around.partition("-")[0] else code


def _by_letters(text: str) -> str:
    """Return the language whose letters are half of the text's or more; a formula's Greek in an
    English title is less.
    """
    letters = sum(character.isalpha() for character in text)
    for code, decisive in _BY_SCRIPT.items():
        if decisive.search(text):
            count = len(_LETTERS_OF.get(code, decisive).findall(text))
            # A Latin word has five letters or so where these scripts have two.
            weight = 2.5 if code in _WHERE_A_WORD_IS_A_LETTER else 1
            if count * weight >= (letters - count):
                return code
    return ""
