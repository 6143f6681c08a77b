"""The pipelining connection against real mail servers: what was accepted, what was refused, and
what nobody can know.
"""

# ruff: noqa: N802 - aiosmtpd finds what handles a command by the command's name

import smtplib
import socket
import ssl
import threading
import time
from collections import deque
from email.message import EmailMessage

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP

from newsletter.sending import smtp_pipeline
from newsletter.sending.smtp_pipeline import (
    ACCEPTED,
    LEAST_PATIENCE,
    LONGEST_LINE,
    MOST_LINES,
    MOST_PATIENCE,
    TLS_RECORD,
    CutOff,
    PipeliningSMTP,
    Refused,
    Step,
)

SENDER = "paperboy@example.org"
CONTENT = b"Subject: papers\r\n\r\nOne.\r\n..two\r\n.\r\n"
ARRIVED = b"Subject: papers\r\n\r\nOne.\r\n.two\r\n"
CUT = "cut"


class Script:
    """An aiosmtpd handler that accepts, except where its script for that step says what to
    answer (or to cut) instead.
    """

    def __init__(self, pipelining=True) -> None:
        self.pipelining = pipelining
        self.accepted: list[tuple[str, bytes]] = []
        self.steps: dict[str, deque[str | None]] = {
            name: deque() for name in ("MAIL", "RCPT", "DATA", "CONTENT")
        }
        self.connections = 0

    def will(self, step, *answers) -> None:
        self.steps[step].extend(answers)

    def next(self, step):
        return self.steps[step].popleft() if self.steps[step] else None

    async def handle_EHLO(self, server, session, envelope, hostname, responses):
        self.connections += 1
        session.host_name = hostname
        return [*responses[:-1], "250-PIPELINING", responses[-1]] if self.pipelining else responses

    async def handle_MAIL(self, server, session, envelope, address, options):
        answer = self.next("MAIL")
        if answer is None:
            envelope.mail_from = address
        return self.play(server, answer)

    async def handle_RCPT(self, server, session, envelope, address, options):
        answer = self.next("RCPT")
        if answer is None:
            envelope.rcpt_tos.append(address)
        return self.play(server, answer)

    async def handle_DATA(self, server, session, envelope):
        answer = self.next("CONTENT")
        if answer in (None, CUT):
            self.accepted.append((envelope.rcpt_tos[0], envelope.original_content))
        return self.play(server, answer)

    def play(self, server, answer):
        if answer == CUT:
            server.transport.abort()
        return answer or "250 fine"


class ScriptedServer(SMTP):
    async def smtp_DATA(self, arg):
        answer = self.event_handler.next("DATA")
        if answer is None:
            await super().smtp_DATA(arg)
        elif answer == "go ahead, then cut":
            await self.push("354 go ahead")
            await self._reader.readexactly(1_000)
            self.transport.abort()
        elif answer == "354 whatever":
            await self.push(answer)
            while await self._reader.readline() not in (b".\r\n", b""):
                pass
            await self.push("554 no valid recipients")
        else:
            await self.push(answer)
            if answer.startswith("421"):
                self.transport.close()


class ScriptedController(Controller):
    def _trigger_server(self):
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()

    def factory(self):
        return ScriptedServer(self.handler, hostname="sink.example.org", enable_SMTPUTF8=False)


@pytest.fixture
def started():
    controllers, connections = [], []

    def start(**options):
        script = Script(**options)
        controller = ScriptedController(script, hostname="127.0.0.1", port=0)
        controllers.append(controller)
        controller.start()
        smtp = PipeliningSMTP("127.0.0.1", controller.port, local_hostname="paperboy", timeout=20)
        connections.append(smtp)
        smtp.ehlo()
        return script, smtp

    yield start
    for smtp in connections:
        smtp.close()
    for controller in controllers:
        controller.stop()


BOTH = pytest.mark.parametrize("pipelining", [True, False])


def hand_over(smtp, sender, recipient, content, following=None) -> None:
    """Take all steps of one mail at once."""
    for _ in smtp.steps(sender, recipient, content, following):
        pass


class Counting:
    """A socket that counts the writes that go through it."""

    def __init__(self, sock) -> None:
        self._sock, self.writes = sock, 0

    def send(self, data):
        self.writes += 1
        return self._sock.send(data)

    def sendall(self, data):
        self.writes += 1
        self._sock.sendall(data)

    def __getattr__(self, name):
        return getattr(self._sock, name)


