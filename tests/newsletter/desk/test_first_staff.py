import re
from io import StringIO

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def quick_hashes(settings) -> None:
    """Hashing a password slowly, as it must be, is not what is tested here."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("first_staff", *arguments, stdout=out)
    return out.getvalue()


def test_it_prints_a_password_that_opens_the_desk(client) -> None:
    password = re.search(r"password (\S+)", run())[1]
    assert (
        client.post("/desk/login/", {"username": "chief", "password": password}).status_code == 302
    )
    assert client.get("/desk/").status_code == 200


def test_the_password_is_random_and_long() -> None:
    first = re.search(r"password (\S+)", run())[1]
    User.objects.all().delete()
    second = re.search(r"password (\S+)", run())[1]
    assert first != second
    assert len(first) >= 20


def test_a_second_run_changes_nothing_and_shows_no_password() -> None:
    run()
    before = list(User.objects.values())
    assert "shown only now" not in run()
    assert list(User.objects.values()) == before


def test_production_needs_the_flag(settings) -> None:
    settings.PRODUCTION = True
    with pytest.raises(CommandError, match="--in-production"):
        run()
    assert not User.objects.exists()
    assert "password" in run("--in-production")


def test_a_name_that_is_taken_by_an_inactive_account_is_a_clear_error() -> None:
    User.objects.create_user("chief", is_staff=True, is_active=False)
    with pytest.raises(CommandError, match="--name"):
        run()
