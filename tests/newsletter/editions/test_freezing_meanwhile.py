"""Nothing is locked while an edition is made: what changes meanwhile is taken in, and readers and
staff do not wait.
"""

import threading
from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from newsletter.editions import (
    approve,
    cancel_before_freeze,
    curate,
    freeze,
    freezing,
    hold,
    open_edition,
)
from newsletter.editions.day import freeze_or_hold
from newsletter.models import CurationKind, Edition, EditionState
from newsletter.ranking.statistics import EditionStatistics
from newsletter.sending import press
from newsletter.sending.press import compiled_parts
from subscriptions.models import SubscriberState, Topic
from subscriptions.tokens import Power, sign
from tests.newsletter.world import DAY, FREEZE, a_reader, a_topic, papers

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def forgotten_editions():
    press.forget()


@pytest.fixture
def edition() -> Edition:
    papers(3)
    a_topic()
    return open_edition("daily", DAY, FREEZE)


@pytest.fixture
def meanwhile(monkeypatch) -> Callable[..., list[str]]:
    """Let something happen while the edition is compiled or its statistics are made: each time, or
    as often as said. Return the list of what is computed.
    """

    def happen(
        event: Callable[[], object] = lambda: None, *, times: int = 1, during: str = "cards"
    ) -> list[str]:
        computed: list[str] = []
        left = [times]

        def hook(name: str, compute: Callable) -> None:
            def computing(*given):
                computed.append(name)
                if name == during and left[0]:
                    left[0] -= 1
                    event()
                return compute(*given)

            return computing

        for name, function in (("cards", "_checked"), ("statistics", "statistics_for")):
            monkeypatch.setattr(freezing, function, hook(name, getattr(freezing, function)))
        return computed

    return happen


def state(edition: Edition) -> str:
    edition.refresh_from_db()
    return edition.state


def ranked(edition: Edition) -> list[int]:
    edition.refresh_from_db()
    return [paper.id for paper in EditionStatistics.from_bytes(bytes(edition.statistics)).papers]


@pytest.mark.parametrize("during", ["cards", "statistics"])
def test_a_paper_that_staff_hide_meanwhile_stays_out(edition, meanwhile, during):
    hidden, *others = (row.paper for row in edition.candidates.order_by("paper_id"))
    meanwhile(lambda: curate(edition, hidden, CurationKind.HIDE, None, FREEZE), during=during)
    assert freeze(edition.pk, FREEZE)
    assert ranked(edition) == [paper.pk for paper in others]
    assert set(compiled_parts(edition.pk, "en").facts.titles) == {paper.pk for paper in others}
    assert edition.compiled.count() == 1


def test_an_editors_note_that_is_written_meanwhile_is_in_every_digest(edition, meanwhile):
    computed = meanwhile(
        lambda: Edition.objects.filter(pk=edition.pk).update(note="Read slowly."),
        during="statistics",
    )
    assert freeze(edition.pk, FREEZE)
    assert compiled_parts(edition.pk, "en").facts.editor_note == "Read slowly."
    assert computed == ["cards", "statistics", "cards"]


def test_a_boost_or_a_topic_that_changes_meanwhile_compiles_no_card_again(edition, meanwhile):
    paper = edition.candidates.first().paper
    computed = meanwhile(lambda: curate(edition, paper, CurationKind.BOOST, None, FREEZE, 50))
    assert freeze(edition.pk, FREEZE)
    assert computed == ["cards", "statistics", "statistics"]
    edition.refresh_from_db()
    stored = EditionStatistics.from_bytes(bytes(edition.statistics))
    assert [one.boost for one in stored.papers if one.id == paper.pk] == [50]


def test_a_topic_that_is_renamed_meanwhile_has_its_new_name(edition, meanwhile):
    computed = meanwhile(lambda: Topic.objects.update(name="Renamed"), during="statistics")
    assert freeze(edition.pk, FREEZE)
    assert computed == ["cards", "statistics", "statistics"]
    edition.refresh_from_db()
    stored = EditionStatistics.from_bytes(bytes(edition.statistics))
    assert [topic.name for topic in stored.topics] == ["Renamed"]


