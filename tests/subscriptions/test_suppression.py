"""A suppressed address is remembered without being kept, and nothing is mailed to it."""

from io import StringIO

import pytest
from django.core.management import call_command

from subscriptions.models import Subscriber, Suppression, SuppressionReason
from subscriptions.suppression import is_suppressed, reasons_of, suppress
from tests.subscriptions.readers import NOW, a_reader

pytestmark = pytest.mark.django_db


def test_any_spelling_is_suppressed_and_the_reader_is_not_mailable():
    a_reader()
    suppress("ADA@Example.org", SuppressionReason.HARD_BOUNCE, now=NOW)
    assert is_suppressed("ada@example.org")
    assert not Subscriber.objects.mailable(NOW).exists()
    assert "example" not in Suppression.objects.get().address_hash


def test_each_reason_is_remembered_once(settings):
    suppress("ada@example.org", SuppressionReason.COMPLAINT, now=NOW)
    suppress("ada@example.org", SuppressionReason.STAFF, now=NOW)
    suppress("ADA@example.org", SuppressionReason.STAFF, now=NOW)
    assert reasons_of("ada@example.org") == {"complaint", "staff"}
    assert Suppression.objects.count() == 2


def test_a_new_secret_key_without_fallbacks_loses_no_suppression(settings):
    suppress("ada@example.org", SuppressionReason.STAFF, now=NOW)
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "new" * 20, []
    assert is_suppressed("ada@example.org")


def test_a_new_suppression_key_needs_the_old_one_only_for_addresses_that_nobody_knows(settings):
    settings.SUPPRESSION_KEY, settings.SUPPRESSION_KEY_FALLBACKS = "old" * 20, []
    a_reader()
    suppress("ada@example.org", SuppressionReason.STAFF, now=NOW)
    suppress("gone@example.org", SuppressionReason.ERASED, now=NOW)
    settings.SUPPRESSION_KEY, settings.SUPPRESSION_KEY_FALLBACKS = "new" * 20, ["old" * 20]
    assert is_suppressed("ada@example.org")
    told = StringIO()
    call_command("rekey_suppressions", stdout=told)
    assert told.getvalue().startswith("1 suppressions are left")
    assert is_suppressed("gone@example.org")
    settings.SUPPRESSION_KEY_FALLBACKS = []
    assert is_suppressed("ada@example.org")
    assert not is_suppressed("gone@example.org")
