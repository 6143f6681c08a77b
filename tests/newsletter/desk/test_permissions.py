"""Who may do what at the desk. Every step is tried by everybody."""

import pytest
from django.contrib.admin.models import LogEntry
from django.utils import timezone

from newsletter.models import Batch, Curation, Delivery, Edition, Strike
from subscriptions.models import Letter, RequestBreaker, Subscriber, Suppression
from tests.newsletter import world
from tests.newsletter.desk.pages import LISTS, World, a_world

pytestmark = pytest.mark.django_db

KINDS = ("chief", "editors", "operators", "nobody")
SEES = {
    "editors": {
        "ingest/paper/",
        "ingest/suggestion/",
        "ingest/merge/",
        "ingest/source/",
        "ingest/fetch/",
        "newsletter/edition/",
        "subscriptions/topic/",
    },
    "operators": set(LISTS) - {"auth/user/", "auth/group/"},
    "nobody": set(),
    "chief": set(LISTS),
}


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_staff_sees_exactly_its_lists(enter, kind: str) -> None:
    client = enter(kind)
    assert {page for page in LISTS if client.get(f"/desk/{page}").status_code == 200} == SEES[kind]


@pytest.mark.parametrize("kind", KINDS)
def test_the_sidebar_offers_what_can_be_opened_and_no_more(enter, kind: str) -> None:
    client = enter(kind)
    page = client.get("/desk/").content.decode()
    assert {path for path in LISTS if f'href="/desk/{path}"' in page} == SEES[kind]


def test_readers_and_strangers_are_sent_to_the_login(enter, client) -> None:
    found = a_world()
    for visitor in (client, enter("reader")):
        for page in (*found.pages(), *LISTS):
            assert visitor.get(f"/desk/{page}").status_code == 302, page


STEPS = [
    ("edition", "open", "approve", {}, "editors"),
    ("edition", "open", "note", {"note": "Read this."}, "editors"),
    ("edition", "open", "hold", {"reason": "A source is silent."}, "editors"),
    ("edition", "open", "freeze", {}, "editors"),
    ("edition", "open", "cancel", {"reason": "A holiday."}, "editors"),
    ("edition", "frozen", "pause", {"reason": "The provider is slow."}, "operators"),
    ("edition", "frozen", "cancel-run", {"reason": "Wrong edition."}, "operators"),
    ("edition", "frozen", "retry-failed", {}, "operators"),
    ("batch", "", "try-again", {}, "operators"),
    ("subscriber", "", "suppress", {}, "operators"),
    ("subscriber", "", "send-preferences-link", {}, "operators"),
    ("delivery", "", "arrived", {}, "operators"),
    ("delivery", "", "send-again", {}, "operators"),
    ("letter", "", "arrived", {}, "operators"),
    ("requestbreaker", "", "resume", {}, "operators"),
    ("letter", "", "send-again", {}, "operators"),
]


def target(found: World, model: str, which: str) -> str:
    if model == "edition":
        return f"newsletter/edition/{getattr(found, which).pk}"
    if model == "subscriber":
        return f"subscriptions/subscriber/{found.readers[0].pk}"
    if model == "letter":
        letter = Letter.objects.get()
        Letter.objects.update(state="uncertain", error="the worker stopped", kind="preferences")
        return f"subscriptions/letter/{letter.pk}"
    if model == "requestbreaker":
        RequestBreaker.objects.update(tripped_at=timezone.now())
        return "subscriptions/requestbreaker/1"
    if model == "batch":
        Batch.objects.update(failures=3, failure_reason="KeyError")
        return f"newsletter/batch/{found.deliveries[0].batch_id}"
    Delivery.objects.update(status="uncertain", reason="the worker stopped")
    return f"newsletter/delivery/{found.deliveries[0].pk}"


