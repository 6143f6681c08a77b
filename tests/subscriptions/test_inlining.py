"""Inlining changes how a mail is styled and nothing of what it says."""

import pytest

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
