"""A fault of the layout is found before an edition is approved, and a faulty paper is named so that
the others can go out.
"""

from pathlib import Path
from typing import NamedTuple

import pytest

from newsletter.composing import cards, prepared
from newsletter.composing.compiled import compile_edition
from newsletter.composing.gate import SECTIONS, layout_faults
from newsletter.composing.lint.rules import Finding, describe
from newsletter.composing.prepared import Wanted, prepare_cards
from newsletter.composing.sample import sample_papers
from newsletter.composing.typesetting import clean_line
from tests.newsletter.composing.digests import edition, paper


class Verdict(NamedTuple):
    """What is wrong with the layout, with papers, and with their links."""

    layout: tuple[Finding, ...] = ()
    papers: tuple[tuple[int, str], ...] = ()
    links: tuple[tuple[int, str], ...] = ()


NOTHING = Verdict()


def verdict(*papers, development: bool = False, **changes) -> Verdict:
    content = edition(*papers, **changes)
    layout = layout_faults(content, compile_edition(content), development=development)
    wanted = [Wanted.of(one, has_counts=True) for one in content.papers]
    found = [
        (one.id, card)
        for one, card in zip(content.papers, prepare_cards(wanted, content.language), strict=True)
    ]
    return Verdict(
        layout,
        tuple((paper_id, card.fault) for paper_id, card in found if card.fault),
        tuple((paper_id, card.link_fault) for paper_id, card in found if card.link_fault),
    )


def rules(found: Verdict) -> set[str]:
    return {finding.rule for finding in found.layout}


@pytest.fixture
def unclean(monkeypatch):
    """Let cards pass on U+FFFD, as if the cleaning had a hole."""
    monkeypatch.setattr(
        cards,
        "clean_line",
        lambda text, limit=500: "\ufffd".join(
            clean_line(piece, limit) for piece in text.split("\ufffd")
        ),
    )


@pytest.fixture
def change_template(settings, tmp_path):
    """Let one part of the digest have other words."""

    def change(name: str, old: str, new: str) -> None:
        path = Path("emails", "digest", "parts", name)
        template = (settings.BASE_DIR / "templates" / path).read_text(encoding="utf-8")
        assert old in template
        (tmp_path / path.parent).mkdir(parents=True)
        (tmp_path / path).write_text(template.replace(old, new), encoding="utf-8")
        settings.TEMPLATES = [
            {**settings.TEMPLATES[0], "DIRS": [tmp_path, *settings.TEMPLATES[0]["DIRS"]]}
        ]

    return change


def test_an_ordinary_edition_has_no_faults():
    assert verdict(count=60, editor_note="Read slowly.", health_line="Without one.") == NOTHING


def test_an_edition_without_papers_has_no_faults():
    assert verdict(papers=()) == NOTHING


def test_each_paper_is_linted_once_in_each_form(monkeypatch):
    linted = []
    original = prepared.lint_card
    monkeypatch.setattr(prepared, "lint_card", lambda *card: linted.append(card) or original(*card))
    verdict(count=7)
    assert len(linted) == len(SECTIONS) * (7 + len(sample_papers()))
    for number in range(1, 8):
        assert len({card for card in linted if f"Method{number}:" in card[0]}) == len(SECTIONS)


@pytest.mark.parametrize("address", ["http://127.0.0.1:8000", "http://paperboy.example.org"])
@pytest.mark.parametrize("count", [0, 8])
def test_links_without_encryption_are_faults_unless_in_development_on_this_machine(
    settings, address, count
):
    settings.SITE_URL = address
    found = verdict(papers=tuple(map(paper, range(1, count + 1))))
    assert "http-link" in rules(found)
    assert found.papers == ()
    allowed = rules(verdict(development=True))
    assert ("http-link" in allowed) == ("example" in address)


