"""A paper that its authors withdrew leaves frozen editions by itself."""

from datetime import timedelta

import pytest

from ingest.models import Paper
from newsletter.models import Batch, Strike
from newsletter.sending.withdrawals import LOOKED_AT, strike_withdrawn
from tests.newsletter import world

pytestmark = pytest.mark.django_db


@pytest.fixture
def edition():
    world.papers(3)
    world.readers(1)
    return world.a_planned_edition()


def withdraw(number: int) -> Paper:
    paper = Paper.objects.get(arxiv_id=f"2601.{number:05d}")
    Paper.objects.filter(pk=paper.pk).update(withdrawn_at=world.NOON)
    return paper


def test_a_withdrawn_paper_is_struck_once_and_what_is_claimed_is_chosen_again(edition):
    paper = withdraw(2)
    Batch.objects.update(state="claimed", token=1, lease_until=world.NOON)
    assert [strike_withdrawn(world.NOON), strike_withdrawn(world.NOON)] == [1, 0]
    assert Strike.objects.get().paper == paper
    assert Batch.objects.get().halted


def test_a_paper_that_was_merged_into_a_withdrawn_one_is_struck(edition):
    Paper.objects.filter(arxiv_id="2601.00001").update(merged_into=withdraw(2))
    assert strike_withdrawn(world.NOON) == 2


def test_old_editions_and_those_not_frozen_are_left_alone(edition):
    withdraw(2)
    assert strike_withdrawn(world.NOON + LOOKED_AT) == 0
    edition.__class__.objects.update(state="cancelled")
    assert strike_withdrawn(world.NOON + timedelta(hours=1)) == 0
