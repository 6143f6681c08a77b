"""Sources at the desk: how they stand, what they are asked for, asking one now, and files that
are handed in.
"""

from datetime import date

import pytest
from django.contrib.admin.models import LogEntry
from django.core.files.uploadedfile import SimpleUploadedFile

from ingest.keys import key_of
from ingest.models import Fetch, Listing, Paper, Run, Source
from tests.ingest.pages import facts, page
from tests.newsletter.desk.pages import seen

pytestmark = pytest.mark.django_db
UPLOAD = "/desk/ingest/source/upload/"
STANDING = "/desk/ingest/source/standing/"


@pytest.fixture
def source():
    return Source.objects.create(
        slug="arxiv",
        kind="arxiv",
        title="arXiv",
        priority=25,
        options={"categories": ["cs.AI"], "kept": 1},
    )


def form(**changes) -> dict[str, str]:
    return {
        "title": "arXiv",
        "enabled": "on",
        "priority": "25",
        "url": "",
        "categories": "cs.LG\ncs.CL",
        "times": "05:30",
    } | changes


def a_page(*blocks: str) -> SimpleUploadedFile:
    return SimpleUploadedFile("page.txt", page(*blocks))


def test_the_options_of_a_source_are_edited_and_what_is_not_shown_stays(enter, source) -> None:
    answer = enter("editors").post(f"/desk/ingest/source/{source.pk}/change/", form())
    assert answer.status_code == 302
    source.refresh_from_db()
    assert source.options == {"categories": ["cs.LG", "cs.CL"], "times": ["05:30"], "kept": 1}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"times": "5 o'clock"}, "no time such as"),
        ({"categories": "everything!"}, "no arXiv category"),
        ({"url": "ftp://x.org"}, "web address"),
        ({"url": "https://[::1"}, "web address"),
        ({"url": "http://feeds.example.org/"}, "Only https addresses"),
        ({"url": "https://127.0.0.1/"}, "not a public address"),
        ({"url": "https://xn--a.org/"}, "not a web address"),
    ],
)
def test_options_that_cannot_work_are_refused_with_what_they_should_be(
    enter, source, changes, words
) -> None:
    answer = enter("editors").post(f"/desk/ingest/source/{source.pk}/change/", form(**changes))
    assert words in seen(answer)
    source.refresh_from_db()
    assert source.options["categories"] == ["cs.AI"]


def test_a_feed_can_be_added(enter) -> None:
    fields = form(
        title="A group",
        slug="a-group",
        kind="feed",
        url="https://example.org/feed.xml",
        categories="",
        times="",
    )
    assert enter("editors").post("/desk/ingest/source/add/", fields).status_code == 302
    made = Source.objects.get(slug="a-group")
    assert (made.kind, made.enabled, made.options) == (
        "feed",
        True,
        {"url": "https://example.org/feed.xml"},
    )


def test_operators_look_and_do_not_edit(enter, source) -> None:
    client = enter("operators")
    assert "cs.AI" in seen(client.get(f"/desk/ingest/source/{source.pk}/change/"))
    assert client.post(f"/desk/ingest/source/{source.pk}/change/", form()).status_code == 403
    assert client.post(f"/desk/ingest/source/{source.pk}/ask/").status_code == 403
    assert client.get(UPLOAD).status_code == 403
    assert client.get(STANDING).status_code == 200


def test_the_standing_of_every_source_is_on_one_page(enter, source) -> None:
    Source.objects.create(
        slug="huggingface", kind="huggingface", title="Daily Papers", enabled=False
    )
    text = seen(enter("editors").get(STANDING))
    for words in ("arXiv", "waiting", "Daily Papers", "off"):
        assert words in text


def test_a_source_is_asked_now_once_however_often_the_button_is_pressed(enter, source) -> None:
    client = enter("editors")
    assert client.get(f"/desk/ingest/source/{source.pk}/ask/").status_code == 405
    for _ in range(2):
        assert client.post(f"/desk/ingest/source/{source.pk}/ask/").status_code == 302
    assert Run.objects.get().source == source


