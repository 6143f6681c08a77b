"""Nobody can fill a stranger's mailbox through us, nor use up what its owner may ask for."""

import itertools
import threading
from collections import Counter
from datetime import timedelta

import pytest
import time_machine
from django.db import connection, transaction
from django.urls import reverse
from django.utils import timezone

from subscriptions import letters, mail_limits, moving
from subscriptions.addresses import mailbox
from subscriptions.handover import Fate, NotHandedOver
from subscriptions.leaving import come_back, leave
from subscriptions.mail_limits import (
    ATTEMPTS_PER_DAY,
    CHANGES_PER_DAY,
    PER_DAY,
    Scope,
    TooManyRequests,
)
from subscriptions.models import (
    Letter,
    LetterKind,
    LetterState,
    RequestBreaker,
    RequestedBy,
    Subscriber,
    SubscriberState,
    SuppressionReason,
)
from subscriptions.models.profile import Choices
from subscriptions.models.request_breaker import REST
from subscriptions.origins import NOWHERE, Origin
from subscriptions.registry import erase_reader
from subscriptions.schedule import Schedule
from subscriptions.signup import request_preferences, request_sign_up
from subscriptions.suppression import suppress
from subscriptions.tokens import Power, sign
from tests.subscriptions.readers import DAY, HOUR, NOW, a_reader

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)


def sign_up(address="ada@example.org", now=NOW, origin=NOWHERE):
    request_sign_up(address, Choices(), Schedule(), origin=origin, now=now)
    return Letter.objects.latest("pk")


def going_out():
    return Letter.objects.exclude(state=LetterState.WITHHELD)


def send_all(now, monkeypatch=None, refusal=None):
    """Send what is due; with a refusal, the provider answers so to all."""
    if refusal is not None:
        monkeypatch.setattr(letters, "hand_over", lambda _message: _raise(refusal))
    for letter_id in letters.sweep(now):
        letters.send(letter_id, lambda: now)


def _raise(error):
    raise error


NO_CONNECTION = NotHandedOver(Fate.LATER, "no connection to the provider: refused")
REFUSED = NotHandedOver(Fate.REFUSED, "550 no such user")
LOST = NotHandedOver(Fate.UNKNOWN, "the line broke")


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("a.d.a@gmail.com", "ada@gmail.com"),
        ("A.D.A+news+x@GoogleMail.com", "ada@gmail.com"),
        ("ada@googlemail.com", "ada@gmail.com"),
        ("ada+news@example.org", "ada@example.org"),
        ("a.da@example.org", "a.da@example.org"),
        ("+ada@example.org", "+ada@example.org"),
        ("ada+@example.org", "ada@example.org"),
        ("ada@mail.gmail.com", "ada@mail.gmail.com"),
        ("ada@faß.example", "ada@xn--fa-hia.example"),
    ],
)
def test_spellings_of_one_mailbox_have_one_key(address, key):
    assert mailbox(address) == key


def spellings(count):
    """Yield so many spellings of one Gmail mailbox, all different addresses to us."""
    for number in range(count):
        dots = "".join(
            letter + ("." if number >> place & 1 else "")
            for place, letter in enumerate("victimmailbox"[:-1])
        )
        tag = f"+{number}" if number % 3 else ""
        domain = ("gmail.com", "GoogleMail.com", "Gmail.COM")[number % 3]
        yield f"{dots}x{tag}@{domain}"


def networks():
    """Yield IPv4 addresses, each in a network of its own."""
    for number in itertools.count(1):
        yield f"{10 + number // 65_536}.{number // 256 % 256}.{number % 256}.7"


def post_sign_up(client, address, remote):
    form = {"address": address, "cadence": "daily", "hour": "8", "timezone": "UTC"}
    return client.post(reverse("sign_up"), form, REMOTE_ADDR=remote)


