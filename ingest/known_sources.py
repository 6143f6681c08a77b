"""The sources Paperboy knows, and how far each is believed: one row each in the database, made when first needed."""

from typing import NamedTuple

from ingest.models import Source


class Known(NamedTuple):
    """What a new Source row starts with. Where two sources know the same field, the lower `priority` is believed."""

    title: str
    priority: int


KNOWN = {
    "staff": Known("Added by staff", 1),
    "huggingface": Known("Hugging Face Daily Papers", 30),
    "listing": Known("Listing pages", 80),
}


def source_named(slug: str) -> Source:
    """Return the row of a known source; staff may have changed it since it was made.

    Raises:
        KeyError: no source has that name.
    """
    known = KNOWN[slug]
    return Source.objects.get_or_create(slug=slug, defaults={"kind": slug, "title": known.title, "priority": known.priority})[0]
