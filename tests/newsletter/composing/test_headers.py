"""The headers of a digest, read from the raw bytes that would be sent."""

from email import message_from_bytes, policy

import pytest

from newsletter.composing.compiled import compile_edition
from newsletter.composing.digest import render
from newsletter.composing.headers import HeaderTooLong
from newsletter.composing.message import BadHeader, to_email_message
from tests.newsletter.composing.digests import LINKS, digest, edition, paper


def raw(content=None, **changes) -> bytes:
    content = content or edition()
    reader_digest = digest(*(card.id for card in content.papers), **changes)
    mail = render(compile_edition(content), reader_digest)
    return to_email_message(mail, reader_digest.address).message().as_bytes(linesep="\r\n")


def header_block(mail: bytes) -> bytes:
    return mail.partition(b"\r\n\r\n")[0] + b"\r\n"


def test_one_click_headers_stand_literally_in_the_bytes():
    block = header_block(raw()).replace(b"\r\n ", b" ")
    assert (
        b"\r\nList-Unsubscribe: <https://paperboy.example.org/u/AQEAbcdefghijkl/>, "
        b"<mailto:leave@paperboy" in block
    )
    assert b"\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in block


def test_a_digest_carries_every_header_a_list_mail_needs():
    mail = message_from_bytes(raw(), policy=policy.default)
    assert mail["List-Id"] == "Paperboy daily <daily.paperboy.example.org>"
    assert mail["Feedback-ID"] == "2026-01-09:daily:digest:paperboy"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Precedence"] == "bulk"
    assert mail["X-Auto-Response-Suppress"] == "OOF, AutoReply"
    assert mail["Reply-To"] == "desk@paperboy.example.org"
    assert mail["From"] == "Paperboy <daily@paperboy.example.org>"
    assert mail["To"] == "ada@example.org"
    assert mail["Date"]


@pytest.mark.parametrize(
    "name",
    [
        "From",
        "To",
        "Subject",
        "Date",
        "Message-ID",
        "List-Unsubscribe",
        "List-Unsubscribe-Post",
        "Reply-To",
    ],
)
def test_each_header_stands_once(name):
    assert len(message_from_bytes(raw(), policy=policy.default).get_all(name)) == 1


def test_the_same_digest_has_the_same_message_id_and_another_one_another():
    first, again = (message_from_bytes(raw())["Message-ID"] for _ in range(2))
    other = message_from_bytes(raw(message_key="ffffffffffffffffffffffff"))["Message-ID"]
    assert first == again == "<7.0123456789abcdef01234567@paperboy.example.org>"
    assert other != first


def test_text_comes_first_and_html_last_both_utf_8():
    mail = message_from_bytes(
        raw(edition(paper(1, title="Ünïcode ▲"), paper(2))), policy=policy.default
    )
    assert mail.get_content_type() == "multipart/alternative"
    parts = list(mail.iter_parts())
    assert [part.get_content_type() for part in parts] == ["text/plain", "text/html"]
    assert {part.get_content_charset() for part in parts} == {"utf-8"}
    assert all("Ünïcode ▲" in part.get_content() for part in parts)
    assert not mail.defects


def test_no_line_is_over_998_bytes_even_with_a_very_long_word():
    lines = raw(edition(paper(1, title="w" * 5000, abstract="漢" * 5000), paper(2))).split(b"\r\n")
    assert max(map(len, lines)) <= 998


@pytest.mark.parametrize(
    "control",
    [
        "\x00",
        "\n",
        "\r",
        "\x0b",
        "\x0c",
        "\x1c",
        "\x1d",
        "\x1e",
        "\x85",
        "\u2028",
        "\u202e",
        "\ud800",
    ],
)
def test_a_control_character_in_a_title_never_reaches_a_header(control):
    block = header_block(
        raw(edition(paper(1, title=f"Title{control}Bcc: victim@example.org"), paper(2)))
    )
    names = [
        line.partition(b":")[0]
        for line in block.split(b"\r\n")
        if line and not line.startswith(b" ")
    ]
    assert b"Bcc" not in names
    assert not any(byte < 32 and byte not in b"\r\n" for byte in block)


@pytest.mark.parametrize("control", ["\x00", "\n", "\x0b", "\x1e", "\u2028"])
def test_an_address_with_a_control_character_is_refused(control):
    mail = render(compile_edition(edition()), digest())
    with pytest.raises(BadHeader, match="To"):
        to_email_message(mail, f"ada{control}@example.org")


def test_a_leave_link_too_long_for_a_header_is_refused():
    leave = LINKS.leave.rstrip("/") + "x" * 76 + "/"
    with pytest.raises(HeaderTooLong, match="SITE_URL"):
        render(compile_edition(edition()), digest(links=LINKS._replace(leave=leave)))


def test_the_longest_allowed_leave_link_survives_the_modern_policy_whole():
    leave = "https://paperboy.example.org/u/" + "t" * 42 + "/"
    assert len(f"<{leave}>") == 76
    bytes_sent = raw(links=LINKS._replace(leave=leave))
    again = message_from_bytes(bytes_sent, policy=policy.SMTP).as_bytes()
    for block in map(header_block, (bytes_sent, again)):
        assert f"<{leave}>".encode() in block
        assert b"List-Unsubscribe: =?" not in block


def test_the_way_out_by_mail_is_left_out_where_no_address_is_set(settings):
    settings.UNSUBSCRIBE_ADDRESS = ""
    assert message_from_bytes(raw())["List-Unsubscribe"] == f"<{LINKS.leave}>"


def test_a_publication_name_outside_ascii_leaves_the_list_id_a_bare_label(settings):
    settings.SITE_NAME = "Pâperböy"
    assert message_from_bytes(raw())["List-Id"] == "<daily.paperboy.example.org>"
