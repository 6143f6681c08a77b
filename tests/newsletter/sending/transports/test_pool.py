"""The pool: connections outlive a batch, and no mail suffers from one that died while it waited."""

import time

import pytest

from newsletter.composing.content import RenderedMail
from newsletter.sending.mail import Mail
from newsletter.sending.transports import Errand, SmtpTransport, smtp, transport_of
from newsletter.sending.transports.pool import Pool
from tests.newsletter.sending.transports.servers import ScriptedSmtp, stopping, use

WIDTH = 2


@pytest.fixture
def server(settings):
    server = ScriptedSmtp()
    use(settings, server)
    settings.CONNECTIONS_PER_WORKER = WIDTH
    yield server
    stopping(server)()


@pytest.fixture
def pool():
    pool = Pool()
    yield pool
    pool.close()


def a_mail(number: int) -> Mail:
    return Mail(
        number,
        1,
        f"reader{number}@example.org",
        f"key{number}",
        RenderedMail("subject", "text", "<p>html</p>"),
    )


def a_batch(pool, first: int, following: str | None = None) -> list[Exception | None]:
    with pool.lanes(SmtpTransport.as_set()) as lanes:
        return lanes.hand_over(
            [Errand(lane, a_mail(first + lane), following) for lane in range(WIDTH)]
        )


def test_the_next_batch_uses_the_same_connections(server, pool):
    assert a_batch(pool, 0) + a_batch(pool, 2) == [None] * 4
    assert server.connections == WIDTH
    assert len(server.accepted) == 4


def test_a_connection_that_has_announced_a_mail_does_not_wait_with_it(server, pool):
    assert a_batch(pool, 0, following="somebody@example.org") + a_batch(pool, 2) == [None] * 4
    assert sorted(address for address, _ in server.accepted) == [
        f"reader{number}@example.org" for number in range(4)
    ]


def test_connections_that_the_server_closed_meanwhile_cost_no_mail(server, pool):
    assert a_batch(pool, 0) == [None] * WIDTH
    server.hang_up()
    assert a_batch(pool, 2) == [None] * WIDTH
    assert server.connections == 2 * WIDTH


def test_a_server_that_no_longer_answers_is_not_waited_for(server, pool, monkeypatch):
    monkeypatch.setattr(smtp, "QUICK", 0.05)
    assert a_batch(pool, 0) == [None] * WIDTH
    server.is_deaf = True
    assert a_batch(pool, 2) == [None] * WIDTH
    assert server.connections == 2 * WIDTH


def test_a_kept_connection_keeps_its_patience(server, pool, settings):
    settings.EMAIL_TIMEOUT = 7
    assert a_batch(pool, 0) + a_batch(pool, 2) == [None] * 4
    with pool.lanes(SmtpTransport.as_set()) as lanes:
        assert {connection._smtp.sock.gettimeout() for connection in lanes._connections} == {7}


def test_lanes_of_a_batch_that_ended_by_an_error_are_not_used_again(server, pool):
    def a_batch_that_fails() -> None:
        with pool.lanes(SmtpTransport.as_set()) as lanes:
            lanes.hand_over([Errand(0, a_mail(0))])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        a_batch_that_fails()
    assert a_batch(pool, 2) == [None] * WIDTH
    assert server.connections == 1 + WIDTH


def test_two_batches_at_once_have_connections_of_their_own(server, pool):
    with pool.lanes(SmtpTransport.as_set()) as lanes:
        assert a_batch(pool, 2) == [None] * WIDTH
        assert lanes.hand_over([Errand(0, a_mail(0))]) == [None]
    assert len(server.accepted) == 1 + WIDTH
    assert a_batch(pool, 4) == [None] * WIDTH


@pytest.mark.parametrize("name", ["smtp", "file"])
def test_batches_one_after_the_other_leave_one_set_of_lanes(settings, server, pool, name):
    settings.MAIL_BACKENDS = {"file": "django.core.mail.backends.dummy.EmailBackend"}
    kept = []
    for _ in range(3):
        with pool.lanes(transport_of(name)) as lanes:
            kept.append(lanes)
    assert kept == kept[:1] * 3


def test_idle_connections_are_closed_by_themselves(server):
    pool = Pool(idle=0.01)
    assert a_batch(pool, 0) == [None] * WIDTH
    deadline = time.monotonic() + 30
    while server.open and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not server.open