@pytest.mark.slow
def test_500_posts_for_one_mailbox_in_all_its_spellings_bring_it_three_mails_a_day(
    client, settings, mailoutbox
):
    settings.REQUESTED_MAILS_PER_HOUR = 0
    addresses = list(spellings(500))
    assert len({mailbox(address) for address in addresses}) == 1
    with time_machine.travel(NOW, tick=False) as clock:
        for number, (address, remote) in enumerate(zip(addresses, networks(), strict=False)):
            form = "sign_up" if number % 2 else "ask_preferences"
            answer = (
                post_sign_up(client, address, remote)
                if number % 2
                else client.post(reverse(form), {"address": address}, REMOTE_ADDR=remote)
            )
            assert answer.status_code == 302
            clock.shift(2 * MINUTE)
            send_all(timezone.now())
    assert len(mailoutbox) == PER_DAY


def test_all_kinds_that_strangers_can_ask_for_count_together():
    reader = a_reader("ada@gmail.com")
    others = [a_reader(f"reader{number}@example.org") for number in range(3)]
    request_preferences("ada@gmail.com", origin=NOWHERE, now=NOW)
    sign_up("a.da@gmail.com", NOW + MINUTE)
    sign_up("ada@gmail.com", NOW + 2 * MINUTE)
    assert Counter(going_out().values_list("kind", flat=True)) == {
        LetterKind.PREFERENCES: 1,
        LetterKind.CONFIRM: 1,
        LetterKind.SIGN_UP_AGAIN: 1,
    }
    send_all(NOW + 2 * MINUTE)
    for number, other in enumerate(others):
        moving.ask(other.pk, f"ada+{number}@googlemail.com", now=NOW + 3 * MINUTE)
    moving.ask(others[0].pk, reader.address, now=NOW + 2 * HOUR)
    request_preferences("ada@gmail.com", origin=NOWHERE, now=NOW + 3 * HOUR)
    assert going_out().count() == PER_DAY
    request_preferences("ada@gmail.com", origin=NOWHERE, now=NOW + DAY + HOUR)
    assert going_out().count() == PER_DAY + 1


def test_mails_that_waited_count_when_they_reach_the_provider(monkeypatch):
    for hour in range(PER_DAY):
        sign_up(now=NOW + hour * HOUR)
    late = NOW + 5 * HOUR
    send_all(late)
    assert Letter.objects.filter(state=LetterState.SENT, reached_at=late).count() == PER_DAY
    assert sign_up(now=NOW + DAY + 4 * HOUR).state == LetterState.WITHHELD
    assert sign_up(now=late + DAY + MINUTE).state == LetterState.WAITING


@pytest.mark.parametrize("outcome", [REFUSED, LOST], ids=["refused", "unknown"])
def test_a_mail_that_reached_a_provider_or_may_have_counts(monkeypatch, outcome):
    sign_up()
    send_all(NOW, monkeypatch, outcome)
    assert sign_up(now=NOW + MINUTE).state == LetterState.WITHHELD


def test_asking_again_is_not_withheld_while_nothing_reached_a_provider(monkeypatch, mailoutbox):
    first = sign_up()
    with monkeypatch.context() as patched:
        send_all(NOW, patched, NO_CONNECTION)
    second = sign_up(now=NOW + MINUTE / 2)
    first.refresh_from_db()
    assert (first.state, first.error) == (LetterState.WITHHELD, "replaced by a later request")
    assert second.state == LetterState.WAITING
    send_all(NOW + MINUTE)
    assert len(mailoutbox) == 1
    assert sign_up(now=NOW + 2 * MINUTE).state == LetterState.WITHHELD


@pytest.mark.parametrize("kind", ["sign up", "preferences", "move"])
def test_asking_again_after_a_mail_that_could_never_be_built_is_not_withheld(monkeypatch, kind):
    reader = a_reader("ada@example.org")

    def ask(now):
        if kind == "sign up":
            sign_up("bob@example.org", now)
        elif kind == "preferences":
            request_preferences("ada@example.org", origin=NOWHERE, now=now)
        else:
            moving.ask(reader.pk, "bob@example.org", now=now)
        return Letter.objects.latest("pk")

    first = ask(NOW)
    with monkeypatch.context() as patched:
        patched.setattr(letters, "build", lambda *_: _raise(TypeError("broken")))
        for minutes in (0, 1, 3, 7, 15, 31, 63, 123):
            send_all(NOW + minutes * MINUTE)
    first.refresh_from_db()
    assert (first.state, first.attempts) == (LetterState.FAILED, letters.MAX_ATTEMPTS)
    assert ask(NOW + 124 * MINUTE).state == LetterState.WAITING


