"""One contract for every way out: each trouble has one meaning, and after any of them the next
mail goes.
"""

import errno
import json
import os
import socket
import traceback
from datetime import UTC, datetime
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from django.core.mail.backends.smtp import EmailBackend

from newsletter.composing.content import RenderedMail
from newsletter.sending.mail import Mail
from newsletter.sending.transports import (
    BackendTransport,
    PermanentForAll,
    PermanentForReader,
    SmtpTransport,
    Throttled,
    Transient,
    Uncertain,
)
from newsletter.sending.transports.outcomes import retry_after
from newsletter.sending.transports.smtp import QUICK
from tests.newsletter.sending.transports.servers import ScriptedHttp, ScriptedSmtp, stopping, use

NOW = datetime(2026, 1, 14, 12, tzinfo=UTC)


def a_mail(number: int = 1, **changes) -> Mail:
    rendered = RenderedMail(
        subject=changes.pop("subject", "Ten papers — and why"),
        text=changes.pop("text", "Hello.\r\n.\r\n.. two dots\r\nBye."),
        html="<p>Hello.</p>",
        headers={
            "Message-ID": f"<1.{number}@paperboy.example>",
            "List-Unsubscribe": "<https://paperboy.example/u/x/>",
        },
    )
    return Mail(
        number, 1, changes.pop("address", f"reader{number}@example.org"), f"key{number}", rendered
    )


def an_unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Contract:
    """What every way out must do. A subclass gives `transport`, `server` and how its provider
    says each trouble.
    """

    troubles: list[tuple[object, type[Exception]]]

    def test_a_mail_arrives(self, transport, server):
        with transport.connect() as connection:
            connection.hand_over(a_mail())
        assert len(server.accepted) == 1

    def test_one_connection_carries_many_mails(self, transport, server):
        with transport.connect() as connection:
            for number in range(5):
                connection.hand_over(a_mail(number))
        assert (len(server.accepted), server.connections) == (5, 1)

    def test_each_trouble_has_its_meaning_and_the_next_mail_goes(self, transport, server):
        for word, meaning in self.troubles:
            server.script[:] = [word]
            with transport.connect() as connection:
                with pytest.raises(meaning) as caught:
                    connection.hand_over(a_mail(1))
                assert type(caught.value) is meaning, word
                assert "example.org" not in caught.value.reason
                connection.hand_over(a_mail(2))

    def test_an_unknown_answer_is_claimed_only_where_the_mail_may_have_arrived(
        self, transport, server
    ):
        for word, meaning in self.troubles:
            before = len(server.accepted)
            server.script[:] = [word]
            with transport.connect() as connection, pytest.raises(meaning):
                connection.hand_over(a_mail(1))
            assert len(server.accepted) == before or meaning is Uncertain, word


