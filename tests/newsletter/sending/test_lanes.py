"""Several connections side by side: every answer is kept, none is mixed up, and a dead worker
leaves at most as many uncertain.
"""

import socket
import threading
from types import SimpleNamespace

import pytest

from newsletter.composing.content import RenderedMail
from newsletter.models import Edition
from newsletter.sending import smtp_pipeline
from newsletter.sending.books import books
from newsletter.sending.due import due_batches, next_instant
from newsletter.sending.mail import Mail
from newsletter.sending.sender import send_batch
from newsletter.sending.sweep import sweep
from newsletter.sending.transports import (
    Errand,
    Lanes,
    NoRoom,
    PermanentForAll,
    PermanentForReader,
    SmtpTransport,
    Throttled,
    Transient,
    Uncertain,
    pool,
)
from newsletter.sending.transports.base import Blocking, Stepping
from tests.newsletter.sending.transports.servers import ScriptedSmtp, stopping, use
from tests.newsletter.sending.ways_out import HandClock, Killed, Mailbox, after_accepting
from tests.newsletter.world import a_planned_edition, papers, readers


def a_mail(number: int) -> Mail:
    return Mail(
        number,
        1,
        f"reader{number}@example.org",
        f"key{number}",
        RenderedMail("subject", "text", "<p>html</p>"),
    )


class Diary:
    """A way out that writes down each step of each lane."""

    name, takes_bytes, knows_repeats, width, blocks = "diary", False, False, 3, False

    def __init__(self, raising=None) -> None:
        self.steps: list[tuple[str, str]] = []
        self.raising = raising or {}

    def connect(self) -> "DiaryConnection":
        return DiaryConnection(self)


class DiaryConnection(Stepping):
    def __init__(self, diary: Diary) -> None:
        self.diary = diary

    def steps(self, mail, following=None):
        self.diary.steps.append(("begin", mail.key))
        yield True
        self.diary.steps.append(("end", mail.key))
        if error := self.diary.raising.get(mail.delivery_id):
            raise error

    def rest(self) -> None:
        pass

    def wake(self) -> None:
        pass

    def close(self) -> None:
        self.diary.steps.append(("close", ""))


def errands(count: int) -> list[Errand]:
    return [Errand(number, a_mail(number)) for number in range(count)]


def test_all_lanes_begin_before_one_is_waited_for():
    diary = Diary()
    with Lanes(diary) as lanes:
        assert lanes.hand_over(errands(3)) == [None] * 3
    assert [step for step, _ in diary.steps] == ["begin"] * 3 + ["end"] * 3 + ["close"] * 3


def test_other_work_is_done_while_the_provider_thinks():
    diary = Diary()
    with Lanes(diary) as lanes:
        meanwhile = (diary.steps.append(("meanwhile", str(number))) for number in range(9))
        assert lanes.hand_over(errands(3), meanwhile) == [None] * 3
    assert [step for step, _ in diary.steps] == ["begin"] * 3 + ["meanwhile"] * 3 + ["end"] * 3 + [
        "close"
    ] * 3


@pytest.mark.parametrize("error", [Transient("later"), ZeroDivisionError()])
def test_one_lanes_error_is_its_own(error):
    with Lanes(Diary({1: error})) as lanes:
        assert lanes.hand_over(errands(3)) == [None, error, None]


def test_a_blocking_way_out_gets_threads():
    together = threading.Barrier(3)

    class Meeting(Blocking):
        def hand_over(self, mail) -> None:
            together.wait(10)  # passes only if all three are here at once
            if mail.delivery_id == 2:
                raise PermanentForReader("no")

        def close(self) -> None:
            pass

    class Threads(Diary):
        blocks = True

        def connect(self):
            return Meeting()

    with Lanes(Threads()) as lanes:
        answers = lanes.hand_over(errands(3))
    assert answers[:2] == [None, None]
    assert isinstance(answers[2], PermanentForReader)


@pytest.mark.parametrize("announcing", [True, False])
def test_lanes_of_smtp_mix_up_nothing(settings, announcing):
    server = ScriptedSmtp()
    use(settings, server)
    settings.CONNECTIONS_PER_WORKER = 3
    server.script[:] = ["dot 550 no"]
    try:
        with Lanes(SmtpTransport.as_set()) as lanes:
            answers = []
            for start in range(0, 9, 3):
                following = [
                    a_mail(start + 3 + lane).address if announcing else None for lane in range(3)
                ]
                answers += lanes.hand_over(
                    [Errand(lane, a_mail(start + lane), following[lane]) for lane in range(3)]
                )
    finally:
        stopping(server)()
    refused = [number for number, answer in enumerate(answers) if answer is not None]
    assert len(refused) == 1
    assert sorted(address for address, _ in server.accepted) == sorted(
        f"reader{n}@example.org" for n in range(9) if n not in refused
    )


class Wide(Mailbox):
    width = 4
    blocks = False


@pytest.fixture
def edition() -> Edition:
    papers(6)
    readers(11)
    return a_planned_edition()


@pytest.fixture
def clock(edition) -> HandClock:
    return HandClock(next_instant(edition))