@pytest.mark.parametrize("during", ["cards", "statistics"])
@pytest.mark.parametrize(
    ("stop", "stays"),
    [
        (lambda edition: cancel_before_freeze(edition), EditionState.CANCELLED),
        (lambda edition: hold(edition, "wait", FREEZE), EditionState.HELD),
    ],
    ids=["cancelled", "held"],
)
def test_an_edition_that_a_person_stops_meanwhile_is_not_frozen(
    edition, meanwhile, stop, stays, during
):
    meanwhile(lambda: stop(edition), during=during)
    assert not freeze(edition.pk, FREEZE)
    assert state(edition) == stays
    assert not edition.compiled.exists()


def test_an_edition_that_staff_approve_meanwhile_is_not_held_by_the_machine(
    edition, meanwhile, settings
):
    settings.PRODUCTION = True  # links to this machine are a fault there
    meanwhile(lambda: approve(edition, FREEZE))
    assert freeze(edition.pk, FREEZE)
    assert state(edition) == EditionState.FROZEN


def test_an_edition_that_is_stopped_while_its_making_fails_stays_stopped(edition, monkeypatch):
    def failing(_content, _now):
        cancel_before_freeze(edition)
        raise ValueError("broken")

    monkeypatch.setattr(freezing, "_checked", failing)
    assert not freeze_or_hold(edition, FREEZE)
    assert state(edition) == EditionState.CANCELLED


def test_an_edition_that_never_stays_the_same_waits_for_the_next_call(edition, meanwhile):
    notes = iter(range(100))
    computed = meanwhile(
        lambda: Edition.objects.filter(pk=edition.pk).update(note=f"Note {next(notes)}."),
        times=freezing.ATTEMPTS,
    )
    assert not freeze(edition.pk, FREEZE)
    assert computed.count("cards") == freezing.ATTEMPTS
    assert state(edition) == EditionState.OPEN
    assert freeze(edition.pk, FREEZE)


def test_of_two_workers_that_freeze_an_edition_at_once_one_stores_it(edition, meanwhile):
    results = []
    meanwhile(lambda: results.append(freeze(edition.pk, FREEZE)), during="statistics")
    results.append(freeze(edition.pk, FREEZE))
    assert results == [True, False]
    assert state(edition) == EditionState.FROZEN
    assert edition.compiled.count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("during", ["cards", "statistics"])
def test_leaving_and_a_decision_are_answered_while_an_edition_is_made(
    edition, meanwhile, during, django_user_model
):
    reader, hidden = a_reader(), edition.candidates.order_by("paper_id").first().paper
    chief = Client(raise_request_exception=False)
    chief.force_login(django_user_model.objects.create_superuser("chief"))
    being_made, go_on = threading.Event(), threading.Event()
    results = []

    def wait() -> None:
        being_made.set()
        go_on.wait(30)

    def freeze_it() -> None:
        try:
            results.append(freeze(edition.pk, FREEZE))
        finally:
            connection.close()

    meanwhile(wait, during=during)
    worker = threading.Thread(target=freeze_it)
    worker.start()
    try:
        assert being_made.wait(30)
        left = Client(raise_request_exception=False).post(
            reverse("leave", args=[sign(Power.LEAVE, reader.pk, edition.pk)]),
            {"List-Unsubscribe": "One-Click"},
        )
        decided = chief.post(
            f"/desk/newsletter/edition/{edition.pk}/curate/",
            {"paper": hidden.pk, "kind": "hide", "value": "1"},
        )
        assert not go_on.is_set()
        assert worker.is_alive()
    finally:
        go_on.set()
        worker.join(30)
    assert (left.status_code, decided.status_code) == (200, 302)
    assert results == [True]
    reader.refresh_from_db()
    assert reader.state == SubscriberState.UNSUBSCRIBED
    assert hidden.pk not in ranked(edition)
