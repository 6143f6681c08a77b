"""The pages that show papers: only what was frozen, without what staff took out."""

import gzip
import random
import re
from pathlib import Path

import pytest
import time_machine
from django.contrib.staticfiles import finders
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from ingest.models import Paper
from newsletter.editions import curate, open_edition
from newsletter.models import Strike, TopicPapers
from newsletter.ranking.rank import explain
from newsletter.ranking.statistics import EditionStatistics
from newsletter.ranking.values import ReaderProfile
from newsletter.sending import press
from newsletter.site import daily, stories, topic
from newsletter.site.pages import SHOWN_AGAIN
from newsletter.site.stories import Stories, byline, latest_edition
from subscriptions.links import view_url
from subscriptions.models import Topic
from tests.newsletter import world

pytestmark = pytest.mark.django_db


EDITION = f"/editions/daily/{world.DAY}/"


def without_token(content):
    return re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", content)


def page(client, path):
    response = client.get(path)
    assert response.status_code == 200
    return response.content.decode()


def test_the_front_page_invites_before_the_first_edition(client):
    assert "No edition yet" in page(client, "/")


def test_the_front_page_shows_what_won_most_votes_and_how_many_more_there_are(client, edition):
    content = page(client, "/")
    assert content.count('class="story"') == 8
    assert "3 more in this edition" in content


def test_an_edition_that_is_not_frozen_is_not_shown(client):
    world.papers(2)
    opened = open_edition("daily", world.DAY, world.FREEZE)
    assert latest_edition() is None
    assert client.get(reverse("edition", args=["daily", opened.day])).status_code == 404
    assert "No edition has gone out yet" in page(client, "/editions/")


def test_growth_puts_a_paper_first_and_a_missing_count_is_not_growth(edition):
    first, second, *_rest = edition.candidates.all()
    edition.candidates.update(votes=None, votes_before=None)
    edition.candidates.filter(pk=first.pk).update(votes=90, votes_before=88)
    edition.candidates.filter(pk=second.pk).update(votes=30, votes_before=5)
    shown = Stories(edition)
    assert [(story.paper_id, story.growth) for story in shown[:2]] == [
        (second.paper_id, 25),
        (first.paper_id, 2),
    ]
    assert {story.growth for story in shown[2:]} == {None}


def test_pinned_comes_first_and_hidden_or_struck_does_not_come(client):
    papers = world.papers(5)
    opened = open_edition("daily", world.DAY, world.FREEZE)
    curate(opened, papers[4], "pin", None, world.FREEZE)
    curate(opened, papers[4], "note", None, world.FREEZE, "Worth <b>reading</b>")
    curate(opened, papers[0], "hide", None, world.FREEZE)
    edition = world.a_frozen_edition()
    Strike.objects.create(edition=edition, paper=papers[1], reason="withdrawn", at=world.NOON)
    assert [story.paper_id for story in Stories(edition)] == [
        papers[4].pk,
        papers[2].pk,
        papers[3].pk,
    ]
    assert "Worth &lt;b&gt;reading&lt;/b&gt;" in page(
        client, reverse("edition", args=["daily", edition.day])
    )


def test_pinned_stories_are_in_the_order_of_the_pins():
    papers = world.papers(4)
    opened = open_edition("daily", world.DAY, world.FREEZE)
    for number in (3, 1, 2):
        curate(opened, papers[number], "pin", None, world.FREEZE)
    assert [story.paper_id for story in Stories(world.a_frozen_edition())] == [
        papers[number].pk for number in (3, 1, 2, 0)
    ]


def test_an_edition_is_shown_in_pages_that_read_no_more_than_they_show(
    client, edition, monkeypatch, django_assert_num_queries
):
    monkeypatch.setattr(daily, "PER_PAGE", 4)
    address = reverse("edition", args=["daily", edition.day])
    with django_assert_num_queries(4):  # the edition, its decisions, the totals and one page
        first = page(client, address)
    assert (first.count('class="story"'), "Page 1 of 3" in first) == (4, True)
    assert 'href="?page=2" rel="next"' in first
    last = page(client, address + "?page=3")
    assert (last.count('class="story"'), '<ol class="stories" start="9">' in last) == (3, True)
    titles = [story.title for story in Stories(edition)]
    assert [title for title in titles if title in last] == titles[8:]


