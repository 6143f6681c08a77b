"""What was compiled is read against the plain way, and what differs does not go out. Everything
here is broken on purpose.
"""

from dataclasses import replace
from fnmatch import fnmatch
from pathlib import Path

import pytest

from newsletter.composing import compiled as compiling
from newsletter.composing import plates, prepared, proof
from newsletter.composing.compiled import BrokenLayout, compile_edition
from newsletter.composing.digest import render
from newsletter.composing.prepared import LayoutDiffers
from newsletter.composing.proof import differing_papers
from subscriptions.inlining import CutShort
from tests.newsletter.composing.digests import (
    digest,
    edition,
    paper,
    prepared_edition,
    proved_edition,
)
from tests.newsletter.composing.test_digest import HOSTILE

pytestmark = pytest.mark.slow


@pytest.fixture
def spoil(monkeypatch):
    """Let the compiler write something else into pieces of the HTML or the text whose keys fit a
    pattern.
    """

    def change(*keys: str, form: str = "html") -> None:
        original = compiling._pieces

        def wrong(parts, facts, content, values=None):
            subject, html, text = original(parts, facts, content, values)
            pieces = html if form == "html" else text
            if values is None:  # else it is the plain way that asks
                pieces |= {
                    key: (*pieces[key], "spoiled")
                    for key in pieces
                    if any(fnmatch(key, pattern) for pattern in keys)
                }
            return subject, html, text

        monkeypatch.setattr(compiling, "_pieces", wrong)

    return change


def test_an_edition_that_is_right_loses_nothing():
    content = edition(count=60)
    assert proved_edition(content) == compile_edition(content)


def test_an_edition_without_papers_is_right():
    assert proved_edition(edition(papers=())).dropped == ()


def test_hostile_papers_are_no_reason_to_drop_any():
    papers = [
        paper(number, title=text, abstract=text * 3, editor_note=text)
        for number, text in enumerate(HOSTILE, start=1)
    ]
    assert proved_edition(edition(*papers)).dropped == ()


@pytest.mark.parametrize("kind", ["lead", "card", "brief"])
@pytest.mark.parametrize("form", ["html", "text"])
def test_a_card_that_differs_in_any_form_is_dropped_and_the_others_stay(spoil, kind, form):
    spoil(f"{kind}:3", form=form)
    compiled = proved_edition(edition(count=30))
    assert [paper_id for paper_id, _why in compiled.dropped] == [3]
    assert compiled.dropped[0][1] == f"{form} of the {kind} form"
    assert render(compiled, digest(1, 2, 3, 4)).papers == (1, 2, 4)
    assert "Of 29 papers" in render(compiled, digest(1, 2)).text


def test_papers_far_down_a_long_edition_are_read_too(spoil):
    spoil("card:150")
    assert [paper_id for paper_id, _why in proved_edition(edition(count=160)).dropped] == [150]


@pytest.mark.parametrize(
    ("key", "form"),
    [(key, form) for key in ("top", "ways", "footer", "bottom") for form in ("html", "text")],
)
def test_a_layout_that_differs_stops_the_edition(spoil, key, form):
    spoil(key, form=form)
    with pytest.raises(LayoutDiffers, match=form):
        proved_edition(edition())


@pytest.mark.parametrize("key", ["note", "heading", "welcome", "actions", "lead_actions"])
def test_parts_that_only_some_readers_get_are_read_as_well(spoil, key):
    spoil(key)
    with pytest.raises(LayoutDiffers, match="html"):
        proved_edition(edition())


@pytest.mark.parametrize("kind", ["lead", "card", "brief"])
@pytest.mark.parametrize("form", ["html", "text"])
def test_a_kind_of_card_that_is_wrong_for_sample_papers_too_stops_the_edition(spoil, kind, form):
    spoil(f"{kind}:*", form=form)
    with pytest.raises(LayoutDiffers, match=form):
        proved_edition(edition())


@pytest.mark.parametrize("bad", [(2,), (1, 2), (1,)])
def test_bad_papers_are_dropped_however_few_are_left(spoil, bad):
    spoil(*(f"card:{number}" for number in bad))
    compiled = proved_edition(edition(count=2))
    assert [paper_id for paper_id, _why in compiled.dropped] == [*bad]
    assert set(compiled.facts.titles) == {1, 2} - {*bad}


def test_a_paper_that_is_wrong_only_in_a_preview_is_found():
    """The preview names papers after the first, which no digest of one card shows."""
    content = edition(count=4)
    compiled = compile_edition(content)
    titles = compiled.facts.titles | {3: compiled.facts.titles[3] + "!"}
    wrong = replace(compiled, facts=replace(compiled.facts, titles=titles))
    assert differing_papers(content, wrong) == ((3, "only beside other papers: html"),)