class TestSmtp(Contract):
    troubles = [
        ("mail cut", Transient),
        ("rcpt cut", Transient),
        ("data cut", Transient),
        (
            "body cut",
            Uncertain,
        ),  # all of a short mail, its dot too, is on the way before the cut is seen
        ("dot cut", Uncertain),
        ("dot stall", Uncertain),
        ("mail stall", Transient),
        ("mail 421 closing", Throttled),
        ("mail 451 4.7.0 slow down", Throttled),
        ("mail 530 authenticate first", PermanentForAll),
        ("rcpt 421 too many", Throttled),
        ("rcpt 450 greylisted", Transient),
        ("rcpt 454 later", Throttled),
        ("rcpt 550 no such user reader1@example.org", PermanentForReader),
        ("rcpt 550 see https://mail.example/?to=reader1%40example.org", PermanentForReader),
        ('rcpt 550 "reader of example.org"@example.com is gone', PermanentForReader),
        ("data 451 not now", Transient),
        ("dot 451 not now", Transient),
        ("dot 554 spam", PermanentForReader),
    ]

    @pytest.fixture
    def server(self, settings):
        server = ScriptedSmtp()
        use(settings, server)
        settings.EMAIL_TIMEOUT = 0.4
        yield server
        stopping(server)()

    @pytest.fixture
    def transport(self, server) -> SmtpTransport:
        return SmtpTransport.as_set()

    def test_no_server_is_throttling_and_not_failure(self, transport, settings):
        settings.EMAIL_PORT = an_unused_port()
        with transport.connect() as connection, pytest.raises(Throttled):
            connection.hand_over(a_mail())

    @pytest.mark.parametrize(
        ("greeting", "meaning"), [("421 busy", Throttled), ("554 go away", PermanentForAll)]
    )
    def test_the_greeting_counts(self, transport, server, greeting, meaning):
        server.greeting = greeting
        with transport.connect() as connection, pytest.raises(meaning):
            connection.hand_over(a_mail())

    def test_a_server_that_knows_no_way_to_log_in_of_ours_stops_the_run(
        self, transport, server, settings
    ):
        settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = "paperboy", "secret"
        server.mechanisms = "GSSAPI"
        with (
            transport.connect() as connection,
            pytest.raises(PermanentForAll, match="authentication"),
        ):
            connection.hand_over(a_mail())

    def test_a_farewell_is_waited_for_a_moment_only(self, transport, server, monkeypatch):
        patience, close = [], EmailBackend.close

        def watched(backend: EmailBackend) -> None:
            patience.append(backend.connection.sock.gettimeout())
            close(backend)

        monkeypatch.setattr(EmailBackend, "close", watched)
        with transport.connect() as connection:
            connection.hand_over(a_mail())
        assert patience == [QUICK]

    def test_a_password_that_smtp_cannot_write_stops_the_run_and_is_not_told(
        self, transport, settings
    ):
        settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = "paperboy", "sécret"
        with (
            transport.connect() as connection,
            pytest.raises(PermanentForAll, match="ASCII") as refused,
        ):
            connection.hand_over(a_mail())
        assert "cret" not in "".join(traceback.format_exception(refused.value))

    def test_a_long_mail_cut_before_its_dot_was_sent_was_not_accepted(self, transport, server):
        server.script[:] = ["body cut"]
        with transport.connect() as connection:
            with pytest.raises(Transient):
                connection.hand_over(a_mail(1, text="A long line of text.\r\n" * 1_000_000))
            connection.hand_over(a_mail(2))
        assert [address for address, _ in server.accepted] == ["reader2@example.org"]

    def test_an_address_that_smtp_cannot_write_fails_alone(self, transport, server):
        with transport.connect() as connection:
            with pytest.raises(PermanentForReader):
                connection.hand_over(a_mail(address="jürgen@example.org"))
            connection.hand_over(a_mail(2))
        assert len(server.accepted) == 1

    def test_an_address_that_smtp_cannot_write_costs_no_mail_before_it(self, transport, server):
        server.pipelining = True
        with transport.connect() as connection:
            for number, following in enumerate(
                ("jürgen@example.org", "a b@example.org", "a@" + "ü" * 70 + ".example")
            ):
                assert list(connection.steps(a_mail(number), following))
        assert len(server.accepted) == 3

    @pytest.mark.parametrize("pipelining", [True, False])
    def test_a_domain_with_letters_of_any_language_is_written_in_ascii(
        self, transport, server, pipelining
    ):
        server.pipelining = pipelining
        with transport.connect() as connection:
            for number, following in enumerate(("ada@bücher.example", None)):
                assert list(
                    connection.steps(a_mail(number, address="ada@bücher.example"), following)
                )
        assert [address for address, _ in server.accepted] == ["ada@xn--bcher-kva.example"] * 2
        assert server.connections == 1

    def test_lines_that_begin_with_dots_arrive_as_written(self, transport, server):
        with transport.connect() as connection:
            connection.hand_over(a_mail())
        message = message_from_bytes(server.accepted[0][1], policy=policy.default)
        assert message.get_body(("plain",)).get_content().splitlines() == [
            "Hello.",
            ".",
            ".. two dots",
            "Bye.",
        ]

    def test_a_real_server_takes_the_mail(self, settings):
        class Keep:
            contents: list[bytes] = []

            async def handle_DATA(self, _server, _session, envelope) -> str:  # noqa: N802 (aiosmtpd's name for the hook)
                self.contents.append(envelope.content)
                return "250 ok"

        controller = Controller(Keep(), hostname="127.0.0.1", port=an_unused_port())
        controller.start()
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", controller.port
        settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
        settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
        try:
            with SmtpTransport.as_set().connect() as connection:
                connection.hand_over(a_mail(1))
                connection.hand_over(a_mail(2))
        finally:
            controller.stop()
        assert [message_from_bytes(content)["Message-ID"] for content in Keep.contents] == [
            "<1.1@paperboy.example>",
            "<1.2@paperboy.example>",
        ]


def postmark_error(code: int, message: str) -> bytes:
    return json.dumps({"ErrorCode": code, "Message": message}).encode()


