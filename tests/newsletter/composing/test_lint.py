"""The lint finds each fault in an otherwise faultless mail, and finds nothing in the faultless
one.
"""

import json
import re
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from newsletter.composing.compiled import compile_edition
from newsletter.composing.digest import render
from newsletter.composing.lint.linter import lint
from newsletter.composing.lint.rules import RULES
from newsletter.composing.message import to_email_message
from tests.newsletter.composing.digests import digest, edition

LEAVE = "https://paperboy.example.org/u/AQEAbcdefghijkl/"
DOCUMENT = f"""<!doctype html>
<html lang="en" dir="ltr"><head><meta charset="utf-8"><title>Papers</title></head><body style="margin:0">
<div style="display:none;max-height:0;overflow:hidden;mso-hide:all">Also: Another method of sorting letters, and two more.</div>
<table role="presentation" lang="en" dir="ltr" width="640"><tr><td style="padding:9px;color:#222222;background-color:#ffffff">
<h1>Paperboy</h1>
<h2 style="font-size:20px;line-height:28px"><a href="https://arxiv.org/abs/2601.1" style="color:#222222">Sorting</a></h2>
<p style="font:16px/24px Georgia">Some words about sorting.</p>
<p style="font-size:14px"><a href="{LEAVE}" style="color:#222222">Unsubscribe</a></p>
</td></tr></table></body></html>
"""
TEXT = f"""Paperboy

Sorting
Some words about sorting.
https://arxiv.org/abs/2601.1

Unsubscribe: {LEAVE}
"""
HEADERS = f"""From: Paperboy <daily@paperboy.example.org>
To: ada@example.org
Subject: Sorting
Date: Fri, 09 Jan 2026 05:00:00 +0000
Message-ID: <7.0123@paperboy.example.org>
Reply-To: desk@paperboy.example.org
List-Unsubscribe: <{LEAVE}>
List-Unsubscribe-Post: List-Unsubscribe=One-Click
List-Id: Paperboy daily <daily.paperboy.example.org>
Feedback-ID: 2026-01-09:daily:digest:paperboy
Auto-Submitted: auto-generated
Precedence: bulk
X-Auto-Response-Suppress: OOF, AutoReply
MIME-Version: 1.0
Content-Type: multipart/alternative; boundary="between"
"""


def mail(
    headers: str = HEADERS, text: str = TEXT, html: str = DOCUMENT, types=("plain", "html")
) -> bytes:
    bodies = {"plain": text, "html": html}
    parts = "".join(
        f'--between\nContent-Type: text/{kind}; charset="utf-8"\nContent-Transfer-Encoding: '
        f"8bit\n\n{bodies[kind]}\n"
        for kind in types
    )
    return f"{headers}\n{parts}--between--\n".encode("utf-8", "surrogateescape")


def rules_of(content: bytes, **options) -> set[str]:
    return {finding.rule for finding in lint(content, **options).findings}


def test_a_faultless_mail_has_no_findings():
    assert lint(mail()).findings == ()


def test_our_own_digest_has_no_findings():
    reader_digest = digest(first=True, note="A thin day.")
    content = to_email_message(
        render(compile_edition(edition(editor_note="Read slowly.")), reader_digest),
        reader_digest.address,
    )
    report = lint(
        content.message().as_bytes(), postal_address="Paperboy, 1 Test Street, 12345 Testville"
    )
    assert report.findings == ()


BAD_HEADERS = {
    "unsubscribe-header-missing": (rf"List-Unsubscribe: <{LEAVE}>\n", ""),
    "unsubscribe-header-form": (f"<{LEAVE}>\nList", f"{LEAVE}\nList"),
    "unsubscribe-header-long": (f"<{LEAVE}>\nList", f"<{LEAVE}{'x' * 60}>\nList"),
    "unsubscribe-post-form": ("List-Unsubscribe=One-Click", "One-Click"),
    "encoded-word-in-header": (
        f"<{LEAVE}>\nList",
        "=?utf-8?q?=3Chttps=3A//paperboy.example.org/=3E?=\nList",
    ),
    "header-twice": ("Subject: Sorting", "Subject: Sorting\nSubject: Sorting again"),
    "header-missing": ("Date: .*\n", ""),
    "header-control-character": ("Subject: Sorting", "Subject: Sorting\x0bBcc"),
    "header-not-ascii": ("Subject: Sorting", "Subject: Sörting"),
    "line-too-long": ("Precedence: bulk", "Precedence: bulk\nX-Long: " + "x" * 1000),
    "many-recipients": ("To: ada@example.org", "To: ada@example.org, grace@example.org"),
    "message-id-local": ("0123@paperboy.example.org", "0123@localhost"),
    "receipt-requested": (
        "Precedence: bulk",
        "Precedence: bulk\nDisposition-Notification-To: desk@example.org",
    ),
    "dkim-leaves-out": (
        "Precedence: bulk",
        "Precedence: bulk\nDKIM-Signature: v=1; a=rsa-sha256; h=from:subject; b=x",
    ),
    "subject-long": ("Subject: Sorting", "Subject: " + "Sorting " * 9),
    "subject-empty": ("Subject: Sorting", "Subject:"),
    "reply-to-missing": ("Reply-To: .*\n", ""),
    "list-id-form": ("List-Id: .*\n", "List-Id: daily\n"),
    "feedback-id-form": ("Feedback-ID: .*\n", "Feedback-ID: paperboy\n"),
    "auto-submitted-missing": ("Auto-Submitted: .*\n", ""),
    "precedence-missing": ("Precedence: bulk\n", ""),
    "auto-response-missing": ("X-Auto-Response-Suppress: .*\n", ""),
}