@pytest.mark.parametrize("number", ["0", "4", "-1", "two", "1" * 30, "\x00"])
def test_a_page_that_is_not_there_is_404(client, edition, monkeypatch, number):
    monkeypatch.setattr(daily, "PER_PAGE", 4)
    address = reverse("edition", args=["daily", edition.day])
    assert client.get(address, {"page": number}).status_code == 404


def test_the_archive_lists_editions(client, edition):
    assert reverse("edition", args=["daily", edition.day]) in page(client, "/editions/")


@pytest.mark.parametrize(
    "path",
    [
        "/editions/daily/2026-02-30/",
        "/editions/hourly/2026-01-14/",
        "/editions/daily/2019-01-01/",
        "/topics/none/",
    ],
)
def test_what_is_not_there_is_404(client, edition, path):
    response = client.get(path)
    assert response.status_code == 404
    assert "There is no page at this address" in response.content.decode()


def test_a_topic_shows_its_papers_with_the_words_that_put_them_there(client, edition):
    content = page(client, "/topics/graphs/")
    assert content.count('class="story"') == 11
    assert "Graph networks" in content
    assert 'href="/topics/graphs/"' in page(client, "/topics/")


def test_the_papers_on_a_topic_are_those_and_in_the_order_that_its_reader_would_get(edition):
    statistics = EditionStatistics.from_bytes(bytes(edition.statistics))
    subject = world.a_topic()
    only_this = ReaderProfile(
        topics=(subject.pk,), phrases=(), muted=(), minimum_votes=0, papers_per_digest=1, balance=0
    )
    found = [
        one for one in explain(statistics, only_this, list(statistics.places)) if one.parts.topic
    ]
    found.sort(key=lambda one: -one.parts.total)
    stored = TopicPapers.objects.get(edition=edition, topic=subject).papers
    assert [paper_id for paper_id, _ in stored] == [one.paper_id for one in found]
    assert {reason for _, reason in stored} == {
        next(reason.text for reason in one.reasons if reason.kind == "topic") for one in found
    }


def test_the_page_of_a_topic_reads_its_own_papers_and_no_statistics(client, edition, monkeypatch):
    monkeypatch.setattr(topic, "PER_PAGE", 4)
    with CaptureQueriesContext(connection) as queries:
        content = page(client, "/topics/graphs/?page=2")
    assert content.count('class="story"') == 4
    assert '<ol class="stories" start="5">' in content
    assert not any('"statistics"' in query["sql"] for query in queries)
    assert len(queries) <= 8
    assert client.get("/topics/graphs/?page=4").status_code == 404


def test_a_paper_that_was_struck_leaves_the_page_of_its_topic(client, edition):
    gone = edition.candidates.select_related("paper").first().paper
    Strike.objects.create(edition=edition, paper=gone, reason="wrong", at=world.NOON)
    content = page(client, "/topics/graphs/")
    assert content.count('class="story"') == 10
    assert gone.title not in content


@pytest.mark.parametrize("path", ["/", "/editions/", "/topics/", "/topics/graphs/", EDITION])
def test_a_page_that_was_just_made_is_shown_again_for_a_minute(client, edition, path):
    with time_machine.travel(world.NOON, tick=False) as clock:
        first = page(client, path)
        for paper in Paper.objects.all():
            Strike.objects.create(edition=edition, paper=paper, reason="wrong", at=world.NOON)
        Topic.objects.update(retired=True)
        with CaptureQueriesContext(connection) as queries:
            again = page(client, path)
        assert without_token(again) == without_token(first)
        assert len(queries) <= (4 if path == "/" else 0)
        clock.shift(SHOWN_AGAIN + 1)
        if path in ("/", EDITION, "/topics/graphs/"):
            assert 'class="story"' in first
            assert 'class="story"' not in page(client, path)


def test_each_visitor_of_the_front_page_gets_a_form_of_their_own(edition):
    tokens = {
        re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page(Client(), "/"))[1]
        for _ in range(2)
    }
    assert len(tokens) == 2


def test_the_front_page_makes_the_summary_of_the_first_paper_alone(client, edition, monkeypatch):
    made = []
    real = stories.summarise
    monkeypatch.setattr(
        stories, "summarise", lambda text, length: made.append(text) or real(text, length)
    )
    page(client, "/")
    assert len(made) == 1


