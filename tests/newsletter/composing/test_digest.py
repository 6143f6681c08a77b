"""The compiled way says exactly what the plain way says, for any reader and any text."""

from dataclasses import replace

import html5lib
import pytest
import wcwidth
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from lxml import html as lxml_html

from newsletter.composing.comparison import differences
from newsletter.composing.compiled import CompiledParts, UnreadableEdition, compile_edition
from newsletter.composing.content import DigestLinks, DigestPick, Section
from newsletter.composing.digest import render
from newsletter.composing.plain import render_plainly
from newsletter.composing.showing import UnknownPaper
from newsletter.composing.templating import template_hash
from newsletter.composing.weight import HTML_BUDGET
from tests.newsletter.composing.digests import LINKS, digest, edition, paper, picks

HOSTILE = [
    '<script>alert("x")</script>',
    "</td></tr></table><h1>",
    "{{ leave }}{% if %}{# #}",
    "a\x00b\x0bBcc: x\r\nd",
    "lone \ud800 surrogate",
    "שלום עולם and مرحبا",
    "\u202eevil\u202c",
    "👩‍🔬" * 20,
    "&amp; &lt; \" ' `",
    "x" * 400,
    "<!--" + "m" * 10 + "-->",
    r"$\frac{a}{b}$ \emph{x} 50% & {\em y}",
    "{" * 300,
    "<div>" * 300,
]

ORDER: tuple[Section, ...] = ("lead", "pinned", "pinned", "topics", "also")


def both_ways(content, reader_digest):
    return render(
        CompiledParts.from_bytes(compile_edition(content).to_bytes()), reader_digest
    ), render_plainly(content, reader_digest)


def assert_same(content, reader_digest):
    fast, plain = both_ways(content, reader_digest)
    assert not differences(fast, plain)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"first": True},
        {"note": "Only one paper fits today; we send no fillers."},
        {"picks": ()},
        {"picks": picks(4)},
        {"picks": picks(8, 7, 6, 5, 4, 3, 2, 1)},
        {"picks": (DigestPick(2), DigestPick(1, section="also"))},
        {
            "picks": tuple(
                DigestPick(n, ("41 votes",), s, "Sorting") for n, s in enumerate(ORDER, 1)
            )
        },
        {"links": LINKS._replace(act="")},
    ],
    ids=[
        "ordinary",
        "first",
        "thin day",
        "empty",
        "one paper",
        "every paper",
        "no reasons",
        "pinned",
        "no actions",
    ],
)
def test_both_ways_give_the_same_digest(changes):
    assert_same(edition(), digest(**changes))


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_changes_no_structure_and_loses_no_footer(text):
    content = edition(
        paper(1, title=text, abstract=text * 3, authors=(text,), editor_note=text),
        paper(2),
        editor_note=text,
        health_line=text,
    )
    pick = DigestPick(1, (text, text), "lead"), DigestPick(2, (text,), "topics", topic=text)
    reader_digest = digest(picks=pick, note=text, address="ada@example.org")
    assert_same(content, reader_digest)
    mail = render(compile_edition(content), reader_digest)
    page = lxml_html.fromstring(mail.html)
    assert len(page.findall(".//h1")) == 1
    assert not page.findall(".//script")
    assert page.text_content().count("1 Test Street") == 1
    assert LINKS.leave in mail.html
    assert LINKS.leave in mail.text
    assert len(html5lib.parse(mail.html).findall(".//{http://www.w3.org/1999/xhtml}h3")) == 1


@given(
    title=st.text(max_size=80),
    abstract=st.text(max_size=400),
    reason=st.text(max_size=60),
    topic=st.text(max_size=40),
    note=st.text(max_size=60),
)
@hypothesis_settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_both_ways_give_the_same_digest_for_any_text(title, abstract, reason, topic, note):
    content = edition(paper(1, title=title, abstract=abstract), paper(2), editor_note=note)
    chosen = (
        DigestPick(1, (reason,), "lead"),
        DigestPick(2, (reason, reason), "topics", topic=topic),
    )
    assert_same(content, digest(picks=chosen, note=note, first=True))


def test_a_paper_that_breaks_is_dropped_with_a_reason_and_the_others_go_out():
    content = edition(paper(1), paper(2, published="yesterday"), paper(3))
    compiled = compile_edition(content)
    assert [paper_id for paper_id, _why in compiled.dropped] == [2]
    assert compiled.dropped[0][1]
    mail = render(compiled, digest(1, 2, 3))
    assert mail.papers == (1, 3)
    assert_same(content, digest(1, 2, 3))


def test_a_paper_that_the_edition_does_not_hold_is_an_error():
    with pytest.raises(UnknownPaper, match="99"):
        render(compile_edition(edition()), digest(1, 99))


