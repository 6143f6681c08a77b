"""Letters about a subscription are of the digest's family and keep its rules."""

import pytest

from newsletter.composing.lint.linter import lint
from subscriptions.letter_mail import build
from subscriptions.models import LetterKind, SignUp
from tests.subscriptions.readers import NOW, a_letter, a_reader

pytestmark = pytest.mark.django_db


def letter_bytes(kind: str) -> bytes:
    reader = a_reader()
    sign_up = SignUp.objects.create(subscriber=reader, profile=reader.profile, requested_at=NOW)
    return build(a_letter(reader, kind=kind, sign_up=sign_up), reader, NOW).message().as_bytes()


@pytest.mark.parametrize("kind", LetterKind.values)
def test_a_letter_has_no_findings(kind):
    report = lint(
        letter_bytes(kind), digest=False, postal_address="Paperboy, 1 Test Street, 12345 Testville"
    )
    assert report.findings == ()
    assert report.html_bytes < 10_000


@pytest.mark.parametrize("kind", LetterKind.values)
def test_a_letter_is_no_list_mail(kind):
    assert b"List-Unsubscribe" not in letter_bytes(kind)
