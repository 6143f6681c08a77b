"""Templating: gives the digest's templates their context, the same for both ways of composing."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from django.template.loader import get_template
from django.utils.translation import override

from newsletter.composing.facts import EditionFacts
from newsletter.composing.parts import PART_VALUES, Part
from newsletter.composing.publication import Publication

SUBJECT, TEXT, HTML = "emails/digest/subject.txt", "emails/digest/body.txt", "emails/digest/body.html"


def rendered(template: str, facts: EditionFacts, publication: Publication, context: Mapping[str, Any]) -> str:
    """Return one template of the digest rendered in the edition's language. `context` holds the parts and the layout's values."""
    with override(facts.language):
        return get_template(template).render({"edition": facts, "publication": publication, **context})


def template_hash() -> str:
    """Return the hex SHA-256 over every template a digest is made from; a compiled edition names the one it was made with."""
    digest = hashlib.sha256()
    for name in _names():
        digest.update(name.encode() + b"\0" + get_template(name).template.source.encode() + b"\0")  # type: ignore[attr-defined]  # the Django backend's
    return digest.hexdigest()


def _names() -> Sequence[str]:
    parts = [Part(kind) for kind in PART_VALUES]
    return [SUBJECT, TEXT, HTML, *(part.html_template for part in parts), *(part.text_template for part in parts)]
