"""Papers: added by hand, mended by hand, and shown with who said what."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.admin.models import LogEntry

from ingest.identity import title_key
from ingest.models import Count, FormerTitle, Paper
from newsletter.models import Edition
from tests.newsletter import world
from tests.newsletter.desk.pages import seen

pytestmark = pytest.mark.django_db
ADD = "/desk/ingest/paper/add/"


def form_of(paper: Paper, **changes) -> dict[str, str]:
    """Return what the paper's form would post, unchanged but for `changes`."""
    fields = {
        "title": paper.title,
        "abstract": paper.abstract,
        "authors": "\n".join(paper.authors),
        "published": paper.published.isoformat() if paper.published else "",
        "categories": "\n".join(paper.categories),
        "link": paper.link,
        "code_link": paper.code_link,
        "project_link": paper.project_link,
    }
    return fields | changes


def url(paper: Paper) -> str:
    return f"/desk/ingest/paper/{paper.pk}/change/"


def test_a_paper_added_by_hand_is_stored_listed_by_the_staff_and_in_the_history(enter) -> None:
    answer = enter("editors").post(
        ADD,
        {
            "title": "A paper nobody listed",
            "arxiv_id": "https://arxiv.org/abs/2601.77777v2",
            "authors": "Ada\nBen",
        },
    )
    paper = Paper.objects.get()
    assert answer.url == url(paper)
    assert (paper.arxiv_id, paper.arxiv_version, paper.authors) == ("2601.77777", 2, ["Ada", "Ben"])
    assert paper.listings.get().source.slug == "staff"
    assert LogEntry.objects.get().object_id == str(paper.pk)


def test_adding_a_stored_paper_says_so_with_a_link_and_changes_nothing(enter) -> None:
    paper = world.a_paper(1, title="Known <b>already</b>")
    answer = enter("editors").post(
        ADD, {"title": "Typed in haste", "arxiv_id": paper.arxiv_id, "abstract": "Typed."}
    )
    text = answer.content.decode()
    assert "stored already" in text
    assert f'href="{url(paper)}"' in text
    assert "Known &lt;b&gt;already&lt;/b&gt;" in text
    assert "Typed in haste" in text  # what was typed stays in the form
    assert Paper.objects.get().title == "Known <b>already</b>"
    assert not LogEntry.objects.exists()


def test_a_stored_paper_is_listed_today_by_a_button(enter) -> None:
    paper = world.a_paper(1)
    desk, address = enter("editors"), f"/desk/ingest/paper/{paper.pk}/list/"
    assert address in desk.get(url(paper)).content.decode()
    assert address in desk.post(ADD, {"title": paper.title}).content.decode()
    assert desk.get(address).status_code == 405
    assert paper.listings.count() == 1
    assert desk.post(address).url == url(paper)
    paper.refresh_from_db()
    assert paper.listings.get(source__slug="staff").day == datetime.now(UTC).date()
    assert "listed today" in LogEntry.objects.get().change_message


def test_only_who_may_add_papers_lists_them(enter) -> None:
    paper = world.a_paper(1)
    address = f"/desk/ingest/paper/{paper.pk}/list/"
    desk = enter("operators")
    assert address not in desk.get(url(paper)).content.decode()
    assert desk.post(address).status_code == 403
    assert paper.listings.count() == 1


def test_a_withdrawn_paper_is_not_listed(enter) -> None:
    paper = world.a_paper(1, withdrawn_at=world.NOON)
    address = f"/desk/ingest/paper/{paper.pk}/list/"
    desk = enter("editors")
    text = desk.post(ADD, {"title": paper.title}).content.decode()
    assert "stored already" in text
    assert address not in text
    assert desk.post(address).status_code == 404


def test_fetching_a_stored_paper_from_arxiv_says_that_it_is_stored(enter) -> None:
    paper = world.a_paper(1)
    answer = enter("editors").post(
        "/desk/ingest/paper/from-arxiv/", {"arxiv_id": paper.arxiv_id}, follow=True
    )
    assert f"{paper.title}” ({paper.arxiv_id}) is stored already" in seen(answer)


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("arxiv_id", "banana", "no arXiv id"),
        ("link", "javascript:alert(1)", "no web address"),
        ("doi", "x", "no DOI"),
        ("title", " ", "required"),
    ],
)
def test_what_cannot_be_stored_is_said_beside_what_was_typed(enter, field, value, words) -> None:
    answer = enter("editors").post(
        ADD, {"title": "A paper", "abstract": "Typed with care.", field: value}
    )
    text = answer.content.decode()
    assert words in text
    assert "Typed with care." in text
    assert not Paper.objects.exists()