def test_asking_again_and_again_does_not_make_us_build_mails_without_end(monkeypatch):
    built = []
    monkeypatch.setattr(letters, "build", lambda *_: _raise(TypeError(built.append(1))))
    for number in range(600):
        sign_up(now=NOW + number * 2 * MINUTE)
        send_all(NOW + number * 2 * MINUTE)
    assert len(built) <= ATTEMPTS_PER_DAY + letters.MAX_ATTEMPTS
    assert (
        Letter.objects.latest("pk").error == "limit reached: too many failed attempts within a day"
    )


def test_a_letter_that_a_worker_has_just_claimed_is_not_replaced(monkeypatch):
    first = sign_up()
    with monkeypatch.context() as patched:
        send_all(NOW, patched, NO_CONNECTION)
    judge = letters.judge

    def overtaken(*args, **more):
        verdict = judge(*args, **more)
        assert Letter.objects.claim(first.pk, now=NOW + MINUTE, lease=letters.LEASE)
        return verdict

    monkeypatch.setattr(letters, "judge", overtaken)
    assert sign_up(now=NOW + MINUTE).error == "an earlier one is being sent"
    first.refresh_from_db()
    assert first.state == LetterState.CLAIMED


def test_what_strangers_ask_for_does_not_use_up_what_staff_send_or_a_reader_causes():
    reader = a_reader()
    for hour in range(PER_DAY):
        sign_up(now=NOW + hour * HOUR)
    now = NOW + PER_DAY * HOUR
    with transaction.atomic():
        by_staff = letters.write(
            reader, LetterKind.PREFERENCES, now=now, requested_by=RequestedBy.STAFF
        )
    assert by_staff.state == LetterState.WAITING
    leave(reader.pk, now=now, evidence="test", goodbye=True)
    assert Letter.objects.get(kind=LetterKind.GOODBYE).state == LetterState.WAITING


def test_what_a_reader_causes_by_a_link_has_a_limit_of_its_own():
    reader = a_reader()
    for number in range(10):
        leave(reader.pk, now=NOW + number * HOUR, evidence="test", goodbye=True)
        come_back(reader.pk, now=NOW + number * HOUR + MINUTE)
    assert going_out().filter(kind=LetterKind.GOODBYE).count() == PER_DAY
    request_preferences(reader.address, origin=NOWHERE, now=NOW)
    assert Letter.objects.latest("pk").state == LetterState.WAITING


def test_an_erased_address_gets_one_confirmation_a_day():
    erase_reader(a_reader(), now=NOW)
    states = [sign_up(now=NOW + hour * HOUR).state for hour in range(24)]
    assert states == [LetterState.WAITING] + [LetterState.WITHHELD] * 23


def test_a_rotated_secret_does_not_start_the_count_anew(settings):
    sign_up()
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "new" * 20
    assert sign_up(now=NOW + MINUTE).state == LetterState.WITHHELD


def test_a_mailbox_is_stored_as_a_hash_and_only_with_a_mail_that_counts():
    first, second = sign_up(), sign_up(now=NOW + MINUTE)
    assert len(first.mailbox) == 64
    assert (second.state, second.mailbox) == (LetterState.WITHHELD, "")


# --- Networks


def origin(near, wide="wide"):
    return Origin(f"{wide}/{near}", wide)


@pytest.mark.parametrize(
    ("name", "hours"), [("NETWORK_REQUESTS_PER_HOUR", 0), ("NETWORK_REQUESTS_PER_DAY", 2)]
)
def test_one_network_cannot_bother_a_list_of_strangers(settings, name, hours):
    setattr(settings, name, 10)
    for number in range(10):
        sign_up(f"reader{number}@example.org", NOW + number * hours * HOUR, origin("a"))
    now = NOW + 9 * hours * HOUR
    with pytest.raises(TooManyRequests) as refused:
        sign_up("another@example.org", now, origin("a"))
    assert refused.value.scope is Scope.NETWORK
    with pytest.raises(TooManyRequests):
        request_preferences("another@example.org", origin=origin("a"), now=now)
    assert not Subscriber.objects.filter(address_key="another@example.org").exists()
    sign_up("another@example.org", now, origin("b"))
    sign_up("third@example.org", NOW + DAY + HOUR, origin("a"))


