"""What the web server gets to send in answer to HEAD; Django's test client would hide it."""

from django.core.wsgi import get_wsgi_application
from django.test import RequestFactory


def answer(method: str) -> tuple[bytes, dict[str, str]]:
    told: dict[str, str] = {}
    environ = RequestFactory().generic(method, "/robots.txt").environ | {"HTTP_HOST": "127.0.0.1"}
    body = get_wsgi_application()(environ, lambda _status, headers, _error=None: told.update(headers))
    return b"".join(body), told


def test_an_answer_to_head_has_the_headers_of_get_and_no_body():
    page, of_get = answer("GET")
    nothing, of_head = answer("HEAD")
    assert page
    assert nothing == b""
    assert of_head["Content-Type"] == of_get["Content-Type"]
    assert int(of_head["Content-Length"]) == len(page)
