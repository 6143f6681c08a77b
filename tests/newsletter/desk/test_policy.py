import pytest
from django.test import Client

SITE = (
    "default-src 'self'; script-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors "
    "'none'; form-action 'self'"
)


def directives(header: str) -> dict[str, str]:
    return dict(part.strip().split(" ", 1) for part in header.split(";"))


def test_the_site_sends_its_strict_policy(client: Client, db: None) -> None:
    assert directives(client.get("/robots.txt")["Content-Security-Policy"]) == directives(SITE)


@pytest.mark.parametrize("path", ["/desk/", "/desk/login/", "/desk/no-such-page/", "/desk/login"])
def test_everything_under_the_admin_path_sends_the_desks_policy(
    client: Client, db: None, path: str
) -> None:
    policy = directives(client.get(path)["Content-Security-Policy"])
    assert policy["script-src"] == "'self' 'unsafe-eval'"
    assert (
        policy["default-src"]
        == policy["object-src"]
        == policy["base-uri"]
        == policy["frame-ancestors"]
        == "'none'"
    )


@pytest.mark.parametrize("path", ["/desktop/", "/desk-of-another/", "/x/desk/", "/"])
def test_paths_that_only_look_like_the_desk_keep_the_strict_policy(
    client: Client, db: None, path: str
) -> None:
    assert "unsafe" not in client.get(path)["Content-Security-Policy"]


def test_the_desk_has_no_inline_script_to_allow(client: Client, db: None) -> None:
    page = client.get("/desk/login/").content.decode()
    assert "<script>" not in page
    assert " onclick=" not in page