def everything() -> list[object]:
    """Return all that a step could change."""
    return [
        *Edition.objects.order_by("pk").values_list("state", "note", "paused_at", "held_reason"),
        *Delivery.objects.order_by("pk").values_list("status"),
        *Batch.objects.order_by("pk").values_list("failures"),
        Suppression.objects.count(),
        *RequestBreaker.objects.values_list("resumed_at"),
        *Letter.objects.order_by("pk").values_list("state", "attempts"),
        LogEntry.objects.count(),
        Curation.objects.count(),
        Strike.objects.count(),
    ]


@pytest.mark.parametrize(
    ("model", "which", "step", "answers", "group"), STEPS, ids=[step[2] for step in STEPS]
)
def test_a_step_is_open_to_its_group_alone_and_leaves_a_trail(
    enter, model, which, step, answers, group
) -> None:
    found = a_world()
    url = f"/desk/{target(found, model, which)}/step/{step}/"
    before = everything()
    for kind in {"editors", "operators", "nobody"} - {group}:
        client = enter(kind)
        assert (client.get(url).status_code, client.post(url, answers).status_code) == (403, 403)
    client = enter(group)
    assert client.get(url).status_code == 200
    assert everything() == before
    assert client.post(url, answers).status_code == 302
    assert LogEntry.objects.get().user.username == group


def test_only_editors_curate(enter) -> None:
    found = a_world()
    before = Curation.objects.count()
    url, decision = (
        f"/desk/newsletter/edition/{found.open.pk}/curate/",
        {"paper": found.papers[0].pk, "kind": "pin", "value": "1"},
    )
    assert [enter(kind).post(url, decision).status_code for kind in ("operators", "nobody")] == [
        403,
        403,
    ]
    assert Curation.objects.count() == before
    assert enter("editors").post(url, decision).status_code == 302
    assert Curation.objects.count() == before + 1


def test_only_editors_strike(enter) -> None:
    found = a_world()
    url, decision = (
        f"/desk/newsletter/edition/{found.frozen.pk}/strike/",
        {"paper": found.papers[0].pk, "reason": "withdrawn"},
    )
    assert [enter(kind).post(url, decision).status_code for kind in ("operators", "nobody")] == [
        403,
        403,
    ]
    assert not Strike.objects.exists()
    assert enter("editors").post(url, decision).status_code == 302
    assert Strike.objects.get().by.username == "editors"


def test_nobody_can_post_to_the_page_of_what_the_machine_owns(enter) -> None:
    found = a_world()
    before = list(Subscriber.objects.order_by("pk").values())
    for kind in KINDS:
        client = enter(kind)
        for page in found.pages():
            if "/change/" in page and not page.startswith(
                ("ingest/paper", "ingest/source", "newsletter/provider/", "subscriptions/topic")
            ):
                assert (
                    client.post(
                        f"/desk/{page}", {"state": "active", "address": "x@example.org"}
                    ).status_code
                    == 403
                ), page
    assert list(Subscriber.objects.order_by("pk").values()) == before


def test_nobody_deletes(enter) -> None:
    found = a_world()
    for kind in KINDS:
        client = enter(kind)
        for page in found.pages():
            if "/change/" in page:
                assert (
                    client.post(
                        f"/desk/{page.replace('/change/', '/delete/')}", {"post": "yes"}
                    ).status_code
                    == 403
                ), page


def test_editors_may_preview_for_topics_but_not_for_a_reader(enter) -> None:
    found = a_world()
    url = f"/desk/newsletter/edition/{found.frozen.pk}/preview/"
    assert 'name="reader"' not in enter("editors").get(url).content.decode()
    assert 'name="reader"' in enter("operators").get(url).content.decode()
    answer = enter("editors").get(f"{url}?reader={found.readers[0].pk}&topics={world.a_topic().pk}")
    assert answer.context["form"].cleaned_data.get("reader") is None


def test_a_forged_post_without_the_token_is_refused(enter) -> None:
    found = a_world()
    client = enter("chief")
    client.handler.enforce_csrf_checks = True
    assert client.post(f"/desk/newsletter/edition/{found.open.pk}/step/approve/").status_code == 403
    found.open.refresh_from_db()
    assert found.open.state == "review"
