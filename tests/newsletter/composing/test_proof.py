"""What was compiled is read against the plain way, and what differs does not go out. Everything
here is broken on purpose.
"""

from dataclasses import replace
from fnmatch import fnmatch
from pathlib import Path

import pytest

from newsletter.composing import plates, proof
from newsletter.composing.compiled import BrokenLayout, compile_edition
from newsletter.composing.digest import render
from newsletter.composing.proof import LayoutDiffers, proved_edition
from subscriptions.inlining import CutShort
from tests.newsletter.composing.digests import digest, edition, paper
from tests.newsletter.composing.test_digest import HOSTILE

pytestmark = pytest.mark.slow


@pytest.fixture
def spoil(monkeypatch):
    """Let the compiler write something else into pieces of the HTML or the text whose keys fit a
    pattern.
    """

    def change(*keys: str, form: str = "html") -> None:
        def wrong(content):
            compiled = compile_edition(content)
            pieces = dict(getattr(compiled, form))
            pieces |= {
                key: (*pieces[key], "spoiled")
                for key in pieces
                if any(fnmatch(key, pattern) for pattern in keys)
            }
            return replace(compiled, **{form: pieces})

        monkeypatch.setattr(proof, "compile_edition", wrong)

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
    assert form in compiled.dropped[0][1]
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


def test_a_paper_that_is_wrong_only_in_a_preview_is_dropped(monkeypatch):
    """The preview names papers after the first, which no digest of one card shows."""

    def wrong(content):
        compiled = compile_edition(content)
        titles = {
            paper_id: f"{title}{'!' if paper_id == 3 else ''}"
            for paper_id, title in compiled.facts.titles.items()
        }
        return replace(compiled, facts=replace(compiled.facts, titles=titles))

    monkeypatch.setattr(proof, "compile_edition", wrong)
    compiled = proved_edition(edition(count=4))
    assert [paper_id for paper_id, _why in compiled.dropped] == [3]
    assert compiled.dropped[0][1] == "only beside other papers: html"


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
    compiled = proved_edition(edition(count=60))
    assert compiled.dropped == ((4, "KeyError: 'four'"),)


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
def test_papers_with_which_nothing_compiles_are_dropped_with_the_reason(monkeypatch, error, bad):
    def fails_with_the_bad(content):
        if any(card.id in bad for card in content.papers):
            raise error("the end is gone")
        return compile_edition(content)

    monkeypatch.setattr(proof, "compile_edition", fails_with_the_bad)
    compiled = proved_edition(edition())
    assert dict(compiled.dropped) == dict.fromkeys(bad, f"{error.__name__}: the end is gone")
    assert set(render(compiled, digest(*range(1, 9))).papers) == {*range(1, 9)} - bad


def test_papers_that_compile_alone_but_not_together_cost_one_of_them(monkeypatch):
    def fails_with_both(content):
        if {3, 6} <= {card.id for card in content.papers}:
            raise CutShort("too much")
        return compile_edition(content)

    monkeypatch.setattr(proof, "compile_edition", fails_with_both)
    assert proved_edition(edition()).dropped == (
        (6, "only beside other papers: CutShort: too much"),
    )


def test_one_paper_of_many_that_does_not_compile_is_found_in_few_tries(monkeypatch):
    tries = []

    def fails_with_one(content):
        tries.append(content)
        if any(card.id == 77 for card in content.papers):
            raise CutShort("the end is gone")
        return compile_edition(content)

    monkeypatch.setattr(proof, "compile_edition", fails_with_one)
    compiled, left = proof.compile_without_faulty(edition(count=128))
    assert [paper_id for paper_id, _why in compiled.dropped] == [77]
    assert len(left.papers) == 127
    assert len(tries) < 20


def test_a_note_with_which_nothing_compiles_stops_the_edition(monkeypatch):
    def fails_with_the_note(content):
        if content.editor_note:
            raise CutShort("the note is gone")
        return compile_edition(content)

    monkeypatch.setattr(proof, "compile_edition", fails_with_the_note)
    with pytest.raises(CutShort, match="the note is gone"):
        proved_edition(edition(editor_note="A note."))


def test_a_layout_that_never_compiles_is_refused(monkeypatch):
    def never(_content):
        raise CutShort("the end is gone")

    monkeypatch.setattr(proof, "compile_edition", never)
    with pytest.raises(CutShort, match="the end is gone"):
        proved_edition(edition())


def test_dropped_papers_of_both_kinds_are_told_once_each(spoil):
    spoil("lead:5")
    compiled = proved_edition(
        edition(*(paper(number) for number in range(1, 9)), paper(9, published="yesterday"))
    )
    assert sorted(paper_id for paper_id, _why in compiled.dropped) == [5, 9]