class TestHttp(Contract):
    troubles = [
        ("cut", Uncertain),
        ("stall", Uncertain),
        ((200, {}, b"<html>it works"), Uncertain),
        ((200, {}, b""), Uncertain),
        # Anymail calls the recipient invalid, as if it had refused to send; but the provider took
        # the mail.
        ((200, {}, b'{"ErrorCode": 0, "Message": "OK", "MessageID": "x", "To": ""}'), Uncertain),
        ((429, {}, b"{}"), Throttled),
        ((429, {"Retry-After": "7"}, b"{}"), Throttled),
        ((503, {"Retry-After": "7"}, b"{}"), Throttled),
        ((500, {}, b"{}"), Transient),
        ((503, {}, b"oops"), Transient),
        ((502, {}, b"oops"), Uncertain),
        ((504, {}, b"oops"), Uncertain),
        ((401, {}, b"{}"), PermanentForAll),
        ((422, {}, postmark_error(300, "Invalid request")), PermanentForReader),
        (
            (
                422,
                {},
                postmark_error(
                    300,
                    "Error parsing 'To': Illegal email domain in address 'reader1@example.org'.",
                ),
            ),
            PermanentForReader,
        ),
        (
            (
                422,
                {},
                postmark_error(
                    406, "Found inactive addresses: reader1@example.org. Inactive recipients are"
                ),
            ),
            PermanentForReader,
        ),
        ((422, {}, postmark_error(406, "something new")), Uncertain),
    ]

    @pytest.fixture
    def server(self, settings):
        server = ScriptedHttp()
        settings.ANYMAIL = {
            "POSTMARK_SERVER_TOKEN": "test",
            "POSTMARK_API_URL": server.url,
            "REQUESTS_TIMEOUT": 0.4,
        }
        yield server
        stopping(server)()

    @pytest.fixture
    def transport(self, server) -> BackendTransport:
        return BackendTransport("postmark", "anymail.backends.postmark.EmailBackend")

    def test_no_server_is_throttling_and_not_failure(self, settings):
        settings.ANYMAIL = {
            "POSTMARK_SERVER_TOKEN": "test",
            "POSTMARK_API_URL": f"http://127.0.0.1:{an_unused_port()}/",
        }
        with (
            BackendTransport(
                "postmark", "anymail.backends.postmark.EmailBackend"
            ).connect() as connection,
            pytest.raises(Throttled),
        ):
            connection.hand_over(a_mail())

    def test_the_provider_is_told_our_delivery(self, transport, server):
        with transport.connect() as connection:
            connection.hand_over(a_mail(7))
        assert server.accepted[0]["Metadata"] == {"delivery": "7"}

    def test_the_wait_is_as_told(self, transport, server):
        server.script[:] = [(429, {"Retry-After": "7"}, b"{}")]
        with transport.connect() as connection, pytest.raises(Throttled) as caught:
            connection.hand_over(a_mail())
        assert caught.value.wait == 7

    def test_a_provider_without_its_key_stops_the_run(self, settings):
        settings.ANYMAIL = {}
        with (
            BackendTransport(
                "postmark", "anymail.backends.postmark.EmailBackend"
            ).connect() as connection,
            pytest.raises(PermanentForAll),
        ):
            connection.hand_over(a_mail())


class TestFileOutbox:
    @pytest.fixture
    def transport(self, settings, tmp_path) -> BackendTransport:
        settings.OUTBOX_DIR = tmp_path / "outbox"
        return BackendTransport("file", "newsletter.sending.outbox.EmailBackend")

    def test_each_mail_is_a_file(self, transport, tmp_path):
        with transport.connect() as connection:
            connection.hand_over(a_mail(1))
            connection.hand_over(a_mail(2))
        assert len(list((tmp_path / "outbox").glob("*.eml"))) == 2

    def test_a_disk_that_cannot_be_written_keeps_the_reader_due(self, transport, tmp_path):
        (tmp_path / "outbox").write_text("in the way")
        with transport.connect() as connection, pytest.raises(Throttled, match="File exists"):
            connection.hand_over(a_mail(1))

    def test_a_disk_that_fills_up_keeps_no_half_written_mail(
        self, transport, tmp_path, monkeypatch
    ):
        def write_half(path: Path, content: bytes) -> int:
            with path.open("wb") as file:
                file.write(content[: len(content) // 2])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(Path, "write_bytes", write_half)
        with transport.connect() as connection, pytest.raises(Throttled, match="No space left"):
            connection.hand_over(a_mail(1))
        assert not list((tmp_path / "outbox").iterdir())

    def test_a_mail_that_cannot_be_written_fails_alone(self, transport):
        with transport.connect() as connection:
            with pytest.raises(PermanentForReader):
                connection.hand_over(a_mail(1, address="a\nb@example.org"))
            connection.hand_over(a_mail(2))


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0),
        ("120", 120),
        ("Wed, 14 Jan 2026 12:02:00 GMT", 120),
        ("Wed, 14 Jan 2026 11:00:00 GMT", 0),
        ("soon", None),
        ("", None),
        ("-5", None),
        ("1.5", None),
        ("Mon, 01 Jan 99999999999999999999 00:00:00 GMT", None),
        ("Wed, 14 Jan 2026 12:02:00 -0000", 120),
    ],
)
def test_both_forms_of_retry_after_are_read(value, seconds):
    assert retry_after({"Retry-After": value}, NOW) == seconds


def test_no_retry_after_is_no_wait():
    assert retry_after({}, NOW) is None


@pytest.mark.parametrize("name", ["mailersend", "postal"])
def test_a_provider_that_carries_no_metadata_gets_none(name, settings):
    """Anymail raises an error for a mail with metadata that its provider cannot carry."""
    server = ScriptedHttp()
    try:
        key = {"mailersend": "API_TOKEN", "postal": "API_KEY"}[name]
        prefix = name.upper()
        settings.ANYMAIL = {
            f"{prefix}_{key}": "test",
            f"{prefix}_API_URL": server.url,
            "REQUESTS_TIMEOUT": 5,
        }
        path = f"anymail.backends.{name}.EmailBackend"
        with (
            BackendTransport(name, path).connect() as connection,
            pytest.raises(Uncertain),  # the server answers as another provider does
        ):
            connection.hand_over(a_mail(7))
        assert len(server.accepted) == 1
    finally:
        stopping(server)()
