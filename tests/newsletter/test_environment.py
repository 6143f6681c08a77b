"""What the values of the environment must look like, without a process for each of them."""

from urllib.parse import quote

import dj_database_url
import pytest

from newsletter.environment import database_url_problems, redis_url_problems, smtp_url_problems

SECRETS = ["s/cret", "12/secret", "s#cret", "12#secret", "s?cret", "12?secret", "s[cret", "s]cret"]
SECRETS += ["%secret", "se%cret", "secret%", "@/secret", "se@12/cret", "/secret", "#secret"]
PLAIN = ["secret", "s@cret", "s:cret", "12345", "s%2Fcret", "s&c=r+e;t", "$ecret!", "sécret", ""]


def database_problems(url: str) -> list[str]:
    try:
        database = dj_database_url.parse(url)
    except ValueError:
        database = {"ENGINE": ""}
    return database_url_problems(url, database)


WAYS = {
    "DATABASE_URL": (database_problems, "postgres://ada:{}@example.org:5432/paperboy"),
    "REDIS_URL": (redis_url_problems, "redis://:{}@example.org:6379/0"),
    "SMTP_URL": (smtp_url_problems, "smtp://ada:{}@example.org:587/?tls=True"),
}


@pytest.mark.parametrize("variable", WAYS)
@pytest.mark.parametrize("secret", SECRETS)
def test_a_password_that_ends_the_address_too_early_is_refused_and_not_shown(variable, secret):
    problems, url = WAYS[variable]
    [problem] = problems(url.format(secret))
    assert problem.startswith(f"{variable} ")
    assert "percent-encoding" in problem
    assert "cret" not in problem
    assert secret not in problem


@pytest.mark.parametrize("variable", WAYS)
@pytest.mark.parametrize("secret", SECRETS + PLAIN)
def test_any_password_can_be_encoded(variable, secret):
    problems, url = WAYS[variable]
    assert not problems(url.format(quote(secret, safe="")))


@pytest.mark.parametrize("variable", WAYS)
@pytest.mark.parametrize("secret", PLAIN)
def test_a_password_that_is_read_as_it_stands_is_taken(variable, secret):
    problems, url = WAYS[variable]
    assert not problems(url.format(secret))


@pytest.mark.parametrize(
    "url",
    [
        "postgres://ada@example.org/paperboy",
        "postgres:///paperboy?host=/run/postgresql",
        "postgresql://postgres:@/postgres?host=/tmp/some.folder",
        "postgres://%2Frun%2Fpostgresql/paperboy",
        "postgres://ada:secret@[::1]:5432/paperboy?sslmode=require",
        "sqlite:////srv/news@home/paperboy.sqlite3",
    ],
)
def test_every_way_to_name_a_database_is_taken(url):
    assert not database_problems(url)


@pytest.mark.parametrize("url", ["postgres://ada:secret@example.org", "mysql://example.org/x", ""])
def test_an_address_without_a_database_that_can_be_used_is_refused(url):
    [problem] = database_problems(url)
    assert problem.startswith("DATABASE_URL must name PostgreSQL")


@pytest.mark.parametrize("url", ["redis://example.org:6379/news", "redis://example.org:6379/0/1"])
def test_a_redis_database_has_a_number(url):
    """The broker would refuse it at the first wake-up, after every check had passed."""
    [problem] = redis_url_problems(url)
    assert problem.startswith("REDIS_URL must name a Redis server")


@pytest.mark.parametrize(
    "url", ["redis://example.org", "rediss://:secret@example.org:6380/15", "redis+socket:///a@b"]
)
def test_every_way_to_name_a_redis_server_is_taken(url):
    assert not redis_url_problems(url)