def test_a_paper_added_by_hand_reaches_an_edition(enter) -> None:
    enter("editors").post(ADD, {"title": "A paper nobody listed"})
    paper = Paper.objects.get()
    edition: Edition = world.open_edition(
        "daily", paper.listings.get().day, datetime.now(UTC) + timedelta(minutes=1)
    )
    assert edition.candidates.get().paper == paper


def test_what_staff_mend_is_marked_as_theirs_and_nothing_else_is(enter) -> None:
    paper = world.a_paper(1, field_sources={"abstract": ["listing", "2026-01-14T01:00:00Z"]})
    enter("editors").post(
        url(paper), form_of(paper, code_link="https://example.org/code", authors="Ada\nBen\nCem")
    )
    paper.refresh_from_db()
    assert (paper.code_link, paper.authors, paper.author_count) == (
        "https://example.org/code",
        ["Ada", "Ben", "Cem"],
        3,
    )
    assert {name: slug for name, (slug, _seen) in paper.field_sources.items()} == {
        "abstract": "listing",
        "code_link": "staff",
        "authors": "staff",
    }
    text = seen(enter("operators").get(url(paper)))
    assert "staff" in text


def test_a_mended_title_keeps_the_old_one_known_and_moves_its_key(enter) -> None:
    paper = world.a_paper(1)
    old = paper.title_key
    enter("editors").post(url(paper), form_of(paper, title="  Graph networks,\u202e mended "))
    paper.refresh_from_db()
    assert paper.title == "Graph networks, mended"
    assert paper.title_key != old
    assert FormerTitle.objects.get(paper=paper).title_key == old


def test_a_field_that_a_fetch_wrote_meanwhile_is_kept(enter, monkeypatch) -> None:
    paper = world.a_paper(1)
    typed = form_of(paper, title="Mended")
    Paper.objects.filter(pk=paper.pk).update(
        arxiv_version=7, field_sources={"arxiv_version": ["listing", "2026-01-14T01:00:00Z"]}
    )
    enter("editors").post(url(paper), typed)
    paper.refresh_from_db()
    assert (paper.title, paper.arxiv_version) == ("Mended", 7)
    assert paper.field_sources.keys() == {"arxiv_version", "title"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("title", "\u202e"),
        ("link", "javascript:alert(1)"),
        ("code_link", "ftp://example.org"),
        ("published", "yesterday"),
    ],
)
def test_a_mend_that_makes_no_sense_is_refused_with_a_reason(enter, field, value) -> None:
    paper = world.a_paper(1)
    answer = enter("editors").post(url(paper), form_of(paper, **{field: value}))
    assert answer.status_code == 200
    assert answer.context["adminform"].form.errors[field]
    before = form_of(paper)
    paper.refresh_from_db()
    assert form_of(paper) == before
    assert not paper.field_sources


def test_two_papers_without_an_id_cannot_get_one_title(enter) -> None:
    titles = ("First paper here", "Second paper here")
    _first, second = (
        Paper.objects.create(title=title, title_key=title_key(title), first_seen_at=world.NOON)
        for title in titles
    )
    answer = enter("editors").post(url(second), form_of(second, title="First paper here!"))
    assert "has this title already" in answer.content.decode()


def test_operators_read_papers_in_words_and_cannot_write(enter) -> None:
    paper = world.a_paper(1)
    Paper.objects.update(authors=["Chloé Test", "Ben"])
    client = enter("operators")
    assert "Chloé Test, Ben" in seen(client.get(url(paper)))
    assert client.post(url(paper), form_of(paper, title="Mine")).status_code == 403
    assert client.get(ADD).status_code == 403


def test_the_page_draws_the_votes_and_lists_each_change(enter) -> None:
    paper = world.a_paper(1, votes=3)
    listing = paper.listings.get()
    for hours, votes in ((4, 10), (8, 25)):
        Count.objects.create(
            listing=listing,
            seen_at=world.FREEZE + timedelta(hours=hours),
            votes=votes,
            comments=hours,
        )
    answer = enter("operators").get(url(paper))
    assert "<polyline points=" in answer.content.decode()
    text = seen(answer)
    for words in ("3 votes", "10 votes, 4 comments", "25 votes, 8 comments"):
        assert words in text


def test_lists_narrow_to_a_source_and_a_standing(enter) -> None:
    papers = world.papers(3)
    world.listed(papers[0], world.DAY, 5, source=world.a_source("another"))
    Paper.objects.filter(pk=papers[1].pk).update(withdrawn_at=world.NOON)
    Paper.objects.filter(pk=papers[2].pk).update(merged_into=papers[0])
    client = enter("editors")
    for query, count in (
        ("source=another", 1),
        ("source=listing", 3),
        ("standing=used", 1),
        ("standing=withdrawn", 1),
        ("standing=merged", 1),
    ):
        assert client.get(f"/desk/ingest/paper/?{query}").context["cl"].result_count == count, query
