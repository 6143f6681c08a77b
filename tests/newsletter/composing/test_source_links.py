"""A link that a source gave is mailed in a form that every mail program reads, or left out with
the reason.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import html as lxml_html

from newsletter.composing.compiled import compile_edition
from newsletter.composing.digest import render
from newsletter.composing.lint.links import address_findings
from newsletter.composing.source_links import link_faults, source_link
from tests.newsletter.composing.digests import digest, edition, paper


@pytest.mark.parametrize(
    ("given_link", "mailed"),
    [
        ("https://github.com/a/b?c=d&e=f#g", "https://github.com/a/b?c=d&e=f#g"),
        ("http://example.org/code", "https://example.org/code"),
        ("https://example.org/None/nan/", "https://example.org/None/nan/"),
        ("https://example.org/{{x}}", "https://example.org/%7B%7Bx%7D%7D"),
        ("https://example.org/ü”/中", "https://example.org/%C3%BC%E2%80%9D/%E4%B8%AD"),
        ("https://bücher.example:8443/x", "https://xn--bcher-kva.example:8443/x"),
        ("https://example.org/a%20b", "https://example.org/a%20b"),
        ("", ""),
        (" ", ""),
    ],
)
def test_a_usable_link_is_mailed_in_ascii(given_link, mailed):
    assert source_link(given_link) == (mailed, "")


@pytest.mark.parametrize(
    ("given_link", "reason"),
    [
        ("https://bit.ly/abc", "shortened-link"),
        ("https://www.T.CO./abc", "shortened-link"),
        ("https://example.org/?for=ada@example.org", "address-in-link"),
        ("https://example.org/ada%40example.org", "address-in-link"),
        ("https://10.1.2.3/", "ip-link"),
        ("https://127.0.0.1./", "ip-link"),
        ("https://127.1/", "ip-link"),
        ("https://0x7f.0.0.0x1/", "ip-link"),
        ("https://[::ffff:1.2.3.4]/", "ip-link"),
        ("javascript:alert(1)", "no usable web address"),
        ("None", "no usable web address"),
        ("https://[::1", "no usable web address"),
        ("https://example.org/na\ufffdve", "no usable web address"),
        ("https://ada@example.org/", "no usable web address"),
        ("https://xn--.\u0378.org/", "no valid host name"),
        ("x" * 9_000, "no usable web address"),
        ("\0\u200b", "text without a visible character is no usable web address"),
    ],
)
def test_a_faulty_link_is_left_out_with_the_reason(given_link, reason):
    found = source_link(given_link)
    assert found.address == ""
    assert reason in found.fault
    assert len(found.fault) < 200
    assert reason in link_faults(paper(code_url=given_link))


@given(st.one_of(st.text(max_size=60), st.text(max_size=60).map("https://example.org/{}".format)))
def test_no_mailed_link_breaks_a_rule_of_the_lint(given_link):
    address = source_link(given_link).address
    assert not address or not list(address_findings(address, "link"))
    assert address.isascii()


def test_only_the_faulty_link_is_missing_from_the_card():
    content = edition(paper(1, code_url="https://bit.ly/abc", has_code=True), paper(2))
    mail = render(compile_edition(content), digest(1, 2))
    links = [link.get("href") for link in lxml_html.fromstring(mail.html).iter("a")]
    assert "https://arxiv.org/abs/2601.00001" in links
    assert "bit.ly" not in mail.html + mail.text
    assert "with code" in mail.text.replace("\u00a0", " ")


def test_a_paper_whose_own_link_is_faulty_can_be_looked_for():
    content = edition(paper(1, url="https://example.org/ada@example.org"), paper(2))
    mail = render(compile_edition(content), digest(1, 2))
    assert "https://arxiv.org/search/?searchtype=title&query=" in mail.text
    assert link_faults(content.papers[0]).startswith("The link is left out: ")
    assert link_faults(content.papers[1]) == ""
