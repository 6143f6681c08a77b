"""The wire form is the same message as the ordinary one, for any reader and any text."""

import quopri
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import lru_cache

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from newsletter.composing.compiled import CompiledParts, compile_edition
from newsletter.composing.digest import render
from newsletter.composing.message import to_email_message
from newsletter.composing.quoted import LONGEST_LINE, quoted
from newsletter.composing.wire import WireEdition, WireMail, dotted
from tests.newsletter.composing.digests import LINKS, digest, edition, paper, picks
from tests.newsletter.composing.test_digest import HOSTILE

NOON = 1768392000.0
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)


@given(TEXTS)
def test_quoted_text_is_the_text_again(text):
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    assert quopri.decodestring(quoted(text)).decode().replace("\r\n", "\n") == lines


@given(
    st.lists(
        TEXTS | st.sampled_from([".", "..", "a" * 75, "a" * 76, " ", "tail ", "=", "é" * 40]),
        max_size=6,
    )
)
def test_pieces_can_be_joined_in_any_order(texts):
    joined = b"".join(map(quoted, texts))
    assert quopri.decodestring(joined).decode().replace("\r\n", "\n") == "".join(texts).replace(
        "\r\n", "\n"
    ).replace("\r", "\n")
    for line in joined.split(b"\r\n"):
        assert len(line) <= LONGEST_LINE
        assert not line.startswith(b".")
        assert b"\n" not in line


@lru_cache
def usual() -> CompiledParts:
    return compile_edition(edition())


def parsed(content: bytes) -> EmailMessage:
    message = message_from_bytes(content, policy=policy.default)
    assert not message.defects
    for part in message.walk():
        assert not part.defects
    return message


def same(compiled, one) -> EmailMessage:
    """Compare both ways, and return the wire form parsed."""
    rendered = render(compiled, one)
    ordinary = parsed(to_email_message(rendered, one.address).message().as_bytes())
    wire = WireEdition.of(compiled).mail(one, NOON)
    mail = parsed(wire.content)
    assert wire.papers == rendered.papers
    ours, theirs = (
        {
            name: value.strip()
            for name, value in message.items()
            if name not in ("Date", "Content-Type")
        }
        for message in (mail, ordinary)
    )
    assert ours == theirs
    assert mail["Date"] == "Wed, 14 Jan 2026 12:00:00 -0000"
    for kind in ("plain", "html"):
        assert (
            mail.get_body((kind,)).get_content().splitlines()
            == ordinary.get_body((kind,)).get_content().splitlines()
        )
    assert [part.get_content_type() for part in mail.walk()] == [
        "multipart/alternative",
        "text/plain",
        "text/html",
    ]
    return mail


def test_a_digest_is_the_same_message():
    same(compile_edition(edition()), digest())


def test_the_first_digest_with_a_note_is_the_same_message():
    same(
        compile_edition(edition(editor_note="A good week.")),
        digest(first=True, note="Nothing new on “Sorting” this time."),
    )


def test_a_note_of_nothing_that_can_be_shown_is_the_same_message():
    same(usual(), digest(note="\x1e "))


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_the_same_message(text):
    compiled = compile_edition(
        edition(paper(1, title=text, abstract=text, authors=(text,)), paper(2))
    )
    same(compiled, digest(1, 2, picks=picks(1, 2, reason=text), note=text))


def test_a_title_that_looks_like_a_tag_is_the_same_message_with_counted_clicks():
    wire = WireEdition.of(
        compiled := compile_edition(edition(paper(1, title="Sorting in n < 5 steps"), paper(2)))
    )
    for ids in ((1,), (2,), (2, 1)):
        one = digest(
            *ids, links=LINKS._replace(read="https://paperboy.example.org/a/AQabcdefghijkl/read/")
        )
        same(compiled, one)
        wire.mail(one, NOON)


@given(
    st.lists(st.sampled_from(range(1, 9)), min_size=1, max_size=8, unique=True),
    st.sampled_from(HOSTILE) | TEXTS,
)
@hypothesis_settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_choice_and_any_reason_are_the_same_message(ids, reason):
    same(usual(), digest(*ids, picks=picks(*ids, reason=reason)))


def test_one_edition_serves_many_readers_without_mixing_them_up():
    wire = WireEdition.of(usual())
    for number in (1, 2, 1):
        one = digest(
            number,
            3,
            address=f"reader{number}@example.org",
            message_key=f"key{number}",
            picks=picks(number, 3, reason=f"reason {number}"),
        )
        mail = parsed(wire.mail(one, NOON).content)
        assert mail["To"] == one.address
        assert f"reason {number}" in mail.get_body(("plain",)).get_content()
        assert f"reason {3 - number}" not in mail.get_body(("plain",)).get_content()


def test_a_digest_over_the_weight_budget_loses_the_same_papers():
    heavy = compile_edition(edition(count=120))
    ids = tuple(range(1, 121))
    same(heavy, digest(*ids))
    assert len(render(heavy, digest(*ids)).papers) < 120


@pytest.mark.parametrize("address", ["a\x0bb@example.org", "a\r\nBcc: x@example.org"])
def test_an_address_that_would_break_the_mail_is_refused(address):
    with pytest.raises(ValueError, match=r"control character|could be parsed"):
        WireEdition.of(usual()).mail(digest(address=address), NOON)


def test_no_line_begins_with_a_dot_or_is_too_long():
    compiled = compile_edition(edition(paper(1, abstract=".hidden. .dots\n..")))
    for line in (
        WireEdition.of(compiled)
        .mail(digest(1), NOON)
        .dotted.removesuffix(b"\r\n.\r\n")
        .split(b"\r\n")
    ):
        assert not line.startswith(b".")
        assert len(line) <= 998


@pytest.mark.parametrize(
    ("content", "written"),
    [
        (b"a\r\n", b"a\r\n.\r\n"),
        (b"a", b"a\r\n.\r\n"),
        (b"", b"\r\n.\r\n"),
        (b".a\r\n..\r\n.\r\nb.\r\n", b"..a\r\n...\r\n..\r\nb.\r\n.\r\n"),
    ],
)
def test_smtp_gets_doubled_dots_and_a_lone_one(content, written):
    assert dotted(content) == written
    assert WireMail(written, ()).content.removesuffix(b"\r\n") == content.removesuffix(b"\r\n")
