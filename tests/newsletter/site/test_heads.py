"""What the web server gets to send in answer to HEAD; Django's test client would hide it."""

from django.http import HttpResponse, StreamingHttpResponse
from django.test import RequestFactory

from newsletter.site.heads import bodiless_heads


def page(_request) -> HttpResponse:
    return HttpResponse(b"a page", headers={"Content-Length": "6"})


def test_an_answer_to_head_keeps_its_headers_and_loses_its_body():
    answer = bodiless_heads(page)(RequestFactory().head("/"))
    assert answer.content == b""
    assert answer["Content-Length"] == "6"


def test_an_answer_to_get_stays_as_it_is():
    assert bodiless_heads(page)(RequestFactory().get("/")).content == b"a page"


def test_a_stream_is_left_to_the_server():
    stream = StreamingHttpResponse([b"a", b"b"])
    assert bodiless_heads(lambda _request: stream)(RequestFactory().head("/")) is stream


def test_it_sees_the_answer_after_its_body_was_measured(settings):
    assert settings.MIDDLEWARE.index(
        "newsletter.site.heads.bodiless_heads"
    ) < settings.MIDDLEWARE.index("django.middleware.common.CommonMiddleware")