@pytest.mark.parametrize("text", ["None", "NaN", "null", "Here", "https://example.org/", "Go"])
def test_a_papers_own_words_are_no_leftovers_of_a_template(text):
    odd = paper(
        3,
        title=text,
        abstract=text,
        authors=(text,),
        author_count=1,
        editor_note=text,
        published=None,
        votes=None,
        comments=None,
        url="https://example.org/None/",
        code_url="https://example.org/{{x}}/nan/",
    )
    found = verdict(paper(1), paper(2), odd, editor_note=text, health_line=text)
    assert found == NOTHING


@pytest.mark.parametrize(
    ("name", "old", "new", "rule"),
    [
        ("editor.html", "From the editor:", "None", "template-tag-left"),
        ("card.html", "<h3>", "<p>None</p><h3>", "template-tag-left"),
        (
            "brief.txt",
            "{% if card.url %}",
            "{% templatetag openvariable %}{% if card.url %}",
            "template-tag-left",
        ),
        ("summary.html", "Code of {{ title }}", "Here", "link-text-meaningless"),
        ("lead.html", "<h2>", "<h2>\ufffd", "bad-character"),
        ("footer.html", "Unsubscribe from these mails", "\u202eUnsubscribe", "bidi-override"),
    ],
)
def test_a_fault_of_a_template_is_the_layouts_whatever_the_papers_are(
    change_template, name, old, new, rule
):
    change_template(name, old, new)
    found = verdict(paper(1, code_url="https://github.com/a/b"), editor_note="Read slowly.")
    assert rule in rules(found)
    assert found.papers == ()


@pytest.mark.parametrize(
    "changes",
    [
        {"title": "na\ufffdve"},
        {"title": "x " * 100 + "\ufffd"},
        {"abstract": "x. " * 110 + "\ufffd."},
        {"authors": ("Ada \ufffd",)},
        {"editor_note": "\ufffd"},
    ],
    ids=["title", "end of the title", "end of the lead's summary", "author", "note"],
)
def test_a_faulty_card_is_told_of_its_paper_alone(unclean, changes):
    found = verdict(
        *(paper(number, **(changes if number == 30 else {})) for number in range(1, 60))
    )
    assert found.layout == found.links == ()
    assert [paper_id for paper_id, _reason in found.papers] == [30]
    assert "bad-character" in found.papers[0][1]


def test_a_fault_that_sample_papers_have_too_is_told_of_no_paper(unclean, change_template):
    change_template("card.html", "<h3>", "<h3>\ufffd")
    found = verdict(paper(1), paper(2, title="na\ufffdve"), paper(3))
    assert "bad-character" in rules(found)
    assert found.papers == ()


def test_a_card_that_the_lint_cannot_read_is_told_of_its_paper_alone(monkeypatch):
    original = prepared.lint_card

    def raising(html, text, subject):
        if "Method3:" in html:
            raise RecursionError("too deep")
        return original(html, text, subject)

    monkeypatch.setattr(prepared, "lint_card", raising)
    assert verdict() == Verdict((), ((3, "RecursionError: too deep"),), ())


def test_a_paper_that_can_have_no_card_is_told_once():
    found = verdict(paper(1), paper(2, code_url=["https://bit.ly/x"]))
    assert found.layout == found.links == ()
    assert [paper_id for paper_id, _reason in found.papers] == [2]


def test_links_that_are_left_out_are_told_with_their_papers():
    found = verdict(paper(1), paper(2, code_url="https://bit.ly/x"), paper(3, url="nowhere"))
    assert found.layout == found.papers == ()
    assert [paper_id for paper_id, _reason in found.links] == [2, 3]
    assert "https://bit.ly/x" in found.links[0][1]


def test_only_the_first_few_findings_are_described(settings):
    settings.SITE_URL = "http://paperboy.example.org"
    found = verdict().layout
    assert len(found) > 5
    assert describe(found).count("HTML line") + describe(found).count("List-") == 5


def test_an_edition_in_another_language_is_judged_by_its_own_words():
    assert verdict(paper(1), language="de") == NOTHING
