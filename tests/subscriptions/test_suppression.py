"""A suppressed address is remembered without being kept, and nothing is mailed to it."""

import pytest

from subscriptions.models import Subscriber, Suppression, SuppressionReason
from subscriptions.suppression import is_suppressed, suppress
from tests.subscriptions.readers import NOW, a_reader

pytestmark = pytest.mark.django_db


def test_any_spelling_is_suppressed_and_the_reader_is_not_mailable():
    a_reader()
    suppress("ADA@Example.org", SuppressionReason.HARD_BOUNCE, now=NOW)
    assert is_suppressed("ada@example.org")
    assert not Subscriber.objects.mailable(NOW).exists()
    assert "example" not in Suppression.objects.get().address_hash


def test_suppressing_twice_keeps_the_first_reason_also_after_a_rotation(settings):
    suppress("ada@example.org", SuppressionReason.COMPLAINT, now=NOW)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "new" * 20
    suppress("ada@example.org", SuppressionReason.STAFF, now=NOW)
    assert Suppression.objects.get().reason == SuppressionReason.COMPLAINT