@BOTH
def test_mails_arrive_as_they_were_written(started, pipelining):
    script, smtp = started(pipelining=pipelining)
    for reader in ("ada@example.org", "bob@example.org"):
        hand_over(smtp, SENDER, reader, CONTENT)
    assert script.accepted == [("ada@example.org", ARRIVED), ("bob@example.org", ARRIVED)]


@BOTH
def test_announced_mails_arrive_each_at_its_own_reader(started, pipelining):
    script, smtp = started(pipelining=pipelining)
    readers = [f"reader{number}@example.org" for number in range(5)]
    for reader, following in zip(readers, [*readers[1:], None], strict=True):
        hand_over(smtp, SENDER, reader, CONTENT, following)
    assert [address for address, _ in script.accepted] == readers


@pytest.mark.parametrize(
    ("pipelining", "announcing", "writes"), [(True, True, 5), (True, False, 8), (False, True, 16)]
)
def test_it_writes_no_more_often_than_the_server_allows(started, pipelining, announcing, writes):
    _, smtp = started(pipelining=pipelining)
    smtp.sock = Counting(smtp.sock)
    for last in (False, False, False, True):
        hand_over(
            smtp,
            SENDER,
            "ada@example.org",
            CONTENT,
            "ada@example.org" if announcing and not last else None,
        )
    assert smtp.sock.writes == writes


@BOTH
@pytest.mark.parametrize(
    ("step", "where", "answer"),
    [
        ("MAIL", Step.SENDER, "451 later"),
        ("MAIL", Step.SENDER, "550 not you"),
        ("RCPT", Step.RECIPIENT, "550 no such reader"),
        ("RCPT", Step.RECIPIENT, "451 greylisted"),
        ("DATA", Step.DATA, "451 not now"),
        ("CONTENT", Step.CONTENT, "554 spam"),
        ("CONTENT", Step.CONTENT, "452 full"),
    ],
)
def test_a_refused_mail_says_where_and_the_next_one_goes_on(
    started, pipelining, step, where, answer
):
    script, smtp = started(pipelining=pipelining)
    script.will(step, answer)
    with pytest.raises(Refused) as refusal:
        hand_over(smtp, SENDER, "ada@example.org", CONTENT, None)
    assert (refusal.value.step, refusal.value.code) == (where, int(answer[:3]))
    assert answer[4:].encode() in refusal.value.words
    hand_over(smtp, SENDER, "bob@example.org", CONTENT)
    assert script.accepted == [("bob@example.org", ARRIVED)]
    assert script.connections == 1


@pytest.mark.parametrize("step", ["RCPT", "CONTENT"])
def test_a_refusal_among_announced_mails_concerns_one_reader(started, step):
    script, smtp = started()
    script.will(step, None, "550 no", None)
    readers = ["ada@example.org", "bob@example.org", "eve@example.org"]
    hand_over(smtp, SENDER, readers[0], CONTENT, readers[1])
    with pytest.raises(Refused):
        hand_over(smtp, SENDER, readers[1], CONTENT, readers[2])
    hand_over(smtp, SENDER, readers[2], CONTENT)
    assert [address for address, _ in script.accepted] == [readers[0], readers[2]]


def test_a_server_that_wants_content_without_a_recipient_gets_none(started):
    script, smtp = started()
    script.will("RCPT", "550 no such reader")
    script.will("DATA", "354 whatever")
    with pytest.raises(Refused) as refusal:
        hand_over(smtp, SENDER, "ada@example.org", CONTENT)
    assert refusal.value.step is Step.RECIPIENT
    hand_over(smtp, SENDER, "bob@example.org", CONTENT)
    assert script.accepted == [("bob@example.org", ARRIVED)]


@BOTH
@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA", "CONTENT"])
def test_a_closing_server_refuses_and_is_left(started, pipelining, step):
    script, smtp = started(pipelining=pipelining)
    script.will(step, "421 going down")
    with pytest.raises(Refused) as refusal:
        hand_over(smtp, SENDER, "ada@example.org", CONTENT)
    assert refusal.value.code == 421
    assert smtp.sock is None
    assert script.accepted == []


