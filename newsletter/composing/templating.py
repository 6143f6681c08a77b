"""Templating: gives the digest's templates their context, the same for both ways of composing."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.template.loader import get_template
from django.utils.translation import override

from newsletter.composing.facts import EditionFacts
from newsletter.composing.publication import Publication

SUBJECT, TEXT, HTML = (
    "emails/digest/subject.txt",
    "emails/digest/body.txt",
    "emails/digest/body.html",
)


def rendered(
    template: str, facts: EditionFacts, publication: Publication, context: Mapping[str, Any]
) -> str:
    """Return one template of the digest rendered in the edition's language. `context` holds the
    parts and the layout's values.
    """
    with override(facts.language):
        safe = get_template(template).render(
            {"edition": facts, "publication": publication, **context}
        )
    # A plain copy: a mail is no markup for another template, and SafeString's own str() is itself.
    return str.__str__(safe)


def template_hash() -> str:
    """Return the hex SHA-256 over every template a digest is made from; a compiled edition names
    the one it was made with.
    """
    folder = Path(get_template(HTML).origin.name).parent  # type: ignore[attr-defined]  # Django's own backend has it
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.suffix in {".html", ".txt"}):
        digest.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()