def test_a_paper_that_is_wrong_only_on_the_wire_is_dropped(monkeypatch):
    original = plates._value

    def wrong(value, attribute, markup):
        return original(value.replace("Method5", "Method6"), attribute, markup)

    monkeypatch.setattr(plates, "_value", wrong)
    compiled = proved_edition(edition(count=6))
    assert [paper_id for paper_id, _why in compiled.dropped] == [5]
    assert "on the wire" in compiled.dropped[0][1]


def test_a_paper_that_raises_in_either_way_is_dropped(monkeypatch):
    original = proof.render

    def raising(compiled, reader_digest):
        if any(pick.paper_id == 4 for pick in reader_digest.picks):
            raise KeyError("four")
        return original(compiled, reader_digest)

    monkeypatch.setattr(proof, "render", raising)
    compiled = proved_edition(edition(count=6))
    assert compiled.dropped == ((4, "KeyError: 'four'"),)


def test_the_cost_of_comparing_digests_does_not_grow_with_the_edition(monkeypatch):
    made = []
    original = proof.PlainEdition.of

    def counting(content):
        made.append(len(content.papers))
        return original(content)

    monkeypatch.setattr(proof.PlainEdition, "of", counting)
    content = edition(count=200)
    assert differing_papers(content, compile_edition(content)) == ()
    assert max(made) <= proof.READERS_READ * proof.MOST_READ


def test_a_template_that_looks_beyond_its_part_stops_the_edition(settings, tmp_path):
    name = Path("emails", "digest", "parts", "brief.html")
    striped = (
        (settings.BASE_DIR / "templates" / name)
        .read_text(encoding="utf-8")
        .replace("<tr>", '<tr class="row{{ forloop.counter }}">')
    )
    (tmp_path / name.parent).mkdir(parents=True)
    (tmp_path / name).write_text(striped + "<style>.row9{color:#333333}</style>", encoding="utf-8")
    settings.TEMPLATES = [
        {**settings.TEMPLATES[0], "DIRS": [tmp_path, *settings.TEMPLATES[0]["DIRS"]]}
    ]
    with pytest.raises(LayoutDiffers):
        proved_edition(edition())


def test_bytes_that_would_be_read_differently_stop_the_edition(monkeypatch):
    monkeypatch.setattr(plates, "_value", lambda value, attribute, markup: plates.quoted(value))
    with pytest.raises(LayoutDiffers, match="on the wire"):
        proved_edition(edition())


@pytest.mark.parametrize("error", [CutShort, BrokenLayout, TypeError])
@pytest.mark.parametrize("bad", [{2}, {1, 2, 7}, {1, 2, 3, 4, 5, 6, 7, 8}])
def test_papers_that_do_not_compile_are_dropped_and_the_others_stay(monkeypatch, error, bad):
    def fails_with_the_bad(cards, language):
        if any(card.id in bad for card in cards):
            raise error("the end is gone")
        return compiling.compile_cards(cards, language)

    monkeypatch.setattr(prepared, "compile_cards", fails_with_the_bad)
    compiled = proved_edition(edition())
    assert dict(compiled.dropped) == dict.fromkeys(bad, f"{error.__name__}: the end is gone")
    assert set(render(compiled, digest(*range(1, 9))).papers) == {*range(1, 9)} - bad


def test_papers_that_compile_alone_but_not_together_stay(monkeypatch):
    def fails_with_both(cards, language):
        if {3, 6} <= {card.id for card in cards}:
            raise CutShort("too much")
        return compiling.compile_cards(cards, language)

    monkeypatch.setattr(prepared, "compile_cards", fails_with_both)
    assert proved_edition(edition()).dropped == ()


def test_a_note_with_which_nothing_compiles_stops_the_edition(monkeypatch):
    original = compiling.inline_css

    def fails_with_the_note(html):
        if "A note." in html:
            raise CutShort("the note is gone")
        return original(html)

    monkeypatch.setattr(compiling, "inline_css", fails_with_the_note)
    with pytest.raises(CutShort, match="the note is gone"):
        proved_edition(edition(editor_note="A note."))


def test_a_layout_that_never_compiles_is_refused(monkeypatch):
    def never(_cards, _language):
        raise CutShort("the end is gone")

    monkeypatch.setattr(prepared, "compile_cards", never)
    with pytest.raises(CutShort, match="the end is gone"):
        proved_edition(edition())


def test_a_process_out_of_memory_blames_no_paper(monkeypatch):
    def out_of_memory(_cards, _language):
        raise MemoryError

    monkeypatch.setattr(prepared, "compile_cards", out_of_memory)
    with pytest.raises(MemoryError):
        prepared_edition(edition())
