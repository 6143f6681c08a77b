"""Previews show what would be mailed, without storing or sending anything."""

from email import message_from_bytes, policy
from io import StringIO

import pytest
from django.core import mail
from django.core.management import CommandError, call_command

from newsletter.composing.lint.linter import lint
from newsletter.editions import open_edition
from newsletter.models import Delivery, Edition
from newsletter.sending.preview import VARIANTS
from tests.newsletter import world
from tests.newsletter.poison import a_taste, with_profile

pytestmark = pytest.mark.django_db
FREEZE = "2026-01-14T05:00:00Z"


@pytest.fixture
def edition():
    world.papers(60)
    world.a_topic()
    return open_edition("daily", world.DAY, world.FREEZE)


def preview(folder, *arguments: str) -> str:
    out = StringIO()
    call_command("preview_digest", *arguments, "--now", FREEZE, "--out", str(folder), stdout=out)
    return out.getvalue()


def test_all_variants_are_written_as_html_text_headers_and_mail(edition, tmp_path):
    preview(tmp_path)
    for name in VARIANTS:
        parsed = message_from_bytes((tmp_path / f"{name}.eml").read_bytes(), policy=policy.default)
        assert not parsed.defects
        assert (tmp_path / f"{name}.html").read_text().splitlines() == parsed.get_body(
            ("html",)
        ).get_content().splitlines()
        assert (tmp_path / f"{name}.txt").read_text().splitlines() == parsed.get_body(
            ("plain",)
        ).get_content().splitlines()
        assert "List-Unsubscribe: <https://" in (tmp_path / f"{name}.headers.txt").read_text()
        assert lint((tmp_path / f"{name}.eml").read_bytes()).errors == ()


def test_variants_have_as_many_papers_as_their_names_say(edition, tmp_path):
    told = preview(tmp_path)
    for name, count in {"daily": 10, "thin": 2, "one": 1, "fifty": 50}.items():
        assert f"{name}.html: {count} papers" in told


def test_a_readers_preview_has_their_address_and_no_way_to_act_for_them(edition, tmp_path):
    reader = world.a_reader(1)
    preview(tmp_path, str(reader.pk))
    html = (tmp_path / f"reader-{reader.pk}.html").read_text()
    assert reader.address in html
    assert "/a/" not in html


def test_a_readers_preview_speaks_their_language_where_it_is_offered(edition, tmp_path, settings):
    settings.LANGUAGES = [("en", "English"), ("de", "German")]
    for language, shown in {"de": "de", "fr": "en"}.items():
        reader = world.a_reader(address=f"{language}@example.org", language=language)
        preview(tmp_path, str(reader.pk))
        assert f'<html lang="{shown}"' in (tmp_path / f"reader-{reader.pk}.html").read_text()


def test_nothing_is_stored_and_nothing_is_sent(edition, tmp_path):
    state = Edition.objects.values().get(pk=edition.pk)
    preview(tmp_path)
    assert Edition.objects.values().get(pk=edition.pk) == state
    assert not Delivery.objects.exists()
    assert mail.outbox == []


def test_what_is_not_there_is_said_with_what_to_do(tmp_path):
    with pytest.raises(CommandError, match="make demo"):
        preview(tmp_path)
    world.papers(1)
    open_edition("daily", world.DAY, world.FREEZE)
    with pytest.raises(CommandError, match="no reader 99"):
        preview(tmp_path, "99")
    with pytest.raises(CommandError, match="no edition"):
        preview(tmp_path, "--edition", "daily/1999-01-01")


def test_a_reader_for_whom_no_digest_can_be_chosen_is_an_error(edition, tmp_path):
    reader = world.a_reader(1)
    with_profile(reader, taste=a_taste(version=2))
    with pytest.raises(CommandError, match="could not be chosen: UnreadableTaste"):
        preview(tmp_path, str(reader.pk))
