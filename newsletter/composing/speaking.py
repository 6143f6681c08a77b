"""Speaking: what the ranking said in English, in a reader's language."""

from collections.abc import Sequence
from datetime import date

from babel import Locale
from babel.dates import format_skeleton
from babel.lists import format_list
from babel.numbers import format_decimal
from django.conf import settings
from django.utils.translation import gettext, ngettext, override

from newsletter.composing.locales import locale_of
from newsletter.ranking.values import Reason
from newsletter.ranking.wording import Wording


def spoken(text: str, language: str) -> str:
    """Return a text of the ranking in a language that is offered; readers of others get English,
    as with all of a mail.
    """
    if (
        not isinstance(text, Wording)
        or language.partition("-")[0] == "en"
        or language not in dict(settings.LANGUAGES)
    ):
        return text
    with override(language):
        return text.said_by(_Translator(locale_of(language)))


def spoken_reasons(reasons: Sequence[Reason], language: str) -> tuple[str, ...]:
    """Return the texts of reasons in a language, in their order."""
    return tuple(spoken(reason.text, language) for reason in reasons)


class _Translator:
    """Says templates in the active language, and writes numbers, days and lists as its locale
    does.
    """

    def __init__(self, locale: Locale) -> None:
        self.locale = locale

    def translate(self, template: str) -> str:
        return gettext(template)

    def plural(self, one: str, many: str, count: int) -> str:
        return ngettext(one, many, count)

    def number(self, number: int) -> str:
        return format_decimal(number, locale=self.locale)

    def day(self, day: date) -> str:
        return format_skeleton("MMMMd", day, locale=self.locale)

    def listed(self, items: Sequence[str]) -> str:
        return format_list(items, locale=self.locale)