@pytest.mark.parametrize("rule", BAD_HEADERS)
def test_a_bad_header_is_found(rule):
    found, instead = BAD_HEADERS[rule]
    headers = re.sub(found, instead, HEADERS, count=1)
    assert headers != HEADERS
    assert rule in rules_of(mail(headers))


WORDS = "Some words about sorting."
BAD_DOCUMENTS = {
    "doctype-missing": ("<!doctype html>\n", ""),
    "too-heavy": (WORDS, WORDS + " more words" * 8_000),
    "lang-missing": ('<html lang="en"', "<html"),
    "dir-missing": ('lang="en" dir="ltr" width', 'lang="en" width'),
    "title-missing": ("<title>Papers</title>", ""),
    "table-role-missing": (' role="presentation"', ""),
    "h1-count": ("<h1>", "<h1>Good morning</h1><h1>"),
    "heading-skipped": ("<h2 style=.*</h2>", '<h3 style="font-size:20px"><a href="https://arxiv.org/abs/2601.1">Sorting</a></h3>'),
    "alt-missing": (WORDS, WORDS + '<img src="https://x.example.org/a.png" width="9" height="9">'),
    "image-size-missing": (WORDS, WORDS + '<img src="https://x.example.org/a.png" alt="">'),
    "image-kind": (WORDS, WORDS + '<img src="https://x.example.org/a.webp" alt="" width="9" height="9">'),
    "open-pixel": (WORDS, WORDS + '<img src="https://x.example.org/a.gif" alt="" width="1" height="1">'),
    "active-element": (WORDS, WORDS + "<script>go()</script>"),
    "semantic-element": (WORDS, "<section>" + WORDS + "</section>"),
    "base-element": ("<title>", '<base href="https://paperboy.example.org/"><title>'),
    "hidden-attribute": ("<p style", "<p hidden style"),
    "fragment-link": (WORDS, WORDS + '<a href="#top">Back to the top</a>'),
    "http-link": ("https://arxiv.org", "http://arxiv.org"),
    "ip-link": ("https://arxiv.org", "https://10.1.2.3"),
    "shortened-link": ("https://arxiv.org/abs/2601.1", "https://bit.ly/abc"),
    "empty-link": ("https://arxiv.org/abs/2601.1", ""),
    "address-in-link": ("https://arxiv.org/abs/2601.1", "https://arxiv.org/?reader=ada%40example.org"),
    "link-text-missing": (">Sorting</a>", "></a>"),
    "link-text-meaningless": (">Sorting</a>", ">Click here</a>"),
    "link-text-bare": (">Sorting</a>", ">https://arxiv.org/abs/2601.1</a>"),
    "link-not-underlined": ('style="color:#222222">Sorting', 'style="color:#222222;text-decoration:none">Sorting'),
    "conditional-comment-open": (WORDS, WORDS + "<!--[if mso]><p>x</p>-->"),
    "template-tag-left": (WORDS, "Dear {{ reader }}"),
    "unsubscribe-link-missing": (">Unsubscribe<", ">Farewell<"),
    "unsubscribe-link-late": (WORDS, WORDS + "<!--" + "x" * 61_000 + "-->"),
    "bidi-override": (WORDS, WORDS + "\u202egnitros"),
    "bad-character": (WORDS, WORDS + "\x07"),
    "preheader-missing": ("<div style=.*</div>\n", ""),
    "preheader-length": ("Also: Another method of sorting letters, and two more.", "Also: more."),
    "link-text-twice": (WORDS, WORDS + '<a href="https://arxiv.org/abs/2601.2">Sorting</a>'),
    "label-without-text": (WORDS, WORDS + '<span aria-label="Sorting"></span>'),
    "target-attribute": ("<a href", '<a target="_blank" href'),
    "raw-tex": (WORDS, r"Sorting in $O(\\frac{n}{2})$ steps"),
    "direction-not-isolated": (WORDS, WORDS + " שלום"),
    "long-word": (WORDS, "s" * 60),
    "external-style": ("<title>", ('<link rel="stylesheet" '
                                  'href="https://x.example.org/a.css"><title>')),
    "colour-syntax": ("color:#222222;b", "color:rgb(34 34 34);b"),
    "css-function": ("padding:9px", "padding:calc(4px + 5px)"),
    "css-unit": ("padding:9px", "padding:1rem"),
    "flex-or-grid": ("padding:9px", "display:flex"),
    "positioning": ("padding:9px", "position:absolute"),
    "margin-unsafe": ("padding:9px", "margin:-9px"),
    "padding-unsafe": ("<p style=\"font:", '<p style="padding:9px;font:'),
    "size-unsafe": ("<p style=\"font:", '<p style="width:90px;font:'),
    "motion-or-mask": ("padding:9px", "transform:rotate(9deg)"),
    "visibility": ("padding:9px", "visibility:hidden"),
    "logical-property": ("padding:9px", "padding-inline:9px"),
    "text-small": ("font:16px/24px", "font:12px/24px"),
    "contrast-low": ("color:#222222;b", "color:#999999;b"),
    "contrast-low-inverted": ("color:#222222;background-color:#ffffff", "color:#000000;background-color:#757575"),
    "contrast-low-dark": ("<title>", ("<style>@media "
                                     "(prefers-color-scheme:dark){td{background-color:#111111 "
                                     "!important}}</style><title>")),
    "style-block-place": (WORDS, WORDS + "<style>p{color:#222222}</style>"),
    "selector-fragile": ("<title>", "<style>a:hover{color:#000000}</style><title>"),
    "media-query-fragile": ("<title>", ("<style>@media "
                                       "(max-height:400px){td{color:#000000}}</style><title>")),
    "size-limit-unsafe": ("padding:9px", "padding:9px;min-width:90px"),
    "decoration-fragile": ("padding:9px", "padding:9px;border-radius:9px"),
    "background-image": ("padding:9px", "padding:9px;background-image:url(https://x.example.org/a.png)"),
    "hidden-by-display": (WORDS, WORDS + '<span style="display:none">sale sale sale</span>'),
    "wrapping-fragile": ("padding:9px", "padding:9px;word-break:break-all"),
    "box-fragile": ("padding:9px", "padding:9px;box-sizing:border-box"),
    "important-unsafe": ("padding:9px", "padding:9px!important"),
    "line-height-low": (WORDS, f'<span style="line-height:17px">{WORDS * 6}</span>'),
    "not-left-aligned": (WORDS, f'<span style="text-align:center">{WORDS * 6}</span>'),
}  # fmt: skip


