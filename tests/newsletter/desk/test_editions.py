"""The curation desk."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User

from ingest.models import Paper
from newsletter.composing.compiled import BrokenLayout
from newsletter.desk import edition_steps
from newsletter.desk.candidates import PER_PAGE, candidate_page
from newsletter.editions import hold, rebuild
from newsletter.models import Curation, CurationKind, Delivery, Edition, Strike
from tests.newsletter import world
from tests.newsletter.desk.pages import World, a_world, seen

pytestmark = pytest.mark.django_db
NOW = world.NOON


def page(edition: Edition) -> str:
    return f"/desk/newsletter/edition/{edition.pk}/change/"


def decide(client, found: World, kind: str, value: str, **more):
    data = {"paper": found.papers[0].pk, "kind": kind, "value": value, **more}
    return client.post(f"/desk/newsletter/edition/{found.open.pk}/curate/", data)


@pytest.mark.parametrize(
    ("kind", "value", "stored"),
    [("pin", "1", 1), ("hide", "1", 1), ("boost", "-40", -40), ("pin", "0", 0)],
)
def test_a_control_appends_one_decision_with_its_author(enter, kind, value, stored) -> None:
    found = a_world()
    answer = decide(enter("editors"), found, kind, value, back="order=growth&q=graph")
    assert answer.url == f"{page(found.open)}?order=growth&q=graph#paper-{found.papers[0].pk}"
    written = Curation.objects.latest("pk")
    assert (written.kind, written.value, written.by.username) == (kind, stored, "editors")


def test_a_note_is_shown_to_the_next_editor_and_the_trail_keeps_the_one_before(enter) -> None:
    found = a_world()
    client = enter("editors")
    decide(client, found, "note", "Read the appendix.")
    text = seen(client.get(page(found.open)))
    assert "“Read the appendix.”" in text
    assert "An evening well spent." in text
    assert Curation.objects.filter(kind=CurationKind.NOTE).count() == 2


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("boost", "101"),
        ("boost", "much"),
        ("pin", ""),
        ("pin", "7"),
        ("note", "x" * 501),
        ("love", "1"),
    ],
)
def test_a_value_that_makes_no_sense_decides_nothing_and_says_so(enter, kind, value) -> None:
    found = a_world()
    before = Curation.objects.count()
    answer = enter("editors").post(
        f"/desk/newsletter/edition/{found.open.pk}/curate/",
        {"paper": found.papers[0].pk, "kind": kind, "value": value},
        follow=True,
    )
    assert answer.status_code == 200
    assert [str(message) for message in answer.context["messages"]]
    assert Curation.objects.count() == before


@pytest.mark.parametrize("number", ["999999", "0", "-1", "x", "9" * 40])
def test_only_a_candidate_can_be_curated_or_struck(enter, number) -> None:
    found = a_world()
    client = enter("editors")
    before = Curation.objects.count()
    client.post(
        f"/desk/newsletter/edition/{found.open.pk}/curate/",
        {"paper": number, "kind": "pin", "value": "1"},
    )
    assert (
        client.get(f"/desk/newsletter/edition/{found.frozen.pk}/strike/?paper={number}").status_code
        == 404
    )
    assert Curation.objects.count() == before


def test_going_back_stays_on_the_desk_whatever_the_form_says(enter) -> None:
    found = a_world()
    answer = decide(enter("editors"), found, "pin", "1", back="https://example.org/?x=1")
    assert answer.url.startswith(page(found.open))


def test_reading_a_decision_address_decides_nothing(enter) -> None:
    found = a_world()
    url = f"/desk/newsletter/edition/{found.open.pk}/curate/?paper={found.papers[0].pk}&kind=hide&value=1"
    before = Curation.objects.count()
    assert enter("editors").get(url).status_code == 405
    assert Curation.objects.count() == before


@pytest.mark.parametrize(
    ("state", "offered"),
    [
        ("open", {"Approve", "Write a note", "Hold", "Freeze now", "Cancel"}),
        ("review", {"Approve", "Write a note", "Hold", "Freeze now", "Cancel"}),
        ("approved", {"Write a note", "Hold", "Freeze now", "Cancel"}),
        ("held", {"Write a note", "Release", "Cancel"}),
        ("cancelled", set()),
    ],
)
def test_only_the_steps_that_a_state_allows_are_offered(enter, state, offered) -> None:
    found = a_world()
    Edition.objects.filter(pk=found.open.pk).update(
        state=state, held_reason="why" if state == "held" else ""
    )
    steps = enter("editors").get(page(found.open)).context["steps"]
    assert {str(step["label"]) for step in steps} == offered


def test_a_frozen_edition_offers_editors_strikes_and_operators_the_run(enter) -> None:
    found = a_world()
    editors = enter("editors").get(page(found.frozen))
    assert (
        editors.context["steps"],
        editors.context["may_strike"],
        editors.context["may_curate"],
    ) == ([], True, False)
    operators = enter("operators").get(page(found.frozen))
    assert [str(step["label"]) for step in operators.context["steps"]] == [
        "Pause sending",
        "Retry failed",
        "Cancel sending",
    ]
    assert not operators.context["may_strike"]


def test_a_step_that_comes_too_late_is_told_and_changes_nothing(enter) -> None:
    found = a_world()
    Edition.objects.filter(pk=found.open.pk).update(state="cancelled")
    answer = enter("editors").post(
        f"/desk/newsletter/edition/{found.open.pk}/step/approve/", follow=True
    )
    assert "this step is not open" in " ".join(
        str(message) for message in answer.context["messages"]
    )
    found.open.refresh_from_db()
    assert found.open.state == "cancelled"


def test_an_edition_whose_mail_would_be_faulty_is_not_approved_and_says_why(
    enter, settings
) -> None:
    found = a_world()
    settings.SITE_URL = "http://paperboy.example.org"
    answer = enter("editors").post(
        f"/desk/newsletter/edition/{found.open.pk}/step/approve/", follow=True
    )
    told = " ".join(str(message) for message in answer.context["messages"])
    assert "Its mail would be faulty" in told
    assert "http-link" in told
    assert Edition.objects.get(pk=found.open.pk).state == "review"


def test_approving_tells_what_will_be_left_out(enter) -> None:
    found = a_world()
    Paper.objects.filter(pk=found.papers[1].pk).update(
        title="A <b>Bad</b> Link", code_link="https://bit.ly/abc"
    )
    answer = enter("editors").post(
        f"/desk/newsletter/edition/{found.open.pk}/step/approve/", follow=True
    )
    told = " ".join(str(message) for message in answer.context["messages"])
    assert told.startswith("Approved. What is faulty will be left out: “A <b>Bad</b> Link”: ")
    assert "shortened-link" in told
    assert "<b>Bad" not in answer.content.decode()
    assert Edition.objects.get(pk=found.open.pk).state == "approved"


def test_of_many_faulty_papers_approving_names_the_first_few(enter) -> None:
    found = a_world(papers=8)
    Paper.objects.update(code_link="https://bit.ly/abc")
    answer = enter("editors").post(
        f"/desk/newsletter/edition/{found.open.pk}/step/approve/", follow=True
    )
    told = " ".join(str(message) for message in answer.context["messages"])
    assert told.count("shortened-link") == 5
    assert told.endswith("And 3 more.")


def test_a_layout_that_does_not_compile_is_not_approved_and_says_why(enter, monkeypatch) -> None:
    def broken(_content, _now):
        raise BrokenLayout("the footer is gone")

    found = a_world()
    monkeypatch.setattr(edition_steps, "joined_edition", broken)
    answer = enter("editors").post(
        f"/desk/newsletter/edition/{found.open.pk}/step/approve/", follow=True
    )
    assert "the footer is gone" in " ".join(map(str, answer.context["messages"]))
    assert Edition.objects.get(pk=found.open.pk).state == "review"


def test_what_the_machine_left_out_stands_on_the_first_page_with_its_reason(enter) -> None:
    made = world.papers(PER_PAGE + 5)
    Paper.objects.filter(pk=made[3].pk).update(code_link="https://bit.ly/abc")
    edition = world.a_frozen_edition(verified=True)
    Strike.objects.create(
        edition=edition, paper=made[4], reason="Its card would be faulty: html", at=world.NOON
    )
    edition.candidates.filter(paper__in=made[3:5]).update(votes=0)
    client = enter("editors")
    answer = client.get(page(edition))
    shown = {row.candidate.paper_id for row in answer.context["candidates"].object_list}
    assert shown.isdisjoint({made[3].pk, made[4].pk})
    text = seen(answer)
    assert f"struck {made[4].title} Its card would be faulty: html" in text
    assert f"link left out {made[3].title} The code link is left out: https://bit.ly/abc" in text
    decided = client.get(f"{page(edition)}?show=decided").context["candidates"].object_list
    assert {row.candidate.paper_id for row in decided} == {made[3].pk, made[4].pk}
    assert all(row.decided for row in decided)


def test_what_staff_struck_is_not_called_the_machines(enter) -> None:
    found = a_world()
    client = enter("editors")
    client.post(
        f"/desk/newsletter/edition/{found.frozen.pk}/strike/",
        {"paper": found.papers[0].pk, "reason": "a joke"},
    )
    text = seen(client.get(page(found.frozen)))
    assert "a joke" in text
    assert "Left out by the machine" not in text


@pytest.mark.parametrize("step", ["hold", "cancel"])
def test_a_grave_step_needs_a_reason(enter, step) -> None:
    found = a_world()
    before = Edition.objects.get(pk=found.open.pk).state
    answer = enter("editors").post(
        f"/desk/newsletter/edition/{found.open.pk}/step/{step}/", {"reason": " "}
    )
    assert "This field is required" in answer.content.decode()
    assert Edition.objects.get(pk=found.open.pk).state == before


def test_hold_release_approve_freeze_follow_each_other(enter) -> None:
    found = a_world()
    client = enter("editors")
    states = []
    for step in ("hold", "release", "freeze"):
        address = f"/desk/newsletter/edition/{found.open.pk}/step/{step}/"
        shown = client.get(address).context["form"].initial
        client.post(address, {"reason": "A source is silent.", **shown})
        states.append(Edition.objects.get(pk=found.open.pk).state)
    assert states == ["held", "approved", "frozen"]


@pytest.fixture
def held(time_machine) -> Edition:
    """An edition of two papers that was held three hours before its time, and got a third since."""
    time_machine.move_to(NOW, tick=False)
    world.papers(2)
    edition = world.open_edition("daily", world.DAY, NOW - timedelta(hours=4))
    Edition.objects.filter(pk=edition.pk).update(nominal_at=NOW + timedelta(hours=1))
    edition.refresh_from_db()
    hold(edition, "A source is silent.", NOW - timedelta(hours=2))
    world.a_paper(7, title="The late one")
    rebuild(edition, NOW)
    return edition


def test_papers_that_came_since_the_hold_are_counted_marked_and_listed_alone(enter, held) -> None:
    client = enter("editors")
    text = seen(client.get(page(held)))
    assert "3 candidates" in text
    assert "1 paper came since" in text
    assert text.count("came since the hold") == 2  # the mark, and the choice in the list
    alone = client.get(f"{page(held)}?show=new")
    assert [row.candidate.paper.title for row in alone.context["candidates"]] == ["The late one"]


@pytest.mark.parametrize("is_over", [False, True])
def test_the_release_says_which_papers_it_takes_in(enter, held, is_over) -> None:
    if is_over:
        Edition.objects.filter(pk=held.pk).update(nominal_at=NOW - timedelta(hours=1))
    client = enter("editors")
    answer = client.get(f"{page(held).removesuffix('change/')}step/release/")
    text = seen(answer)
    assert "It has 3 candidates; 1 of them came since it was held." in text
    assert ("exactly these candidates" in text) == is_over
    assert ("It collects papers" in text) == (not is_over)
    done = client.post(answer.request["PATH_INFO"], answer.context["form"].initial, follow=True)
    assert "approved with 3 candidates" in seen(done)
    assert ("gets no more papers" in seen(done)) == is_over
    assert "came since" not in seen(done)


def test_a_release_is_refused_when_papers_came_that_the_page_did_not_show(enter, held) -> None:
    client = enter("editors")
    address = f"{page(held).removesuffix('change/')}step/release/"
    shown = client.get(address).context["form"].initial
    world.a_paper(8)
    world.a_paper(9)
    rebuild(held, NOW)
    refused = client.post(address, shown, follow=True)
    assert "Not released: 2 papers came after you opened the page" in seen(refused)
    held.refresh_from_db()
    assert held.state == "held"
    client.post(address, client.get(address).context["form"].initial)
    held.refresh_from_db()
    assert (held.state, held.held_at) == ("approved", None)


def test_a_release_that_does_not_say_what_was_seen_is_refused(enter, held) -> None:
    enter("editors").post(f"{page(held).removesuffix('change/')}step/release/", {})
    held.refresh_from_db()
    assert held.state == "held"


def test_the_editors_note_is_in_the_preview_and_closed_after_the_freeze(enter) -> None:
    found = a_world()
    client = enter("editors")
    client.post(f"/desk/newsletter/edition/{found.open.pk}/step/note/", {"note": "A quiet day."})
    url = f"/desk/newsletter/edition/{found.open.pk}/preview/?topics={world.a_topic().pk}"
    assert "A quiet day." in client.get(url).context["mail"].text
    client.post(f"/desk/newsletter/edition/{found.open.pk}/step/freeze/")
    client.post(f"/desk/newsletter/edition/{found.open.pk}/step/note/", {"note": "Too late."})
    assert Edition.objects.get(pk=found.open.pk).note == "A quiet day."


def test_a_struck_paper_is_marked_and_leaves_the_preview(enter) -> None:
    found = a_world()
    client = enter("editors")
    url = f"/desk/newsletter/edition/{found.frozen.pk}/preview/?topics={world.a_topic().pk}"
    paper = found.papers[0]
    assert paper.title in client.get(url).context["mail"].text
    client.post(
        f"/desk/newsletter/edition/{found.frozen.pk}/strike/",
        {"paper": paper.pk, "reason": "withdrawn by its authors"},
    )
    assert paper.title not in client.get(url).context["mail"].text
    assert "withdrawn by its authors" in seen(client.get(page(found.frozen)))


def test_the_books_are_shown_and_their_progress(enter) -> None:
    found = a_world()
    found.frozen.batches.update(
        planned_count=2, state="claimed", token="0" * 32, lease_until=world.NOON
    )
    Delivery.objects.filter(pk=found.deliveries[1].pk).update(
        status="uncertain", reason="the worker stopped"
    )
    answer = enter("operators").get(page(found.frozen))
    assert dict(answer.context["books"].lines())["uncertain"] == 1
    text = seen(answer)
    assert "balanced" in text
    assert "not balanced" not in text
    assert "2 of 2 readers settled" in text


@pytest.mark.parametrize(
    ("asked", "found_numbers"),
    [({}, [4, 1, 2, 3]), ({"order": "growth"}, [2, 1, 4, 3]), ({"q": "two"}, [2])],
)
def test_candidates_come_in_the_order_asked_for(rf, asked, found_numbers) -> None:
    for number, title in enumerate(["one", "two", "three", "four"], start=1):
        world.a_paper(number, title=title)
    edition = world.open_edition("daily", world.DAY, world.NOON)
    for number, (votes, before) in enumerate([(30, 20), (20, 5), (None, None), (40, 35)], start=1):
        edition.candidates.filter(paper__arxiv_id=f"2601.{number:05d}").update(
            votes=votes, votes_before=before
        )
    rows = candidate_page(edition, rf.get("/", asked).GET)
    assert [int(row.candidate.paper.arxiv_id[-1]) for row in rows] == found_numbers


def test_decided_shows_only_what_somebody_decided_on(rf) -> None:
    found = a_world()
    assert [
        row.candidate.paper
        for row in candidate_page(found.open, rf.get("/", {"show": "decided"}).GET)
    ] == [found.papers[0]]


@pytest.mark.parametrize("number", ["0", "999", "x"])
def test_an_odd_page_number_shows_a_page(enter, number) -> None:
    found = a_world()
    assert enter("editors").get(f"{page(found.open)}?page={number}").status_code == 200


def test_an_edition_that_is_not_there_is_not_found(enter) -> None:
    client = enter("chief")
    assert client.get("/desk/newsletter/edition/77/change/").status_code == 404
    assert client.get("/desk/newsletter/edition/77/step/approve/").status_code == 404


def test_history_names_who_did_what(enter) -> None:
    found = a_world()
    client = enter("editors")
    client.post(
        f"/desk/newsletter/edition/{found.open.pk}/step/hold/", {"reason": "A source is silent."}
    )
    text = seen(client.get(f"/desk/newsletter/edition/{found.open.pk}/history/"))
    assert "A source is silent." in text
    assert User.objects.get(username="editors").username in text
