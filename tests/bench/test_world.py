"""The world of the bench: its rows are there, each reader has a profile of their own, and it can be
sent again.
"""

import pytest
from django.db.models import Count as Number

from bench.world import ALL_DUE, FREEZE, Size, begin_again, make_world
from ingest.models import Count, Listing, Paper, Rejection
from newsletter.clock import ticking
from newsletter.editions import freeze
from newsletter.models import Batch, Delivery, EditionState, MailedHistory
from newsletter.sending.books import books
from newsletter.sending.due import due_batches
from newsletter.sending.plan import plan_edition
from newsletter.sending.sender import send_batch
from subscriptions.models import Profile, Subscriber

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

SIZE = Size(papers=60, older=45, readers=40, phrases=60)


@pytest.fixture
def edition():
    return make_world(SIZE)


def test_a_tenth_of_the_candidates_has_votes_and_every_reader_a_profile_of_their_own(edition):
    assert Paper.objects.count() == 105
    assert not Rejection.objects.exists()
    listed = Listing.objects.values_list("source__slug").annotate(Number("pk"))
    assert set(dict(listed)) == {"arxiv", "huggingface"}
    assert edition.candidates.count() == 60
    voted = edition.candidates.filter(votes__isnull=False).count()
    assert voted == 5 * round(0.1 * 12)
    assert Count.objects.filter(listing__paper__candidacies__edition=edition).count() > voted
    assert Subscriber.objects.count() == 40
    assert Profile.objects.filter(subscribers__isnull=False).distinct().count() == 40
    assert all(profile.topics for profile in Profile.objects.all())
    assert Profile.objects.exclude(phrases=[]).exists()
    assert Profile.objects.exclude(muted=[]).exists()
    assert Profile.objects.exclude(taste=b"").exists()


def test_the_edition_can_be_frozen_sent_to_all_at_once_and_sent_again(edition, settings):
    settings.CATCH_UP_HOURS = 36
    assert freeze(edition.pk, FREEZE)
    for _ in range(2):
        begin_again(edition)
        assert not Delivery.objects.exists() | Batch.objects.exists()
        assert not MailedHistory.objects.exists()
        assert plan_edition(edition.pk, FREEZE) == 40
        for batch in due_batches(ALL_DUE, edition=edition):
            assert send_batch(batch, ticking(ALL_DUE))
        account = books(edition)
        assert account.balanced
        assert (account.due, account.open) == (40, 0)
        assert account.sent > 30
        edition.refresh_from_db(fields=["state"])
        assert edition.state == EditionState.SENDING