@pytest.mark.parametrize("rule", BAD_DOCUMENTS)
def test_a_bad_document_is_found(rule):
    found, instead = BAD_DOCUMENTS[rule]
    html = re.sub(found, instead, DOCUMENT, count=1)
    assert html != DOCUMENT
    assert rule in rules_of(mail(html=html))


BAD_TEXTS = {
    "text-missing": ("(?s).*", ""),
    "link-not-in-text": ("https://arxiv.org/abs/2601.1\n", ""),
    "link-not-in-html": (WORDS, WORDS + " https://arxiv.org/abs/2601.9"),
    "heading-not-in-text": ("Sorting\n", "Something else\n"),
    "text-line-wide": (WORDS, WORDS * 4),
    "unsubscribe-link-missing": ("Unsubscribe:", "See:"),
}


@pytest.mark.parametrize("rule", BAD_TEXTS)
def test_a_bad_text_part_is_found(rule):
    found, instead = BAD_TEXTS[rule]
    assert rule in rules_of(mail(text=re.sub(found, instead, TEXT, count=1)))


def test_papers_in_another_order_are_found():
    html = DOCUMENT.replace("</h2>", '</h2><h3 style="font-size:20px">Counting</h3>')
    assert "papers-in-other-order" in rules_of(
        mail(html=html, text=TEXT.replace("Sorting\n", "Counting\nSorting\n"))
    )


@pytest.mark.parametrize("types", [("html", "plain"), ("plain",), ("html",)])
def test_parts_in_the_wrong_order_or_missing_are_found(types):
    assert "parts-order" in rules_of(mail(types=types))


def test_a_mail_without_html_is_found():
    assert "html-missing" in rules_of(mail(types=("plain",)))