@pytest.mark.slow
def test_a_heavy_digest_is_cut_by_papers_and_never_by_its_footer():
    papers = [
        paper(
            number,
            title=f"{number} " + "長い題名" * 60,
            abstract="文。" * 900,
            authors=("名" * 80,) * 9,
        )
        for number in range(1, 81)
    ]
    content = edition(*papers)
    reader_digest = digest(*range(1, 81))
    mail = render(compile_edition(content), reader_digest)
    assert len(mail.html.encode()) <= HTML_BUDGET
    assert 10 < len(mail.papers) < 80
    assert mail.papers == tuple(range(1, len(mail.papers) + 1))
    assert f"{80 - len(mail.papers)} more papers" in mail.html
    assert f"{80 - len(mail.papers)} more papers" in mail.text
    assert "1 Test Street" in mail.html
    assert LINKS.leave in mail.html.rpartition("more papers")[2]
    assert_same(content, reader_digest)


def test_pinned_papers_after_the_lead_stand_under_a_heading_of_their_own():
    content = edition(*(paper(number, pinned=number < 4) for number in range(1, 6)))
    chosen = tuple(DigestPick(n, ("41 votes",), s, "Sorting") for n, s in enumerate(ORDER, 1))
    mail = render(compile_edition(content), digest(picks=chosen))
    for text in (mail.text, mail.html):
        places = [
            text.index(words)
            for words in ("Method1:", "Picked by the editors", "Method2:", "Method3:", "Method4:")
        ]
        assert places[1:] == sorted(places[1:])
        assert text.count("Picked by the editors") == 1


def test_text_and_html_have_the_same_papers_and_links_in_the_same_order():
    mail = render(compile_edition(edition()), digest(3, 1, 2, 5, 4))
    hrefs = [link.get("href") for link in lxml_html.fromstring(mail.html).iter("a")]
    titles = [f"Method{number}" for number in (3, 1, 2, 5, 4)]
    for document in (
        mail.text,
        lxml_html.fromstring(mail.html.rpartition("</h1>")[2]).text_content(),
    ):
        positions = [document.index(f"{title}: Learning") for title in titles]
        assert positions == sorted(positions)
    in_text = [word for word in mail.text.split() if word.startswith("https://")]
    assert list(dict.fromkeys(hrefs)) == list(dict.fromkeys(in_text))


def test_a_paper_that_nobody_gave_an_address_of_can_be_looked_for():
    lost = [
        paper(1, title="Is None Enough?: a $\\sqrt{2}$ Study", url=""),
        paper(2, title="None", url=""),
        paper(3, url=""),
    ]
    mail = render(compile_edition(edition(*lost)), digest(1, 2, 3))
    address = "https://arxiv.org/search/?searchtype=title&query=Is+None+Enough+a+2+Study"
    links = {link.get("href"): link.text for link in lxml_html.fromstring(mail.html).iter("a")}
    assert links[address] == "Look for Is None Enough? at arXiv"
    assert address in mail.text.split()
    assert mail.text.count("https://arxiv.org/search/") == 2


def test_dates_of_a_mail_are_in_one_style_whatever_its_language():
    mail = render(compile_edition(edition(paper(1), language="de")), digest(1))
    assert "7. Jan. 2026" in mail.text.replace("\u00a0", " ")
    assert "9. Januar 2026" in mail.text


def test_text_part_keeps_to_78_columns():
    long_words = "word " * 60 + "漢字" * 90
    content = edition(
        paper(1, title=long_words, abstract=long_words), paper(2), editor_note=long_words
    )
    mail = render(compile_edition(content), digest(1, 2, note=long_words))
    for line in mail.text.splitlines():
        assert wcwidth.wcswidth(line) <= 78 or "https://" in line


def test_comparison_sees_one_changed_letter_link_or_comment():
    mail = render(compile_edition(edition()), digest())
    for old, new in [("Method1", "Method2"), ("/u/", "/U/"), ("</h1>", "<!-- x --></h1>")]:
        assert differences(mail, replace(mail, html=mail.html.replace(old, new, 1))) == ["html"]
    assert differences(mail, replace(mail, text="", subject="")) == ["subject", "text"]


def test_stored_bytes_that_are_no_compiled_edition_are_told_apart():
    stored = compile_edition(edition()).to_bytes()
    with pytest.raises(UnreadableEdition):
        CompiledParts.from_bytes(stored[:-9])
    with pytest.raises(UnreadableEdition):
        CompiledParts.from_bytes(b"nothing of ours")


def test_a_compiled_edition_names_the_templates_it_was_made_with():
    assert compile_edition(edition()).template_hash == template_hash()
    assert len(template_hash()) == 64


def test_compiling_is_deterministic():
    assert compile_edition(edition()).to_bytes() == compile_edition(edition()).to_bytes()


def test_links_are_escaped_where_they_stand():
    links = DigestLinks(
        *(
            f'https://paperboy.example.org/?a=1&b="{name}"/'
            for name in ("leave", "preferences", "view", "act")
        )
    )
    mail = render_plainly(edition(), digest(links=links._replace(leave=LINKS.leave)))
    fast = render(compile_edition(edition()), digest(links=links._replace(leave=LINKS.leave)))
    hrefs = [
        [link.get("href") for link in lxml_html.fromstring(made.html).iter("a")]
        for made in (mail, fast)
    ]
    assert links.view in hrefs[1]
    assert [href.replace("%22", '"') for href in hrefs[0]] == hrefs[1]