def run(clock, mailbox) -> None:
    for batch_id in due_batches(clock()):
        send_batch(batch_id, clock, mailbox)


@pytest.mark.django_db
def test_every_reader_gets_one_mail_over_many_lanes(edition, clock):
    mailbox = Wide()
    run(clock, mailbox)
    assert (len(mailbox.accepted), set(mailbox.addresses.values())) == (11, {1})
    assert books(edition).sent == 11


@pytest.mark.django_db
@pytest.mark.parametrize("killed_at", range(11))
def test_a_killed_worker_leaves_at_most_its_connections_uncertain(die, edition, clock, killed_at):
    mailbox = Wide(lambda number, _: after_accepting(Killed()) if number == killed_at else None)
    [batch_id] = due_batches(clock())
    die(lambda: send_batch(batch_id, clock, mailbox))
    clock.forward(minutes=4)
    sweep(clock())
    run(clock, mailbox)
    account = books(edition)
    assert 1 <= account.uncertain <= 4
    assert account.sent + account.uncertain == 11
    assert set(mailbox.addresses.values()) == {1}


@pytest.mark.django_db
def test_answers_of_one_round_are_all_recorded(edition, clock):
    answers = {0: Transient("451"), 1: PermanentForReader("550"), 2: Uncertain("lost")}
    run(clock, Wide(lambda number, _: answers.get(number)))
    account = books(edition)
    assert (account.deferred, account.failed, account.uncertain, account.sent) == (1, 1, 1, 8)


@pytest.mark.django_db
def test_a_fault_in_the_code_spoils_no_other_answer(edition, clock):
    with pytest.raises(ZeroDivisionError):
        run(clock, Wide(lambda number, _: ZeroDivisionError() if number == 1 else None))
    account = books(edition)
    assert (account.uncertain, account.sent, account.deferred) == (1, 3, 7)


@pytest.mark.parametrize(
    "error", [Throttled("no connection"), PermanentForAll("535 wrong password")]
)
def test_what_a_provider_says_to_all_answers_for_those_not_begun(error):
    class Closed(Diary):
        def connect(self):
            return ClosedConnection(self)

    class ClosedConnection(DiaryConnection):
        def steps(self, mail, following=None):
            self.diary.steps.append(("begin", mail.key))
            if mail.delivery_id == 1:
                raise error
            yield True
            self.diary.steps.append(("end", mail.key))

    with Lanes(diary := Closed()) as lanes:
        assert lanes.hand_over(errands(3)) == [None, error, error]
    assert diary.steps[:3] == [("begin", "key0"), ("begin", "key1"), ("end", "key0")]


