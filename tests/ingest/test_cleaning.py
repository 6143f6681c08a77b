"""Whatever comes in can be stored, mailed and shown."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.cleaning import body, one_line, shorten, web_link

ANY_TEXT = st.text(st.characters(exclude_categories=[]))
"""Any string Python can hold, lone surrogates included."""


@given(ANY_TEXT)
def test_a_cleaned_line_can_be_encoded_and_is_one_line_without_controls(text):
    line = one_line(text)
    line.encode()
    assert len(line.splitlines()) <= 1
    assert not [
        character
        for character in line
        if unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"}
    ]
    assert unicodedata.is_normalized("NFC", line)
    assert line == line.strip()


@given(ANY_TEXT)
def test_cleaning_twice_changes_nothing_more(text):
    assert one_line(one_line(text)) == one_line(text)
    assert body(body(text)) == body(text)


@given(ANY_TEXT, st.integers(min_value=1, max_value=30))
def test_a_limit_holds(text, limit):
    assert len(one_line(text, limit)) <= limit
    assert len(body(text, limit)) <= limit


@pytest.mark.parametrize(
    ("given_text", "cleaned"),
    [
        ("Title\x0bBcc: x", "Title Bcc: x"),
        ("a\r\nSubject: b", "a Subject: b"),
        ("nul\x00 and bell\x07", "nul and bell"),
        ("lone \ud800 surrogate", "lone surrogate"),
        ("over\u202eride\u202c and \u2066isolate\u2069", "override and isolate"),
        ("\ufeffbyte order mark", "byte order mark"),
        ("noncharacters \ufdd0\uffff\U0010fffe gone", "noncharacters gone"),
        ("tags\U000e0041\U000e0042 and \ufff9notes\ufffb", "tags and notes"),
        ("\u200d\ufe0f", ""),
        ("\u3164 \u2800", ""),
        ("\u180b \U0001d173\U000e0100", ""),
        ("na\ufffdve \ufffd\ufffd words", "nave words"),
        ("\ufffd", ""),
        ("Poincare\u0301", "Poincar\u00e9"),
        ("non\u00a0breaking\u2003blank", "non breaking blank"),
    ],
)
def test_a_line_loses_what_could_hurt(given_text, cleaned):
    assert one_line(given_text) == cleaned


def test_joiners_that_emoji_and_scripts_need_stay():
    family, persian = (
        "\U0001f469\u200d\U0001f52c",
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
    )
    assert one_line(f"{family} {persian}") == f"{family} {persian}"


def test_a_body_keeps_its_paragraphs():
    assert body("One\x0b two.\r\n\r\n\r\n\r\n  Three.  ") == "One\n two.\n\nThree.".replace(
        "\n two", "\ntwo"
    )


def test_shortening_ends_at_a_word():
    assert shorten("alpha beta gamma delta", 18) == "alpha beta gamma…"
    assert shorten("a" * 30, 10) == "a" * 9 + "…"


@pytest.mark.parametrize("link", ["https://example.org/a?b=c#d", "http://sub.example.org:8080/"])
def test_web_addresses_pass_as_given(link):
    assert web_link(link) == link


@pytest.mark.parametrize(
    "link",
    ["javascript:alert(1)", "ftp://example.org/", "https://", "example.org", "https://a b.org/", 'https://example.org/"x', "https://[::1",
     "https://example.org:99999x/", "https://user:secret@example.org/", "https://:secret@example.org/", "https://example.org/na\ufffdve", "https://localhost/", "https://example.org/" + "a" * 500],
)  # fmt: skip
def test_what_is_no_web_address_becomes_nothing(link):
    assert web_link(link) == ""
