from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.contrib.auth.models import User
from django.test import Client, RequestFactory

from newsletter.desk.login import network_address

NOW = datetime(2026, 1, 10, 9, tzinfo=UTC)
PASSWORD = "a long enough password"


@pytest.fixture(autouse=True)
def quick_hashes(settings) -> None:
    """Hashing a password slowly, as it must be, is not what is tested here."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def chief(db: None) -> User:
    return User.objects.create_superuser("chief", password=PASSWORD)


def attempt(client: Client, password: str, origin: str = "192.0.2.1", name: str = "chief") -> int:
    return client.post(
        "/desk/login/", {"username": name, "password": password}, REMOTE_ADDR=origin
    ).status_code


def test_five_wrong_passwords_close_the_door_to_the_right_one_for_a_quarter_of_an_hour(
    client: Client, chief: User
) -> None:
    with time_machine.travel(NOW, tick=False):
        assert [attempt(client, "wrong") for _ in range(5)] == [200, 200, 200, 200, 429]
        assert attempt(client, PASSWORD) == 429
    with time_machine.travel(NOW + timedelta(minutes=14), tick=False):
        assert attempt(client, PASSWORD) == 429
    with time_machine.travel(NOW + timedelta(minutes=16), tick=False):
        assert attempt(client, PASSWORD) == 302


def test_a_guesser_elsewhere_does_not_lock_the_colleague_out(client: Client, chief: User) -> None:
    assert [attempt(client, "wrong", "198.51.100.7") for _ in range(6)][-1] == 429
    assert attempt(client, PASSWORD, "192.0.2.1") == 302


def test_the_locked_page_says_how_long_and_does_not_tell_whether_the_account_exists(
    client: Client, chief: User
) -> None:
    pages = {}
    for name in ("chief", "stranger"):
        for _ in range(5):
            answer = client.post("/desk/login/", {"username": name, "password": "wrong"})
        pages[name] = answer.content.decode().replace(name, "")
    assert "15 minutes" in pages["chief"]
    assert pages["chief"] == pages["stranger"]


def test_other_pages_of_the_site_go_on_answering_a_locked_out_origin(
    client: Client, chief: User
) -> None:
    for _ in range(6):
        attempt(client, "wrong")
    assert client.get("/robots.txt", REMOTE_ADDR="192.0.2.1").status_code == 200


def test_behind_a_proxy_only_the_proxys_own_word_counts(settings, rf: RequestFactory) -> None:
    request = rf.get(
        "/", REMOTE_ADDR="10.0.0.2", headers={"X-Forwarded-For": "1.2.3.4, 203.0.113.9"}
    )
    settings.BEHIND_PROXY = True
    assert network_address(request) == "203.0.113.9"
    settings.BEHIND_PROXY = False
    assert network_address(request) == "10.0.0.2"


def test_the_right_password_opens_the_start_page(client: Client, chief: User) -> None:
    answer = client.post("/desk/login/", {"username": "chief", "password": PASSWORD}, follow=True)
    assert answer.redirect_chain == [("/desk/", 302)]
    assert answer.status_code == 200


def test_readers_cannot_enter_the_desk(enter) -> None:
    assert enter("reader").get("/desk/").status_code == 302
