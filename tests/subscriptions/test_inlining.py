"""Inlining changes how a mail is styled and nothing of what it says."""

from html import escape

import pytest
from lxml import etree

from subscriptions.inlining import CutShort, inline_css

PAGE = """<!doctype html>
<html lang="en"><head><title>Paperboy</title><style>
p { color: #102233 }
@media (prefers-color-scheme: dark) { p { color: #ddeefe !important } }
</style></head><body>%s<p>Leave: <a href="https://example.org/u/x/">unsubscribe</a></p></body></html>"""


def test_rules_become_attributes_and_media_queries_stay_important():
    html = inline_css(PAGE % "")
    assert '<p style="color:#102233">' in html
    assert "#ddeefe !important" in html


def test_the_doctype_is_in_front_once():
    html = inline_css(PAGE % "")
    assert html.lower().startswith("<!doctype html>\n<html")
    assert html.lower().count("<!doctype") == 1


def test_text_entities_and_links_stay():
    html = inline_css(PAGE % "<p>Fish &amp; chips &lt;b&gt; — “ő”</p>")
    assert "Fish &amp; chips &lt;b&gt;" in html
    assert 'href="https://example.org/u/x/"' in html


@pytest.mark.parametrize(
    "poison",
    ["<p>\ud800</p>", "<div>" * 300 + "deep" + "</div>" * 300],
    ids=["lone surrogate", "deep nesting"],
)
def test_a_document_that_would_lose_its_end_is_refused(poison):
    with pytest.raises(CutShort):
        inline_css(PAGE % poison)


def test_an_external_stylesheet_is_not_fetched():
    html = inline_css(
        PAGE.replace("<style>", '<link rel="stylesheet" href="https://example.org/a.css"><style>')
        % ""
    )
    assert '<p style="color:#102233">' in html


@pytest.mark.parametrize(
    "words",
    [
        'When prompts carry style="bold: a study; and more',
        'We set class="x" in each cell; it helps',
        'We set style="a; b, c" and style="d; e"; it helps',
        "</style><style>p { color: red; }</style>",
        "<td class='x' style='a; b'>",
    ],
)
def test_words_that_read_like_markup_keep_every_letter_and_blank(words):
    after = "Two words; and more, as they were. "
    html = inline_css(
        PAGE % f'<p class="x" title="{escape(words)}">{escape(words)}</p><p>{after}</p>'
    )
    first, second, _leave = etree.fromstring(html, etree.HTMLParser()).iter("p")
    assert (first.text, first.get("title"), second.text) == (words, words, after)


def test_style_attributes_lose_their_blanks_and_classes_that_no_rule_names_go():
    named = PAGE.replace("dark) { p", "dark) { .kept")
    html = inline_css(
        named % '<p class="x kept">one</p><p class="x" style="margin: 0; font: 9px a, b">two</p>'
    )
    assert '<p class="x kept" style="color:#102233">one</p>' in html
    assert '<p style="color:#102233;margin:0;font:9px a,b">two</p>' in html