@BOTH
@pytest.mark.parametrize("step", ["MAIL", "RCPT"])
def test_a_cut_before_the_content_leaves_no_doubt(started, pipelining, step):
    script, smtp = started(pipelining=pipelining)
    script.will(step, CUT)
    with pytest.raises(CutOff) as cut:
        hand_over(smtp, SENDER, "ada@example.org", CONTENT)
    assert cut.value.fate_known
    assert smtp.sock is None


@BOTH
def test_a_cut_within_the_content_leaves_no_doubt(started, pipelining):
    script, smtp = started(pipelining=pipelining)
    script.will("DATA", "go ahead, then cut")
    with pytest.raises(CutOff) as cut:
        hand_over(smtp, SENDER, "ada@example.org", b"x" * 40_000_000 + CONTENT)
    assert cut.value.fate_known
    assert script.accepted == []


@BOTH
def test_a_cut_after_the_last_dot_leaves_doubt_and_is_said_so(started, pipelining):
    script, smtp = started(pipelining=pipelining)
    script.will("CONTENT", CUT)
    with pytest.raises(CutOff) as cut:
        hand_over(smtp, SENDER, "ada@example.org", CONTENT)
    assert not cut.value.fate_known
    assert len(script.accepted) == 1


def test_an_answer_without_sense_after_the_content_leaves_doubt(started):
    script, smtp = started()
    script.will("CONTENT", "354 what now")
    with pytest.raises(CutOff) as cut:
        hand_over(smtp, SENDER, "ada@example.org", CONTENT)
    assert not cut.value.fate_known
    assert smtp.sock is None


def test_an_answer_without_sense_before_the_content_leaves_none(started):
    script, smtp = started()
    script.will("RCPT", "199 hm")
    with pytest.raises(CutOff) as cut:
        hand_over(smtp, SENDER, "ada@example.org", CONTENT)
    assert cut.value.fate_known


def test_a_mail_other_than_the_announced_one_is_not_sent(started):
    script, smtp = started()
    hand_over(smtp, SENDER, "ada@example.org", CONTENT, "bob@example.org")
    with pytest.raises(CutOff) as cut:
        hand_over(smtp, SENDER, "eve@example.org", CONTENT)
    assert cut.value.fate_known
    assert [address for address, _ in script.accepted] == ["ada@example.org"]


def test_where_commands_go_one_by_one_only_the_sender_is_named_ahead(started):
    script, smtp = started(pipelining=False)
    hand_over(smtp, SENDER, "ada@example.org", CONTENT, "bob@example.org")
    assert smtp.announced == (SENDER, None)
    assert smtp.getreply() == (250, b"fine")  # it has left already
    smtp.announced = None
    smtp.rset()
    hand_over(smtp, SENDER, "ada@example.org", CONTENT, "bob@example.org")
    hand_over(smtp, SENDER, "eve@example.org", CONTENT)
    assert smtp.announced is None
    assert [address for address, _ in script.accepted] == [
        "ada@example.org",
        "ada@example.org",
        "eve@example.org",
    ]
    assert script.connections == 1


@pytest.mark.parametrize("answer", ["451 later", "550 not you"])
def test_a_sender_named_ahead_and_refused_concerns_the_next_mail(started, answer):
    script, smtp = started(pipelining=False)
    script.will("MAIL", None, answer)
    hand_over(smtp, SENDER, "ada@example.org", CONTENT, "bob@example.org")
    with pytest.raises(Refused) as refusal:
        hand_over(smtp, SENDER, "bob@example.org", CONTENT)
    assert refusal.value.step is Step.SENDER
    hand_over(smtp, SENDER, "eve@example.org", CONTENT)
    assert [address for address, _ in script.accepted] == ["ada@example.org", "eve@example.org"]


@BOTH
def test_a_cut_after_the_acceptance_concerns_the_next_mail(started, pipelining):
    script, smtp = started(pipelining=pipelining)
    script.will("MAIL", None, CUT)
    hand_over(smtp, SENDER, "ada@example.org", CONTENT, "bob@example.org")
    with pytest.raises(CutOff) as cut:
        hand_over(smtp, SENDER, "bob@example.org", CONTENT)
    assert cut.value.fate_known
    assert [address for address, _ in script.accepted] == ["ada@example.org"]