def test_the_networks_of_a_wider_one_are_counted_together(settings):
    settings.WIDE_NETWORK_REQUESTS_PER_HOUR = 30
    for number in range(30):
        sign_up(f"reader{number}@example.org", NOW, origin(number))
    with pytest.raises(TooManyRequests):
        sign_up("another@example.org", NOW, origin("new"))
    sign_up("another@example.org", NOW, origin("new", wide="elsewhere"))


@pytest.mark.parametrize(
    ("remote", "allowed"),
    [
        ("2001:db8:1:{0:x}::1", 60),
        ("2001:db8:1:1::{0:x}", 20),
        ("198.51.100.{0}", 60),
        ("::ffff:198.51.100.{0}", 60),
        ("198.51.{0}.1", 200),
        ("2001:db8:{0:x}::1", 200),
    ],
    ids=["/48", "/64", "/24", "mapped /24", "many /24", "many /48"],
)
def test_200_posts_are_limited_by_the_network_they_come_from(client, settings, remote, allowed):
    settings.REQUESTED_MAILS_PER_HOUR = 0
    with time_machine.travel(NOW, tick=False):
        answers = Counter(
            post_sign_up(client, f"reader{number}@example.org", remote.format(number)).status_code
            for number in range(200)
        )
    assert answers == Counter({302: allowed} | ({429: 200 - allowed} if allowed < 200 else {}))


def test_a_forwarded_address_counts_only_behind_a_proxy(client, settings):
    settings.NETWORK_REQUESTS_PER_HOUR = 1

    def post(number, forwarded):
        return client.post(
            reverse("ask_preferences"),
            {"address": "ada@example.org"},
            headers={"X-Forwarded-For": forwarded},
        ).status_code

    assert [post(number, f"203.0.113.{number}") for number in range(2)] == [302, 429]
    settings.BEHIND_PROXY = True
    for forwarded in ("1.1.1.1, 203.0.113.9", "203.0.113.8:4711", "[2001:db8::1]:4711"):
        assert [post(1, forwarded), post(1, forwarded)] == [302, 429]


# --- Everybody


@pytest.fixture
def low_limit(settings):
    settings.REQUESTED_MAILS_PER_HOUR = 5


def refused_everybody(now, address="late@example.org"):
    try:
        sign_up(address, now)
    except TooManyRequests as refusal:
        return refusal.scope is Scope.EVERYBODY
    return False


def test_the_breaker_refuses_all_requests_of_strangers_for_an_hour_and_then_takes_them(low_limit):
    reader = a_reader("ada@example.org")
    for number in range(5):
        sign_up(f"reader{number}@example.org", NOW)
    assert refused_everybody(NOW)
    with pytest.raises(TooManyRequests):
        request_preferences(reader.address, origin=NOWHERE, now=NOW + MINUTE)
    assert not Subscriber.objects.filter(address_key="late@example.org").exists()
    breaker = RequestBreaker.objects.get()
    assert (breaker.tripped_at, breaker.mails, breaker.ends_at) == (NOW, 5, NOW + REST)
    assert refused_everybody(NOW + REST - MINUTE)
    assert not refused_everybody(NOW + REST)
    assert not RequestBreaker.objects.get().is_refusing(NOW + REST)


def test_mails_of_any_time_within_an_hour_trip_the_breaker_and_withheld_ones_do_not(low_limit):
    for number in range(20):
        sign_up("ada@example.org", NOW + number * MINUTE)
    for number in range(3):
        sign_up(f"reader{number}@example.org", NOW + (20 + number) * MINUTE)
    assert going_out().count() == 4
    assert not refused_everybody(NOW + 40 * MINUTE)
    assert refused_everybody(NOW + 59 * MINUTE, "later@example.org")


