"""Cards are prepared ahead of the freeze and kept: the freeze prepares what is missing, and what
changed asks for another card.
"""

from datetime import timedelta

import pytest

from ingest.models import Paper
from newsletter import tasks
from newsletter.composing import cards as card_views
from newsletter.composing import prepared
from newsletter.composing.compiled import BrokenLayout
from newsletter.composing.digest import render
from newsletter.composing.typesetting import clean_line
from newsletter.editions import cards, curate, freeze, hold, open_edition, rebuild
from newsletter.editions.cards import KEPT, prepare_ahead
from newsletter.models import CurationKind, Edition, EditionState, StoredCard, Strike
from newsletter.sending import press
from newsletter.sending.press import compiled_parts
from subscriptions.models import Subscriber
from tests.newsletter.composing.digests import digest
from tests.newsletter.world import DAY, FREEZE, a_paper, a_reader, listed, papers

pytestmark = pytest.mark.django_db

AHEAD = FREEZE - timedelta(hours=1)


@pytest.fixture(autouse=True)
def forgotten_editions():
    press.forget()


@pytest.fixture
def asked(monkeypatch) -> list[list[int]]:
    """Note the papers of each block that is prepared."""
    blocks: list[list[int]] = []
    prepare = cards.prepare_cards

    def noting(wanted, language):
        blocks.append([one.paper.id for one in wanted])
        return prepare(wanted, language)

    monkeypatch.setattr(cards, "prepare_cards", noting)
    return blocks


def opened() -> Edition:
    return open_edition("daily", DAY, AHEAD)


def mail_of(edition: Edition, paper: Paper, language: str = "en") -> str:
    press.forget()
    return render(compiled_parts(edition.pk, language), digest(paper.pk)).text


def test_the_freeze_joins_what_was_prepared_ahead_and_prepares_the_rest(asked):
    early = papers(3)
    edition = opened()
    assert prepare_ahead(AHEAD) == 3
    assert prepare_ahead(AHEAD) == 0
    late = a_paper(9)
    asked.clear()
    assert freeze(edition.pk, FREEZE)
    assert asked == [[late.pk]]
    assert set(compiled_parts(edition.pk, "en").facts.titles) == {
        paper.pk for paper in (*early, late)
    }


def test_cards_that_were_prepared_ahead_are_those_that_the_freeze_would_prepare():
    made = papers(3)
    first = opened()
    prepare_ahead(AHEAD)
    assert freeze(first.pk, FREEZE)
    ahead = [mail_of(first, paper) for paper in made]
    StoredCard.objects.all().delete()
    first.compiled.all().delete()
    Edition.objects.filter(pk=first.pk).update(state=EditionState.REVIEW)
    assert freeze(first.pk, FREEZE)
    assert [mail_of(first, paper) for paper in made] == ahead


def test_votes_that_came_later_are_in_the_mail_and_no_card_is_prepared_again(asked):
    paper = a_paper(1, votes=3)
    edition = opened()
    prepare_ahead(AHEAD)
    listed(paper, DAY, 1_234, seen_at=AHEAD)
    asked.clear()
    assert freeze(edition.pk, FREEZE)
    assert asked == []
    assert "1,234\u00a0votes" in mail_of(edition, paper)


@pytest.mark.parametrize(
    "change", [{"title": "A new title"}, {"abstract": "New words."}, {"authors": ["Somebody Else"]}]
)
def test_a_paper_that_was_edited_is_prepared_anew(asked, change):
    paper, _other = papers(2)
    edition = opened()
    prepare_ahead(AHEAD)
    Paper.objects.filter(pk=paper.pk).update(**change)
    asked.clear()
    assert freeze(edition.pk, FREEZE)
    assert asked == [[paper.pk]]
    [words] = change.values()
    assert (words if isinstance(words, str) else words[0]) in mail_of(edition, paper)


def test_a_paper_that_staff_annotate_or_pin_is_prepared_anew(asked):
    noted, pinned, _other = papers(3)
    edition = opened()
    prepare_ahead(AHEAD)
    curate(edition, noted, CurationKind.NOTE, None, AHEAD, "Read the appendix.")
    curate(edition, pinned, CurationKind.PIN, None, AHEAD)
    asked.clear()
    assert freeze(edition.pk, FREEZE)
    assert sorted(asked[0]) == sorted([noted.pk, pinned.pk])
    assert "Read the appendix." in mail_of(edition, noted)
    assert "Editor’s pick" in mail_of(edition, pinned)


