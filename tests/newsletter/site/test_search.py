"""Search: every word must be there, the ranking orders and says why, and the work is bounded."""

import pytest

from ingest.models import Paper
from newsletter.site import search
from tests.newsletter import world

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nothing_remembered():
    search._best.cache_clear()


@pytest.fixture
def papers():
    world.a_paper(1, title="Chess and rivers", abstract="Rivers are long. A chess engine is not.")
    world.a_paper(2, title="Engines for chess", abstract="We play.", votes=17)
    world.a_paper(3, title="Bees", abstract="They dance.")
    world.a_paper(
        4,
        title="A chess engine that explains itself",
        abstract="A chess engine tells why it moves.",
    )


def page(client, query):
    response = client.get("/search/", {"q": query})
    assert response.status_code == 200
    return response.content.decode()


def titles(content):
    found = [paper.title for paper in Paper.objects.all() if f">{paper.title}</a>" in content]
    return sorted(found, key=content.index)


def test_an_empty_page_says_how_it_works(client):
    assert "All words must be in a paper" in page(client, "")


def test_the_phrase_in_the_title_comes_first_and_every_paper_says_why(client, papers):
    content = page(client, "chess engine")
    assert titles(content)[0] == "A chess engine that explains itself"
    assert set(titles(content)) == {
        "A chess engine that explains itself",
        "Engines for chess",
        "Chess and rivers",
    }
    assert content.count('class="why"') == 3
    assert "“chess engine” in the title" in content
    assert "<b>17</b> votes" in content


def test_endings_do_not_matter(client, papers):
    assert titles(page(client, "Chess ENGINES")) == titles(page(client, "chess engine"))


def test_a_word_that_no_paper_has_finds_nothing_and_says_so(client, papers):
    assert "No paper has all of “chess volcano”" in page(client, "chess volcano")


@pytest.mark.parametrize(
    "query",
    [
        "???",
        "   ",
        "%",
        "_",
        "' OR 1=1 --",
        "\x00",
        "\\",
        "🙂",
        "the of and",
        "x" * 5000,
        "a " * 500,
    ],
)
def test_odd_queries_are_answered(client, papers, query):
    assert "<h1>Search the papers</h1>" in page(client, query)


def test_what_was_asked_is_shown_as_text(client, papers):
    content = page(client, "<script>alert(1)</script>")
    assert "<script>alert" not in content


def test_withdrawn_and_merged_papers_are_not_found(client, papers):
    first, second = Paper.objects.filter(title__icontains="chess").order_by("pk")[:2]
    Paper.objects.filter(pk=first.pk).update(withdrawn_at=world.NOON)
    Paper.objects.filter(pk=second.pk).update(
        merged_into=Paper.objects.get(title__startswith="A chess")
    )
    assert titles(page(client, "chess")) == ["A chess engine that explains itself"]


def test_a_new_paper_is_found_at_once(client, papers):
    page(client, "chess")
    world.a_paper(5, title="Chess by post")
    assert "Chess by post" in titles(page(client, "chess"))


def test_a_search_costs_few_queries_and_looks_at_few_papers(
    client, papers, django_assert_max_num_queries, monkeypatch
):
    monkeypatch.setattr(search, "ANYWHERE", 2)
    monkeypatch.setattr(search, "IN_TITLE", 1)
    with django_assert_max_num_queries(8):
        assert len(titles(page(client, "chess"))) <= 3


def test_only_the_newest_papers_are_looked_through(client, papers, monkeypatch):
    monkeypatch.setattr(search, "NEWEST_PAPERS", 2)
    assert titles(page(client, "chess")) == ["A chess engine that explains itself"]
