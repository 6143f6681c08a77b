"""What was compiled is read against the plain way, and what differs does not go out. Everything
here is broken on purpose.
"""

from dataclasses import replace
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
    """Let the compiler write something else into pieces of the HTML or the text."""

    def change(*keys: str, form: str = "html") -> None:
        def wrong(content):
            compiled = compile_edition(content)
            pieces = dict(getattr(compiled, form))
            pieces |= {key: (*pieces[key], "spoiled") for key in keys if key in pieces}
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


def test_cards_that_are_all_wrong_are_the_layouts_fault(spoil):
    spoil(*(f"card:{number}" for number in range(1, 9)))
    with pytest.raises(LayoutDiffers, match="8 of 8 cards"):
        proved_edition(edition())


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


@pytest.mark.parametrize("error", [CutShort, BrokenLayout])
def test_a_paper_with_which_nothing_compiles_is_dropped_with_the_reason(monkeypatch, error):
    def fails_with_the_second(content):
        if any(card.id == 2 for card in content.papers):
            raise error("the end is gone")
        return compile_edition(content)

    monkeypatch.setattr(proof, "compile_edition", fails_with_the_second)
    compiled = proved_edition(edition())
    assert compiled.dropped == ((2, f"{error.__name__}: the end is gone"),)
    assert render(compiled, digest(1, 2, 3)).papers == (1, 3)


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