def test_other_templates_ask_for_other_cards(asked, monkeypatch):
    papers(2)
    opened()
    prepare_ahead(AHEAD)
    monkeypatch.setattr(prepared, "template_hash", lambda: "another")
    assert prepare_ahead(AHEAD) == 2


def test_a_card_is_prepared_in_every_language_and_compared_and_linted_in_one(
    settings, monkeypatch, asked
):
    settings.LANGUAGES = [("en", "English"), ("de", "German")]
    papers(2)
    Subscriber.objects.filter(pk=a_reader().pk).update(language="de")
    edition = opened()
    linted = []
    lint = prepared.lint_card
    monkeypatch.setattr(prepared, "lint_card", lambda *given: linted.append(given) or lint(*given))
    assert prepare_ahead(AHEAD) == 4
    assert len(linted) == 2 * len(prepared.CARD_KINDS)
    asked.clear()
    assert freeze(edition.pk, FREEZE)
    assert asked == []


def test_a_faulty_paper_is_known_ahead_and_struck_at_the_freeze(monkeypatch):
    monkeypatch.setattr(
        card_views,
        "clean_line",
        lambda text, limit=500: "\ufffd".join(
            clean_line(piece, limit) for piece in text.split("\ufffd")
        ),
    )
    bad, *_good = papers(3)
    Paper.objects.filter(pk=bad.pk).update(title="A na\ufffdve title")
    edition = opened()
    assert prepare_ahead(AHEAD) == 3
    assert freeze(edition.pk, FREEZE)
    strike = Strike.objects.get(edition=edition)
    assert strike.paper_id == bad.pk
    assert "bad-character" in strike.reason


def test_an_exception_that_does_not_come_again_costs_no_paper(monkeypatch):
    bad, *_others = papers(3)
    edition = opened()
    compile_cards = prepared.compile_cards

    def failing(views, language):
        if any(view.id == bad.pk for view in views):
            raise OSError("the disk was away")
        return compile_cards(views, language)

    monkeypatch.setattr(prepared, "compile_cards", failing)
    assert prepare_ahead(AHEAD) == 2
    monkeypatch.setattr(prepared, "compile_cards", compile_cards)
    assert freeze(edition.pk, FREEZE)
    assert not edition.strikes.exists()


def test_a_card_that_no_open_edition_needs_is_deleted_after_a_week():
    papers(2)
    edition = opened()
    prepare_ahead(AHEAD)
    assert freeze(edition.pk, FREEZE)
    prepare_ahead(AHEAD + KEPT)
    assert StoredCard.objects.count() == 2
    prepare_ahead(AHEAD + KEPT + timedelta(seconds=1))
    assert not StoredCard.objects.exists()


def test_a_card_that_an_open_edition_needs_is_kept():
    papers(2)
    opened()
    for days in range(0, 12, 2):
        prepare_ahead(AHEAD + timedelta(days=days))
    assert StoredCard.objects.count() == 2


def test_an_edition_whose_cards_fail_stops_no_other(monkeypatch):
    first, second = opened(), open_edition("daily", DAY + timedelta(days=9), AHEAD)
    bad = a_paper(1)
    good = a_paper(2, day=DAY + timedelta(days=9))
    for edition in (first, second):
        rebuild(edition, FREEZE + timedelta(days=9))
    prepare = cards.prepare_cards

    def failing(wanted, language):
        if any(one.paper.id == bad.pk for one in wanted):
            raise BrokenLayout("the footer is gone")
        return prepare(wanted, language)

    monkeypatch.setattr(cards, "prepare_cards", failing)
    assert prepare_ahead(AHEAD) == 1
    assert StoredCard.objects.count() == 1
    assert good.pk in second.candidates.values_list("paper_id", flat=True)


def test_editions_that_are_over_or_held_for_long_ask_for_no_card():
    papers(2)
    edition = opened()
    hold(edition, "wait", AHEAD)
    assert prepare_ahead(FREEZE + timedelta(days=3)) == 0
    assert prepare_ahead(FREEZE) == 2


def test_the_beat_prepares_cards(settings):
    papers(2)
    opened()
    entry = settings.CELERY_BEAT_SCHEDULE["prepare-cards"]
    assert entry["task"] == tasks.prepare_cards.name
    tasks.prepare_cards(at=AHEAD.isoformat())
    assert StoredCard.objects.count() == 2