def test_what_cannot_be_written_after_the_acceptance_does_not_undo_it(wire):
    smtp, server = wire
    smtp.esmtp_features = {}
    server.sendall(b"250 sender\r\n250 recipient\r\n354 go on\r\n250 taken\r\n")
    steps = smtp.steps(SENDER, "ada@example.org", CONTENT, "bob@example.org")
    assert [next(steps) for _ in range(4)] == [False, False, False, True]
    server.close()
    assert list(steps) == []
    assert smtp.sock is None
    assert smtp.announced is None


@BOTH
def test_closing_on_an_announced_mail_sends_nothing(started, pipelining):
    script, smtp = started(pipelining=pipelining)
    hand_over(smtp, SENDER, "ada@example.org", CONTENT, "bob@example.org")
    smtp.close()
    assert [address for address, _ in script.accepted] == ["ada@example.org"]


@pytest.mark.parametrize(
    ("reader", "content"),
    [
        ("ada@example.org\r\nRCPT TO:<eve@example.org>", CONTENT),
        ("ä@example.org", CONTENT),
        ("a@b.org", b"no end"),
    ],
)
def test_what_cannot_be_sent_is_told_before_anything_is(started, reader, content):
    script, smtp = started()
    with pytest.raises(ValueError, match=r"ASCII|lone dot"):
        hand_over(smtp, SENDER, reader, content)
    hand_over(smtp, SENDER, "bob@example.org", CONTENT)
    assert len(script.accepted) == 1


def test_without_a_connection_nothing_is_sent():
    smtp = PipeliningSMTP(timeout=1)
    smtp.esmtp_features = {}
    with pytest.raises(CutOff) as cut:
        hand_over(smtp, SENDER, "ada@example.org", CONTENT)
    assert cut.value.fate_known


def test_it_stays_an_ordinary_connection(started):
    script, smtp = started()
    message = EmailMessage()
    message["From"], message["To"] = SENDER, "ada@example.org"
    message.set_content("Plain.")
    smtp.send_message(message)
    assert script.accepted[0][0] == "ada@example.org"
    assert isinstance(smtp, smtplib.SMTP)


@pytest.fixture
def wire():
    """A connection, and the server's end of it."""
    ours, theirs = socket.socketpair()
    smtp = PipeliningSMTP(timeout=5)
    ours.settimeout(5)
    smtp.sock = ours
    yield smtp, theirs
    smtp.close()
    theirs.close()


@pytest.mark.parametrize(
    ("sent", "reply"),
    [
        (b"250 fine\r\n", (250, b"fine")),
        (b"250\r\n", (250, b"")),
        (b"250 fine\n", (250, b"fine")),
        (b"250-sink\r\n250-PIPELINING\r\n250 8BITMIME \r\n", (250, b"sink\nPIPELINING\n8BITMIME")),
        (b"hello\r\n", (-1, b"o")),
        (b"\r\n", (-1, b"")),
        (b"2x0 fine\r\n", (-1, b"fine")),
        ("٢٥٠ fine\r\n".encode(), (-1, "٠ fine".encode())),
        (b"250-first\r\nnonsense\r\n", (-1, b"first\nense")),
    ],
)
def test_a_reply_is_read_as_the_standard_library_reads_it(wire, sent, reply):
    smtp, server = wire
    server.sendall(sent)
    assert smtp.getreply() == reply
    server.sendall(sent)
    assert smtplib.SMTP.getreply(smtp) == reply


def test_replies_that_come_together_are_read_one_by_one(wire):
    smtp, server = wire
    server.sendall(b"250 one\r\n550-two\r\n550 lines\r\n354 three\r\n")
    assert [smtp.getreply() for _ in range(3)] == [
        (250, b"one"),
        (550, b"two\nlines"),
        (354, b"three"),
    ]


def test_a_reply_that_comes_in_pieces_is_waited_for(wire):
    smtp, server = wire
    replies = []
    reader = threading.Thread(target=lambda: replies.append(smtp.getreply()))
    reader.start()
    for octet in b"250-a\r\n250 b\r\n":
        server.sendall(bytes([octet]))
    reader.join(5)
    assert replies == [(250, b"a\nb")]


