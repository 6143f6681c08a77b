"""The outbox page shows development mail to the developer, and nothing to anyone in production."""

import os

import pytest
from django.core.mail import EmailMultiAlternatives

from newsletter.sending.outbox import EmailBackend


@pytest.fixture
def folder(settings, tmp_path):
    settings.OUTBOX_DIR = tmp_path / "outbox"
    return settings.OUTBOX_DIR


def put(
    folder,
    subject,
    at,
    html="<html><head></head><body><p>Hello <script>alert(1)</script></p></body></html>",
):
    message = EmailMultiAlternatives(
        subject,
        "Hello https://example.org/c/token/",
        to=["ada@example.org"],
        headers={"Message-ID": f"<{at}@x>"},
    )
    message.attach_alternative(html, "text/html")
    known = set(folder.glob("*.eml")) if folder.is_dir() else set()
    EmailBackend(folder=folder).send_messages([message])
    (file,) = set(folder.glob("*.eml")) - known
    os.utime(file, (at, at))
    return file.name


def test_an_empty_outbox_says_so(client, folder):
    assert "No mail has been sent yet" in client.get("/outbox/").content.decode()


def test_the_newest_mail_is_first(client, folder):
    put(folder, "Older", 1000)
    put(folder, "Newer", 2000)
    content = client.get("/outbox/").content.decode()
    assert content.index("Newer") < content.index("Older")


def test_a_mail_shows_its_text_with_links_its_headers_and_a_frame_without_rights(client, folder):
    name = put(folder, "Hello", 1000)
    content = client.get(f"/outbox/{name}/").content.decode()
    assert 'href="https://example.org/c/token/"' in content
    assert "ada@example.org" in content
    assert 'sandbox="allow-top-navigation-by-user-activation"' in content
    assert "<script>alert" not in content


def test_the_html_part_comes_alone_under_a_policy_that_runs_nothing(client, folder):
    name = put(folder, "Hello", 1000)
    response = client.get(f"/outbox/{name}/html/")
    assert '<base target="_top">' in response.content.decode()
    policy = response["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'none'" in policy
    assert "sandbox allow-top-navigation-by-user-activation" in policy
    assert response["X-Frame-Options"] == "SAMEORIGIN"


@pytest.mark.parametrize(
    "name", ["..%2Fsecret_key", "secret_key", "absent.eml", ".hidden.eml", "a%00.eml"]
)
def test_only_mails_of_the_outbox_can_be_read(client, folder, name):
    folder.mkdir()
    (folder.parent / "secret_key").write_text("secret")
    assert client.get(f"/outbox/{name}/").status_code == 404


@pytest.mark.parametrize("path", ["/outbox/", "/outbox/{name}/", "/outbox/{name}/html/"])
def test_production_has_no_outbox_page(client, folder, settings, path):
    path = path.format(name=put(folder, "Hello", 1000))
    assert client.get(path).status_code == 200
    settings.PRODUCTION = True
    assert client.get(path).status_code == 404
