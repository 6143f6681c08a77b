"""What the ranking says to readers: English, which remembers how it was put together, so that it
can be said in other languages.
"""

from collections.abc import Sequence
from datetime import date
from typing import Protocol, TypeAlias

Gap: TypeAlias = "str | int | date | tuple[Gap, ...]"
"""What fills a gap: words of a paper or topic as they are, another wording, a number, a day, or
a list of such.
"""


class Speaker(Protocol):
    """Somebody who says things in one language."""

    def translate(self, template: str) -> str:
        """Return the template in this language, its gaps kept."""

    def plural(self, one: str, many: str, count: int) -> str:
        """Return the form of a template that fits the count."""

    def number(self, number: int) -> str:
        """Write a whole number."""

    def day(self, day: date) -> str:
        """Write a day without its year."""

    def listed(self, items: Sequence[str]) -> str:
        """Join one item or more as a sentence does."""


class Wording(str):
    """A text in English, and the template and gaps it came from. Everywhere else it is a string
    like any other.

    `Wording("by %(author)s", author="Ada")`; with `many` and `count` the template is the form for
    one thing, and `count` a gap.
    """

    __slots__ = ("gaps", "many", "number", "template")
    template: str
    many: str
    number: int
    gaps: dict[str, Gap]

    def __new__(cls, template: str, *, many: str = "", count: int = 0, **gaps: Gap) -> "Wording":
        if many:
            gaps["count"] = count
        self = super().__new__(cls, _put_together(_ENGLISH, template, many, count, gaps))
        self.template, self.many, self.number, self.gaps = template, many, count, gaps
        return self

    def said_by(self, speaker: Speaker) -> str:
        """Return the text in the speaker's language."""
        return _put_together(speaker, self.template, self.many, self.number, self.gaps)


def gettext_noop(template: str) -> str:
    """Mark a template for translation, under the name that message extraction knows; it is
    translated when it is said.
    """
    return template


def ngettext_lazy(one: str, many: str, count: int, **gaps: Gap) -> Wording:
    """Return a wording that counts; named for message extraction, which finds both forms here."""
    return Wording(one, many=many, count=count, **gaps)


def _put_together(
    speaker: Speaker, template: str, many: str, count: int, gaps: dict[str, Gap]
) -> str:
    words = speaker.plural(template, many, count) if many else speaker.translate(template)
    return words % {name: _filling(gap, speaker) for name, gap in gaps.items()}


def _filling(gap: Gap, speaker: Speaker) -> str:
    if isinstance(gap, Wording):
        return gap.said_by(speaker)
    if isinstance(gap, str):
        return gap
    if isinstance(gap, int):
        return speaker.number(gap)
    if isinstance(gap, date):
        return speaker.day(gap)
    return speaker.listed([_filling(one, speaker) for one in gap])


class _English:
    def translate(self, template: str) -> str:
        return template

    def plural(self, one: str, many: str, count: int) -> str:
        return one if count == 1 else many

    def number(self, number: int) -> str:
        return f"{number:,}"

    def day(self, day: date) -> str:
        return f"{day:%B}\u00a0{day.day}"

    def listed(self, items: Sequence[str]) -> str:
        return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"


_ENGLISH = _English()
