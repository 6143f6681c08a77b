"""Previews are what would be mailed, sent to nobody."""

from pathlib import Path

import pytest
from django.conf import settings

from newsletter.desk.preview import Somebody, preview
from newsletter.models import Delivery, MailedHistory
from newsletter.sending.frozen import reader_profiles
from newsletter.sending.history import remember
from subscriptions.models import Letter
from tests.newsletter import world
from tests.newsletter.desk.pages import World, a_world, seen
from tests.newsletter.poison import POISONS, SECRET

pytestmark = pytest.mark.django_db


def who(found: World) -> Somebody:
    reader = found.readers[0]
    return Somebody(
        reader_profiles([reader.profile_id])[reader.profile_id], reader.pk, reader.language
    )


@pytest.mark.parametrize("which", ["open", "frozen"])
def test_a_preview_has_the_readers_number_of_papers_and_no_live_link(which) -> None:
    found = a_world(papers=8)
    mail = preview(getattr(found, which), who(found), world.NOON)
    assert len(mail.papers) == 3
    assert settings.SITE_URL not in mail.text
    assert "/u/" not in mail.html


@pytest.mark.parametrize(("language", "spoken"), [("en", "en"), ("he", "he"), ("de", "en")])
def test_before_and_after_the_freeze_a_preview_is_the_same(settings, language, spoken) -> None:
    settings.LANGUAGES = [("en", "English"), ("he", "Hebrew")]
    found = a_world(papers=8)
    found.readers[0].language = language
    found.readers[0].save(update_fields=["language"])
    before = preview(found.open, who(found), world.NOON)
    assert f'<html lang="{spoken}"' in before.html
    assert world.freeze(found.open.pk, world.NOON)
    found.open.refresh_from_db()
    after = preview(found.open, who(found), world.NOON)
    assert (before.subject, before.text) == (after.subject, after.text)


def test_what_the_reader_was_mailed_is_left_out() -> None:
    found = a_world(papers=8)
    first = preview(found.frozen, who(found), world.NOON).papers
    remember({found.readers[0].pk: first})
    assert not {*first} & {*preview(found.frozen, who(found), world.NOON).papers}


def test_nothing_new_is_said_plainly(enter) -> None:
    found = a_world()
    remember({found.readers[0].pk: [paper.pk for paper in found.papers]})
    answer = enter("operators").get(
        f"/desk/newsletter/edition/{found.frozen.pk}/preview/?reader={found.readers[0].pk}"
    )
    assert "There would be nothing to send." in answer.content.decode()


def test_a_preview_writes_nothing_and_sends_nothing(enter, settings, tmp_path: Path) -> None:
    settings.OUTBOX_DIR = tmp_path / "outbox"
    found = a_world()
    before = (Delivery.objects.count(), Letter.objects.count())
    enter("chief").get(
        f"/desk/newsletter/edition/{found.frozen.pk}/preview/?reader={found.readers[0].pk}"
    )
    assert (Delivery.objects.count(), Letter.objects.count()) == before
    assert not (tmp_path / "outbox").exists()


def test_a_reader_who_is_not_there_is_said_so(enter) -> None:
    found = a_world()
    answer = enter("chief").get(f"/desk/newsletter/edition/{found.frozen.pk}/preview/?reader=99999")
    assert "There is no reader 99999." in answer.content.decode()


def test_the_mail_alone_may_be_framed_by_the_desk_and_do_nothing(enter) -> None:
    found = a_world()
    answer = enter("chief").get(
        f"/desk/newsletter/edition/{found.frozen.pk}/preview-mail/?topics={world.a_topic().pk}"
    )
    assert answer["X-Frame-Options"] == "SAMEORIGIN"
    policy = answer["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")
    assert "script-src" not in policy
    assert "sandbox" in policy
    assert "no-store" in answer["Cache-Control"]


def test_the_address_of_the_reader_is_not_in_the_preview(enter) -> None:
    found = a_world()
    answer = enter("operators").get(
        f"/desk/newsletter/edition/{found.frozen.pk}/preview/?reader={found.readers[0].pk}"
    )
    assert found.readers[0].address not in answer.content.decode()


@pytest.mark.parametrize("which", ["open", "frozen"])
def test_a_preview_for_a_poisoned_reader_says_why_there_is_none(enter, which) -> None:
    found = a_world(readers=len(POISONS))
    client = enter("operators")
    for reader, poison in zip(found.readers, POISONS.values(), strict=True):
        MailedHistory.objects.all().delete()
        poison(reader)
        page = f"/desk/newsletter/edition/{getattr(found, which).pk}/preview"
        text = seen(client.get(f"{page}/?reader={reader.pk}"))
        assert "This reader's digest could not be chosen: " in text
        assert SECRET not in text
        assert client.get(f"{page}-mail/?reader={reader.pk}").content == b""