def test_a_full_page_of_papers_is_under_100_kb_compressed_with_its_style(client):
    world.a_topic()
    chance = random.Random(1)
    for number in range(1, 60):
        words = ["".join(chance.choices("abcdefghijklmnop", k=7)) for _ in range(200)]
        world.a_paper(
            number, title=f"Graph networks {' '.join(words[:12])}", abstract=" ".join(words)
        )
    world.a_frozen_edition()
    style = Path(finders.find("paperboy.css")).read_bytes()
    for path in (EDITION, "/topics/graphs/", "/"):
        content = page(client, path)
        assert len(gzip.compress(content.encode()) + gzip.compress(style)) < 100_000


def test_a_topic_made_after_the_freeze_has_no_papers_yet(client, edition):
    world.a_topic("Later", ("graph networks",))
    assert "has nothing on this topic" in page(client, "/topics/later/")


def test_a_digest_in_the_browser_has_its_papers_in_order_with_reasons(client, delivery):
    content = page(client, view_url(delivery.pk).removeprefix("http://127.0.0.1:8000"))
    titles = [
        edition_paper.paper.title
        for edition_paper in delivery.edition.candidates.select_related("paper")[:3]
    ]
    places = [content.index(title) for title in titles]
    assert places == sorted(places)
    assert content.count("Why it’s here:") == 3


def test_a_digest_in_the_browser_is_the_mailed_document_without_powers(client, delivery):
    address = view_url(delivery.pk).removeprefix("http://127.0.0.1:8000")
    content = page(client, address)
    assert content.startswith("<!doctype html>")
    assert delivery.subscriber.address not in content
    for power in ("/u/", "/p/", "/a/"):
        assert power not in content
    assert "'unsafe-inline'" in client.get(address)["Content-Security-Policy"]
    assert "script-src 'self'" in client.get(address)["Content-Security-Policy"]


def test_a_withdrawn_paper_is_named_in_the_browser_and_not_shown(client, delivery):
    gone = Paper.objects.get(pk=delivery.papers[1])
    Paper.objects.filter(pk=gone.pk).update(withdrawn_at=world.NOON)
    content = page(client, view_url(delivery.pk).removeprefix("http://127.0.0.1:8000"))
    assert "has been withdrawn since" in content
    assert gone.get_absolute_url() not in content


def test_a_digest_whose_compiled_edition_is_gone_is_shown_all_the_same(client, delivery):
    delivery.edition.compiled.all().delete()
    press.forget()
    assert "Why it’s here:" in page(
        client, view_url(delivery.pk).removeprefix("http://127.0.0.1:8000")
    )


def test_a_digest_whose_delivery_was_deleted_is_over(client, delivery):
    address = view_url(delivery.pk).removeprefix("http://127.0.0.1:8000")
    delivery.delete()
    assert client.get(address).status_code == 410


@pytest.mark.parametrize(
    ("authors", "count", "text"),
    [
        ([], None, ""),
        ([], 7, "7 authors"),
        (["A"], None, "A"),
        (["A", "B", "C", "D"], None, "A, B, C and 1 more"),
        (["A", "B"], 40, "A, B and 38 more"),
    ],
)
def test_a_byline_claims_only_what_is_known(authors, count, text):
    assert byline(authors, count) == text


def test_a_hostile_title_is_shown_as_text(client):
    world.a_paper(1, title="<script>alert(1)</script> {{ x }}")
    world.a_frozen_edition()
    content = page(client, "/")
    assert "<script>alert" not in content
    assert "&lt;script&gt;alert(1)" in content


def test_robots_are_kept_from_signed_links(client):
    lines = page(client, "/robots.txt").splitlines()
    assert {"Disallow: /u/", "Disallow: /p/", "Disallow: /desk/"} <= set(lines)


def test_a_front_page_costs_few_queries_however_many_papers(
    client, edition, django_assert_max_num_queries
):
    with django_assert_max_num_queries(8):
        page(client, "/")


def test_titles_and_summaries_are_words_not_tex(client):
    world.a_paper(
        1,
        title=r"On $\alpha$-fairness",
        abstract=r"We bound $\alpha$. " + "It holds for every graph we tried. " * 40,
    )
    edition = world.a_frozen_edition()
    content = page(client, reverse("edition", args=["daily", edition.day]))
    assert "On α-fairness" in content
    assert "We bound α." in content
    assert "tried.</p>" in content