def test_a_reader_with_a_link_and_staff_are_not_refused_with_the_strangers(low_limit):
    reader = a_reader("ada@example.net")
    for number in range(5):
        sign_up(f"reader{number}@example.org", NOW)
    assert refused_everybody(NOW)
    assert moving.ask(reader.pk, "new@example.net", now=NOW)
    by_staff = letters.write(
        reader, LetterKind.PREFERENCES, now=NOW, requested_by=RequestedBy.STAFF
    )
    assert by_staff.state == LetterState.WAITING


def test_mails_that_readers_and_staff_cause_do_not_trip_the_breaker(low_limit):
    for number in range(8):
        reader = a_reader(f"reader{number}@example.net")
        moving.ask(reader.pk, f"new{number}@example.net", now=NOW)
    assert not refused_everybody(NOW)


def test_staff_let_requests_through_again_and_what_was_before_does_not_count(low_limit):
    assert not mail_limits.resume(now=NOW)
    for number in range(5):
        sign_up(f"reader{number}@example.org", NOW)
    assert refused_everybody(NOW + MINUTE)
    assert mail_limits.resume(now=NOW + 2 * MINUTE)
    assert not refused_everybody(NOW + 3 * MINUTE)
    for number in range(4):
        sign_up(f"more{number}@example.org", NOW + 3 * MINUTE)
    assert refused_everybody(NOW + 4 * MINUTE, "last@example.org")


def test_a_breaker_that_tripped_by_a_clock_from_the_future_refuses_nobody_for_years(low_limit):
    RequestBreaker.objects.create(tripped_at=NOW + 999 * DAY)
    assert not refused_everybody(NOW)


def test_zero_is_no_limit(settings):
    settings.REQUESTED_MAILS_PER_HOUR = settings.NETWORK_REQUESTS_PER_HOUR = 0
    settings.NETWORK_REQUESTS_PER_DAY = settings.WIDE_NETWORK_REQUESTS_PER_HOUR = 0
    settings.WIDE_NETWORK_REQUESTS_PER_DAY = 0
    for number in range(25):
        sign_up(f"reader{number}@example.org", NOW, origin("a"))
    assert going_out().count() == 25


# --- Answers


def test_answers_are_the_same_for_known_and_unknown_addresses_within_and_beyond_all_limits(
    client, settings
):
    settings.REQUESTED_MAILS_PER_HOUR = 12
    a_reader("active@example.org")
    a_reader("left@example.org", state=SubscriberState.UNSUBSCRIBED)
    suppress("complained@example.org", SuppressionReason.COMPLAINT, now=NOW)
    erase_reader(a_reader("erased@example.org"), now=NOW)
    names = ("active", "left", "complained", "erased", "new")
    with time_machine.travel(NOW, tick=False):
        for form in ("sign_up", "ask_preferences"):
            for _round in range(6):
                answers = {
                    _shown(client, form, f"{name}@example.org", remote)
                    for name, remote in zip(names, networks(), strict=False)
                }
                assert len(answers) == 1
        remotes = networks()
        while (
            post_sign_up(client, f"{next(remotes)}@example.com", next(remotes)).status_code == 302
        ):
            pass
        for form in ("sign_up", "ask_preferences"):
            refused = {_shown(client, form, f"{name}@example.org", next(remotes)) for name in names}
            assert len(refused) == 1
            assert refused.pop()[0] == 503


def _shown(client, form, address, remote):
    data = {"address": address, "cadence": "daily", "hour": "8", "timezone": "UTC"}
    answer = client.post(reverse(form), data, REMOTE_ADDR=remote, follow=True)
    return answer.status_code, tuple(answer.redirect_chain), answer.content


