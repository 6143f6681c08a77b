"""The compiled way: one reader's digest is a join of ready pieces and a few escaped values."""

from collections.abc import Callable, Mapping, Sequence, Set

from newsletter.composing.compiled import BOTTOM, TOP, CompiledParts, Piece, escaped
from newsletter.composing.content import Digest, RenderedMail
from newsletter.composing.headers import digest_headers
from newsletter.composing.parts import Part, layout_values, parts_of, web_parts_of
from newsletter.composing.showing import shown_digest
from newsletter.composing.weight import within_budget

_Fill = Callable[[Piece, Mapping[str, str]], str]


def render(compiled: CompiledParts, digest: Digest) -> RenderedMail:
    """Return the digest of one reader.

    Papers that were dropped from the edition are left out. A digest over the weight budget loses
    papers from its end, never its footer, and says so. `papers` of the result are those that are
    left.

    Raises:
        UnknownPaper: when a picked paper is not in the edition.
        HeaderTooLong: when a link does not fit into a header.
    """
    shown = shown_digest(digest, compiled.facts, compiled.dropped)
    return within_budget(shown, lambda cut, omitted: _joined(compiled, cut, omitted))


def render_web_view(
    compiled: CompiledParts,
    digest: Digest,
    *,
    home: str,
    editions: str,
    withdrawn: Set[int] = frozenset(),
) -> str:
    """Return the digest as a page: the same document inside links of the site, without the links
    that only its reader may follow.

    Args:
        home, editions: addresses of the site's pages.
        withdrawn: papers that may not be shown any more; a line says so in their place.

    Raises:
        UnknownPaper: when a picked paper is not in the edition.
    """
    shown = shown_digest(digest, compiled.facts, compiled.dropped)
    shown = shown._replace(links=shown.links._replace(act="", read=""))
    parts = web_parts_of(compiled.facts, shown, {"home": home, "editions": editions}, withdrawn)
    return _join(compiled.html, layout_values(compiled.facts, shown), parts, filled_html)


def _joined(compiled: CompiledParts, digest: Digest, omitted: int) -> RenderedMail:
    layout = layout_values(compiled.facts, digest)
    parts = parts_of(compiled.facts, digest, omitted)
    return RenderedMail(
        subject=filled(compiled.subject, layout),
        text=_join(compiled.text, layout, parts, filled),
        html=_join(compiled.html, layout, parts, filled_html),
        headers=digest_headers(compiled.publication, compiled.facts, digest),
        papers=tuple(pick.paper_id for pick in digest.picks),
    )


def _join(
    pieces: Mapping[str, Piece], layout: Mapping[str, str], parts: Sequence[Part], fill: _Fill
) -> str:
    middle = (fill(pieces[part.key], part.values) for part in parts)
    return "".join((fill(pieces[TOP], layout), *middle, fill(pieces[BOTTOM], layout)))


def filled(piece: Piece, values: Mapping[str, str]) -> str:
    return "".join(
        element if isinstance(element, str) else values[element.name] for element in piece
    )


def filled_html(piece: Piece, values: Mapping[str, str]) -> str:
    return "".join(
        element if isinstance(element, str) else escaped(values[element.name], element.attribute)
        for element in piece
    )