@pytest.mark.parametrize("sent", [b"", b"250 cut off", b"250-more to come\r\n"])
def test_a_server_that_hangs_up_within_a_reply_has_not_said_it(wire, sent):
    smtp, server = wire
    server.sendall(sent)
    server.close()
    with pytest.raises(smtplib.SMTPServerDisconnected):
        smtp.getreply()
    assert smtp.sock is None


def test_a_server_that_says_nothing_is_left(wire):
    smtp, _ = wire
    smtp.sock.settimeout(0.05)
    with pytest.raises(smtplib.SMTPServerDisconnected, match="TimeoutError"):
        smtp.getreply()
    assert smtp.sock is None


@pytest.mark.parametrize(
    "sent", [b"250 " + b"x" * LONGEST_LINE + b"\r\n", b"x" * (LONGEST_LINE + 1)]
)
def test_a_line_without_end_is_no_reply(wire, sent):
    smtp, server = wire
    server.sendall(sent)
    with pytest.raises(smtplib.SMTPResponseException, match="too long"):
        smtp.getreply()
    assert smtp.sock is None


def test_a_reply_without_end_is_none(wire):
    smtp, server = wire
    server.sendall(b"250-more\r\n" * (MOST_LINES + 1))
    with pytest.raises(smtplib.SMTPResponseException, match="too long"):
        smtp.getreply()
    assert smtp.sock is None


def test_what_came_before_tls_is_no_answer_over_it(wire):
    """Whoever can write into the clear part of a connection must not answer for the server
    afterwards.
    """
    smtp, server = wire
    server.sendall(b"220 go on\r\n250 injected\r\n")
    assert smtp.getreply() == (220, b"go on")
    over_tls, their_tls = socket.socketpair()
    with smtp.sock, their_tls:
        smtp.sock = over_tls
        their_tls.sendall(b"250 sink\r\n")
        assert smtp.getreply() == (250, b"sink")


class SlowTls(ssl.SSLSocket):
    """Sends as OpenSSL does, record by record, and when there is no more room does not say how
    many have left.
    """

    room: int

    def send(self, data, _flags=0):
        for _ in range(0, len(data), TLS_RECORD):
            if not self.room:
                raise TimeoutError
            self.room -= 1
        return len(data)

    def close(self) -> None:
        """There is nothing to close."""


@pytest.mark.parametrize(("room", "fate_known"), [(1, True), (2, False)])
def test_over_tls_the_fate_is_open_once_the_record_with_the_dot_has_left(room, fate_known):
    smtp = PipeliningSMTP()
    smtp.sock = SlowTls.__new__(SlowTls)
    smtp.sock.room = room
    content = bytes(2 * TLS_RECORD)
    with pytest.raises(CutOff) as cut:
        smtp._write(content + b"MAIL", decisive=len(content))
    assert cut.value.fate_known is fate_known


def test_the_reply_to_a_content_is_waited_for_from_when_it_left(wire, monkeypatch):
    """Of many connections that fall silent each gets its time, but not one after the other
    without end.
    """
    smtp, _ = wire
    smtp.esmtp_features = {}
    patience = []
    monkeypatch.setattr(
        PipeliningSMTP,
        "getreply",
        lambda smtp: patience.append(smtp.sock.gettimeout()) or (250, b"fine"),
    )
    for waited, expected in [
        (0, 5),
        (60, 5),
        (MOST_PATIENCE - 3, 3),
        (MOST_PATIENCE + 20, LEAST_PATIENCE),
    ]:
        smtp._asked_at = time.monotonic() - waited
        assert smtp._refusal(Step.CONTENT, ACCEPTED) is None
        assert patience.pop() == pytest.approx(expected, abs=0.5)
        assert smtp.sock.gettimeout() == 5


def test_a_server_that_does_not_start_over_is_left_soon(wire, monkeypatch):
    smtp, server = wire
    smtp.esmtp_features = {}
    monkeypatch.setattr(smtp_pipeline, "LEAST_PATIENCE", 0.05)
    smtp.sock.settimeout(1_000)
    server.sendall(b"250 sender\r\n550 no such reader\r\n")
    with pytest.raises(Refused):
        hand_over(smtp, SENDER, "ada@example.org", CONTENT)
    assert smtp.sock is None