@pytest.mark.parametrize(
    ("scope", "status"), [(Scope.NETWORK, 429), (Scope.READER, 429), (Scope.EVERYBODY, 503)]
)
def test_a_refusal_says_whose_requests_were_too_many_and_when_to_come_back(
    client, settings, scope, status
):
    reader = a_reader("ada@example.net")
    token = sign(Power.PREFERENCES, reader.pk, now=timezone.now())
    now = timezone.now()
    if scope is Scope.NETWORK:
        settings.NETWORK_REQUESTS_PER_HOUR = 1
    if scope is Scope.EVERYBODY:
        RequestBreaker.objects.create(tripped_at=now)
    pages = {
        Scope.NETWORK: (reverse("ask_preferences"), b"from your network"),
        Scope.READER: (reverse("ask_address", args=[token]), b"for one day"),
        Scope.EVERYBODY: (reverse("ask_preferences"), b"at the moment"),
    }
    url, words = pages[scope]
    for number in range(CHANGES_PER_DAY + 1):
        answer = client.post(url, {"address": f"new{number}@example.net"})
    assert answer.status_code == status
    assert answer["Retry-After"] == "3600"
    assert words in answer.content


# --- Many at once


def at_once(works, threads=20):
    """Run all works in so many threads that are let go together; return how each ended."""
    queue, ends, barrier = list(works), Counter(), threading.Barrier(threads)

    def run():
        barrier.wait(30)
        try:
            while True:
                try:
                    work = queue.pop()
                except IndexError:
                    return
                try:
                    work()
                    ends["taken"] += 1
                except TooManyRequests as refusal:
                    ends[refusal.scope] += 1
        finally:
            connection.close()

    crowd = [threading.Thread(target=run) for _ in range(threads)]
    for thread in crowd:
        thread.start()
    for thread in crowd:
        thread.join(120)
    return ends


@pytest.fixture
def threads_share_the_database(transactional_db):
    if connection.vendor == "sqlite":
        pytest.skip("the test database of SQLite lives in one connection")


@pytest.mark.usefixtures("threads_share_the_database")
def test_100_parallel_requests_for_one_mailbox_bring_it_no_more_mails_than_its_limit(monkeypatch):
    monkeypatch.setattr(mail_limits, "PER_HOUR", 100)
    monkeypatch.setattr("subscriptions.waking.wake", lambda _letter_id: None)
    works = [lambda address=address: sign_up(address, NOW) for address in spellings(100)]
    assert at_once(works) == {"taken": 100}
    assert going_out().count() == PER_DAY
    assert Letter.objects.count() == 100


@pytest.mark.usefixtures("threads_share_the_database")
def test_100_parallel_requests_from_one_network_are_limited(monkeypatch, settings):
    monkeypatch.setattr("subscriptions.waking.wake", lambda _letter_id: None)
    works = [
        lambda number=number: sign_up(f"reader{number}@example.org", NOW, origin("a"))
        for number in range(100)
    ]
    assert at_once(works) == {"taken": 20, Scope.NETWORK: 80}


@pytest.mark.usefixtures("threads_share_the_database")
def test_100_parallel_requests_trip_the_breaker_at_its_limit(monkeypatch, settings):
    settings.REQUESTED_MAILS_PER_HOUR = 30
    monkeypatch.setattr("subscriptions.waking.wake", lambda _letter_id: None)
    readers = [a_reader(f"reader{number}@example.net") for number in range(10)]
    works = [
        lambda number=number: sign_up(f"reader{number}@example.org", NOW) for number in range(90)
    ] + [
        lambda reader=reader: moving.ask(reader.pk, "x@example.com", now=NOW) for reader in readers
    ]
    assert at_once(works) == {"taken": 40, Scope.EVERYBODY: 60}
    assert going_out().filter(requested_by=RequestedBy.ANYONE).count() == 30
    assert going_out().filter(requested_by=RequestedBy.READER).count() == 1


def test_each_limit_is_counted_by_an_index():
    if connection.vendor == "sqlite":
        pytest.skip("SQLite explains its plans in other words")
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    queries = {
        "letter_by_mailbox": Letter.objects.filter(mailbox__in=["x"])
        .tried_or_open()
        .filter(created_at__gt=NOW),
        "letter_by_network": Letter.objects.filter(requested_from_wide="x", created_at__gt=NOW),
        "letter_by_anyone": Letter.objects.filter(
            requested_by=RequestedBy.ANYONE, created_at__gt=NOW
        ).exclude(state=LetterState.WITHHELD),
    }
    for name, query in queries.items():
        assert name in query.order_by().explain(), name