def test_another_charset_is_found():
    assert "charset" in rules_of(mail().replace(b'charset="utf-8"', b'charset="latin-1"'))


def test_an_attachment_is_found():
    attached = (
        b"--between\nContent-Type: application/pdf\nContent-Disposition: attachment; "
        b'filename="a.pdf"\n\nx\n--between--'
    )
    assert "attachment" in rules_of(mail().replace(b"--between--", attached))


def test_a_broken_structure_is_found():
    assert "broken-mime" in rules_of(mail().replace(b"--between--", b""))


def test_a_missing_postal_address_is_found():
    assert "postal-address-missing" in rules_of(mail(), postal_address="1 Test Street")


def test_every_rule_is_found_somewhere_here():
    singly = {
        "not-a-mail",
        "too-large",
        "papers-in-other-order",
        "parts-order",
        "html-missing",
        "charset",
        "attachment",
        "broken-mime",
        "postal-address-missing",
    }
    assert set(RULES) == {*BAD_HEADERS, *BAD_DOCUMENTS, *BAD_TEXTS, *singly}


def test_every_rule_says_what_to_do():
    assert all(rule.remedy.endswith(".") for rule in RULES.values())


def test_a_letter_needs_no_list_headers_and_no_way_out():
    headers = re.sub(r"(List-|Feedback|Precedence|Auto|X-Auto|Reply).*\n", "", HEADERS)
    html, text = DOCUMENT.replace("Unsubscribe", "Confirm"), TEXT.replace("Unsubscribe", "Confirm")
    assert lint(mail(headers, text, html), digest=False).findings == ()


def test_links_to_this_machine_are_for_development_only():
    headers, text, html = (
        whole.replace("https://arxiv.org", "http://127.0.0.1:8000")
        for whole in (HEADERS, TEXT, DOCUMENT)
    )
    assert {"http-link", "ip-link"} <= rules_of(mail(headers, text, html))
    assert rules_of(mail(headers, text, html), development=True) == set()


def test_anything_at_all_can_be_linted():
    for content in (
        b"",
        b"\xff\xfe",
        b"Subject: x",
        b"<html>",
        b"<!doctype html>",
        b"From: a\nContent-Type: text/html; charset=nonsense\n\n<p>",
        b"From: a\nSubject: =?utf-8?b?a?=\n\nwords",
    ):
        assert lint(content).errors


@pytest.mark.parametrize(
    "content",
    [b"", b" \n", b"hello\n", bytes(range(256)) * 40],
    ids=["nothing", "blanks", "words", "bytes"],
)
def test_what_is_no_mail_gets_one_clear_error(content):
    assert [finding.rule for finding in lint(content).findings] == ["not-a-mail"]


def test_a_huge_file_is_refused_rather_than_looked_into():
    assert [finding.rule for finding in lint(b"<html>" + b"<p>word" * 300_000).findings] == [
        "too-large"
    ]


@pytest.mark.parametrize(
    "begin",
    [b"\xef\xbb\xbf<!doctype html>", b"<p>", b'<?xml version="1.0"?><html>', b"<style>p{}</style>"],
)
def test_html_without_its_beginning_is_judged_as_html_not_as_a_mail(begin):
    report = lint(begin + b"<p>Words</p>")
    assert report.html_bytes
    assert not {"header-missing", "not-a-mail"} & {finding.rule for finding in report.findings}


def test_the_command_tells_place_and_remedy_and_fails_on_an_error(tmp_path):
    bad = tmp_path / "bad.eml"
    bad.write_bytes(
        mail(
            html=DOCUMENT.replace("https://arxiv", "http://arxiv"),
            text=TEXT.replace("https://arxiv", "http://arxiv"),
        )
    )
    out = StringIO()
    with pytest.raises(SystemExit) as stopped:
        call_command("lint_digest", str(bad), stdout=out)
    assert stopped.value.code == 1
    assert "http-link · HTML line" in out.getvalue()
    assert "Use https." in out.getvalue()


def test_the_command_prints_json_for_machines(tmp_path):
    good = tmp_path / "good.html"
    good.write_text(DOCUMENT)
    out = StringIO()
    call_command("lint_digest", str(good), "--json", stdout=out)
    assert json.loads(out.getvalue())["files"][0] == {
        "file": str(good), "errors": 0, "warnings": 0, "html_bytes": len(DOCUMENT), "findings": [],
    }  # fmt: skip


def test_the_command_says_which_file_is_not_there(tmp_path):
    with pytest.raises(CommandError, match=r"nowhere\.eml cannot be read"):
        call_command("lint_digest", str(tmp_path / "nowhere.eml"))
