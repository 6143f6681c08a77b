"""The sources of this instance: one row each, made from the settings when first needed; from then
on staff decide about it.

A lower priority is believed where two sources know the same field of a paper: what staff say, then
arXiv, which the authors fill in themselves, then Hugging Face, feeds, archives, and last the
listing pages, which know least.
"""

from typing import Any, NamedTuple

from django.conf import settings

from ingest.models import Source


class UnknownSource(LookupError):
    """No source has that name."""


class Known(NamedTuple):
    """What a new Source row starts with."""

    kind: str
    title: str
    priority: int


KNOWN = {
    "staff": Known("staff", "Added by staff", 1),
    "arxiv-paper": Known("arxiv-paper", "arXiv, asked for by staff", 20),
    "arxiv-oai": Known("arxiv-oai", "arXiv, changes", 20),
    "arxiv": Known("arxiv", "arXiv, announcements", 25),
    "huggingface": Known("huggingface", "Hugging Face Daily Papers", 30),
    "jsonl": Known("jsonl", "JSON Lines", 60),
    "listing": Known("listing", "Listing pages", 80),
}
FEED_PRIORITY = 50
BY_HAND = ("staff", "arxiv-paper")
"""Kinds of sources that bring what staff ask for, and so never bring news by themselves."""


def source_named(slug: str) -> Source:
    """Return the row of a source, made now if it is a known one or a feed of the settings.

    Raises:
        UnknownSource: it is neither, and staff have added none of that name.
    """
    source = Source.objects.filter(slug=slug).first()
    if source:
        return source
    if slug in KNOWN:
        known, options = KNOWN[slug], _options(slug)
    elif slug in settings.FEEDS:
        known, options = (
            Known("feed", slug.replace("-", " ").capitalize(), FEED_PRIORITY),
            {"url": settings.FEEDS[slug]},
        )
    else:
        names = ", ".join(
            sorted({*KNOWN, *settings.FEEDS, *Source.objects.values_list("slug", flat=True)})
        )
        raise UnknownSource(f"There is no source “{slug}”. Known are: {names}.")
    defaults = {
        **known._asdict(),
        "options": options,
        "enabled": slug in settings.FEEDS or slug in settings.ENABLED_SOURCES,
    }
    return Source.objects.get_or_create(slug=slug, defaults=defaults)[0]


def enabled_sources() -> list[Source]:
    """Return the sources that are asked by the clock, after making sure that those of the
    settings exist.
    """
    for slug in (*settings.ENABLED_SOURCES, *settings.FEEDS):
        source_named(slug)
    return list(Source.objects.filter(enabled=True).order_by("priority", "slug"))


def _options(slug: str) -> dict[str, Any]:
    return {"categories": list(settings.ARXIV_CATEGORIES)} if slug.startswith("arxiv") else {}
