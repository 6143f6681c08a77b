"""Locales: how a language writes dates and numbers."""

from babel import Locale, UnknownLocaleError
from django.utils.translation import to_locale


def locale_of(language: str) -> Locale:
    """Return the Babel locale of a language code such as `en` or `pt-br`; English where Babel
    knows none.
    """
    try:
        return Locale.parse(to_locale(language))
    except (UnknownLocaleError, ValueError):
        return Locale("en")