@pytest.mark.parametrize("pipelining", [True, False])
def test_connections_that_fall_silent_before_the_content_are_waited_for_together(
    settings, monkeypatch, pipelining
):
    server = ScriptedSmtp()
    use(settings, server)
    server.pipelining, settings.CONNECTIONS_PER_WORKER = pipelining, 3
    server.script[:] = ["mail stall"] * 3
    clock = iter(range(0, 10_000, 40))  # so many seconds pass between any two looks at it
    monkeypatch.setattr(smtp_pipeline, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    monkeypatch.setattr(smtp_pipeline, "LEAST_PATIENCE", 0.01)
    patience: list[float | None] = []
    read = smtp_pipeline.PipeliningSMTP.getreply
    monkeypatch.setattr(
        smtp_pipeline.PipeliningSMTP,
        "getreply",
        lambda smtp: patience.append(smtp.sock.gettimeout()) or read(smtp),
    )
    try:
        with Lanes(SmtpTransport.as_set()) as lanes:
            answers = lanes.hand_over(errands(3))
    finally:
        stopping(server)()
    assert [type(answer) for answer in answers] == [Transient] * 3
    assert patience.count(0.01) == 3


@pytest.mark.parametrize("pipelining", [True, False])
def test_a_server_that_allows_fewer_connections_gets_fewer(settings, pipelining):
    server = ScriptedSmtp()
    use(settings, server)
    server.pipelining, server.most, settings.CONNECTIONS_PER_WORKER = pipelining, 2, 5
    try:
        with Lanes(SmtpTransport.as_set()) as lanes:
            assert lanes.hand_over(errands(5)) == [None] * 5
            assert lanes.width == 2
            asked = server.connections
            assert lanes.hand_over(errands(2)) == [None] * 2
            assert server.connections == asked
    finally:
        stopping(server)()
    assert sorted(address for address, _ in server.accepted) == sorted(
        a_mail(n).address for n in [0, 0, 1, 1, 2, 3, 4]
    )


@pytest.mark.parametrize("pipelining", [True, False])
def test_a_connection_that_is_lost_for_good_costs_no_other_one(settings, pipelining):
    server = ScriptedSmtp()
    use(settings, server)
    server.pipelining, settings.CONNECTIONS_PER_WORKER = pipelining, 5
    try:
        with Lanes(SmtpTransport.as_set()) as lanes:
            assert lanes.hand_over(errands(5)) == [None] * 5
            lanes._connections[1].close()
            server.most = 0
            asked = server.connections
            assert lanes.hand_over(errands(5)) == [None] * 5
            assert lanes.width == 4
            assert lanes.hand_over(errands(4)) == [None] * 4
            assert server.connections == asked + 1
    finally:
        stopping(server)()


class Scripted(Diary):
    """A transport on whose connections what happens is said by `played`, a function of the
    connection's number and the mail.
    """

    def __init__(self, width, played):
        super().__init__()
        self.width, self.played, self.begun = width, played, []

    def connect(self):
        return ScriptedConnection(self)


class ScriptedConnection(DiaryConnection):
    def __init__(self, transport):
        super().__init__(transport)
        self.number = sum(step == "connect" for step, _ in transport.steps)
        transport.steps.append(("connect", str(self.number)))

    def steps(self, mail, following=None):
        self.diary.begun.append((self.number, mail.delivery_id))
        error = self.diary.played(self.number, mail.delivery_id)
        if error is not None:
            raise error
        yield True


def test_a_connection_in_trouble_does_not_carry_for_the_others():
    """Else each mail would wait for it anew, for longer than the worker may."""
    no_room, silent = NoRoom("421 too many"), Transient("no reply")
    transport = Scripted(
        4, lambda lane, mail: no_room if lane > 1 else silent if (lane, mail) == (0, 2) else None
    )
    with Lanes(transport) as lanes:
        assert lanes.hand_over(errands(4)) == [None, None, silent, None]
    transport = Scripted(5, lambda lane, mail: no_room if lane else silent if mail else None)
    with Lanes(transport) as lanes:
        assert lanes.hand_over(errands(5)) == [None, silent, no_room, no_room, no_room]
    assert transport.begun == [(0, 0), (1, 1), (2, 2), (3, 3), (4, 4), (0, 1)]


def test_a_provider_that_is_silent_to_new_connections_is_asked_once():
    silent = Throttled("no connection: TimeoutError")
    transport = Scripted(4, lambda lane, _: silent if lane else None)
    with Lanes(transport) as lanes:
        assert lanes.hand_over(errands(4)) == [None, silent, silent, silent]
        assert lanes.width == 4
    assert transport.begun == [(0, 0), (1, 1)]


def test_a_server_without_a_greeting_is_no_server_without_room(settings):
    settings.EMAIL_TIMEOUT = 0.1
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings.EMAIL_HOST, settings.EMAIL_PORT = silent.getsockname()
        with Lanes(SmtpTransport.as_set()) as lanes:
            [answer] = lanes.hand_over(errands(1))
    assert type(answer) is Throttled


@pytest.mark.parametrize(
    ("failure", "answer"),
    [
        (ConnectionRefusedError(111, "refused"), NoRoom),
        (ConnectionResetError(104, "reset"), NoRoom),
        (TimeoutError("timed out"), Throttled),
        (socket.gaierror(socket.EAI_AGAIN, "no name server answers"), Throttled),
        (OSError(113, "no route to host"), Throttled),
    ],
)
def test_only_what_fails_at_once_is_tried_on_each_connection(
    failure, answer, monkeypatch, settings
):
    """Else a batch would wait for a name server, or for a host that is down, once for each of
    its connections.
    """
    asked: list[object] = []

    def create_connection(*address: object, **_: object) -> socket.socket:
        asked.append(address)
        if len(asked) == 1:
            return first
        raise failure

    server = ScriptedSmtp()
    use(settings, server)
    settings.CONNECTIONS_PER_WORKER = 4
    first = socket.create_connection((settings.EMAIL_HOST, settings.EMAIL_PORT))
    monkeypatch.setattr(socket, "create_connection", create_connection)
    try:
        with Lanes(SmtpTransport.as_set()) as lanes:
            answers = lanes.hand_over(errands(4))
    finally:
        stopping(server)()
    if answer is NoRoom:
        assert answers == [None] * 4
        assert len(asked) == 4
    else:
        assert [answers[0], *map(type, answers[1:])] == [None, answer, answer, answer]
        assert len(asked) == 2


def test_a_server_that_allows_no_connection_is_not_asked_again(settings):
    server = ScriptedSmtp()
    use(settings, server)
    server.most, settings.CONNECTIONS_PER_WORKER = 0, 5
    try:
        with Lanes(SmtpTransport.as_set()) as lanes:
            answers = lanes.hand_over(errands(5))
            assert lanes.width == 5
    finally:
        stopping(server)()
    assert [type(answer) for answer in answers] == [NoRoom] * 5
    assert server.connections == 1


@pytest.mark.django_db
def test_a_batch_goes_out_whole_over_the_connections_that_a_server_allows(settings, edition, clock):
    server = ScriptedSmtp()
    use(settings, server)
    server.pipelining, server.most, settings.CONNECTIONS_PER_WORKER = True, 3, 8
    try:
        run(clock, SmtpTransport.as_set())
        pool.close()
    finally:
        stopping(server)()
    assert (
        books(edition).sent
        == len(server.accepted)
        == len({address for address, _ in server.accepted})
        == 11
    )