def test_a_listing_page_that_is_handed_in_becomes_a_fetch_with_its_papers(enter) -> None:
    upload = a_page("A Title", "Its abstract.", facts(), "Alone")
    answer = enter("editors").post(
        UPLOAD, {"kind": "listing", "page_year": "2024", "file": upload}, follow=True
    )
    assert "1 new, 0 updated, 0 unchanged, 1 rejected" in seen(answer)
    fetch = Fetch.objects.get()
    assert (fetch.origin, fetch.rejected, bytes(fetch.body.content)[:3]) == ("page.txt", 1, b"new")
    assert Listing.objects.get().day == date(2024, 12, 15)
    assert LogEntry.objects.get().object_id == str(fetch.pk)


def test_json_lines_can_be_handed_in(enter) -> None:
    upload = SimpleUploadedFile(
        "papers.jsonl", b'{"title": "A Title", "day": "2025-01-09", "votes": 3}\n{"no": "title"}\n'
    )
    enter("editors").post(UPLOAD, {"kind": "jsonl", "file": upload})
    assert (Paper.objects.get().title, Fetch.objects.get().rejected) == ("A Title", 1)


@pytest.mark.parametrize("content", [b"", b"\x7fELF\0\0", b"<!doctype html><html></html>"])
def test_a_file_that_is_something_else_is_told_and_stores_no_paper(enter, content) -> None:
    answer = enter("editors").post(
        UPLOAD, {"kind": "listing", "file": SimpleUploadedFile("x.txt", content)}, follow=True
    )
    assert "x.txt" in seen(answer)
    assert Fetch.objects.get().status == "failed"
    assert not Paper.objects.exists()


def test_one_paper_is_asked_for_by_its_address(enter) -> None:
    client = enter("editors")
    assert "no arXiv id" in seen(
        client.post("/desk/ingest/paper/from-arxiv/", {"arxiv_id": "banana"})
    )
    assert (
        client.post(
            "/desk/ingest/paper/from-arxiv/", {"arxiv_id": "https://arxiv.org/abs/2501.01234v3"}
        ).status_code
        == 302
    )
    assert Run.objects.get().subject == "2501.01234"


def test_a_key_is_kept_sealed_used_and_never_shown(enter, source) -> None:
    desk, address = enter("editors"), f"/desk/ingest/source/{source.pk}/change/"
    assert desk.post(address, form(key=" hf_secret ")).status_code == 302
    source.refresh_from_db()
    assert key_of(source) == "hf_secret"
    assert (
        "hf_secret" not in f"{source.__dict__} {desk.get(address).content.decode()} "
        f"{list(LogEntry.objects.values())}"
    )
    desk.post(address, form(title="Renamed"))
    source.refresh_from_db()
    assert (source.title, key_of(source)) == ("Renamed", "hf_secret")
    desk.post(address, form(forget_key="on"))
    source.refresh_from_db()
    assert (source.sealed_key, key_of(source)) == ("", "")


def test_a_key_that_no_header_can_hold_is_refused(enter, source) -> None:
    assert "without blanks" in seen(
        enter("editors").post(f"/desk/ingest/source/{source.pk}/change/", form(key="two words"))
    )
    source.refresh_from_db()
    assert not source.sealed_key


@pytest.mark.parametrize("stored", [True, False])
def test_a_key_does_not_go_to_another_host_unless_it_is_entered_again(
    enter, source, settings, stored
) -> None:
    desk, address = enter("editors"), f"/desk/ingest/source/{source.pk}/change/"
    desk.post(
        address,
        form(url="https://feeds.example.org/a.xml", **({"key": "hf_secret"} if stored else {})),
    )
    settings.SOURCE_KEYS = {} if stored else {source.slug: "hf_secret"}
    assert "given for another address" in seen(
        desk.post(address, form(url="https://evil.example.com/a.xml"))
    )
    assert "given for another address" in seen(
        desk.post(address, form(url="https://feeds.example.org:8443/a.xml"))
    )
    source.refresh_from_db()
    assert (source.options["url"], key_of(source)) == (
        "https://feeds.example.org/a.xml",
        "hf_secret",
    )
    assert desk.post(address, form(url="https://feeds.example.org/b.xml")).status_code == 302
    assert (
        desk.post(address, form(url="https://other.example.com/a.xml", key="another")).status_code
        == 302
    )
    source.refresh_from_db()
    assert (source.options["url"], key_of(source)) == ("https://other.example.com/a.xml", "another")
