"""`manage.py explain READER EDITION`."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from newsletter.models import Edition
from newsletter.sending import frozen
from tests.newsletter import world
from tests.newsletter.desk.pages import a_delivery

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def forgotten_editions():
    frozen.forget()


@pytest.fixture
def delivery():
    made, reader = world.papers(4), world.a_reader()
    return a_delivery(world.a_planned_edition(), reader, made[:2])


def explained(reader, edition):
    out = StringIO()
    call_command("explain", str(reader), edition, stdout=out)
    return out.getvalue()


def test_parts_add_up_and_reasons_are_told(delivery):
    text = explained(delivery.subscriber_id, f"daily/{world.DAY}")
    topic, taste, trend, freshness, editor = delivery.parts[0]
    whole = sum(delivery.parts[0])
    assert (
        f"score {whole:5} = topic {topic} + taste {taste} + trend {trend} + freshness {freshness} "
        f"+ editor {editor}" in text
    )
    assert "topic: Graphs: “Graph networks” in the title" in text
    assert "All stored parts are what the frozen statistics and the profile give again." in text


def test_parts_that_are_not_given_again_are_an_error(delivery):
    delivery.parts[0][2] += 1
    delivery.save()
    with pytest.raises(
        CommandError, match=rf"not what the frozen statistics give: \[{delivery.papers[0]}\]"
    ):
        explained(delivery.subscriber_id, f"daily/{world.DAY}")


def test_a_paper_that_the_statistics_do_not_have_is_named(delivery):
    stranger = world.a_paper(99)
    delivery.papers[1] = stranger.pk
    delivery.save()
    with pytest.raises(CommandError, match=rf"\[{stranger.pk}\]"):
        explained(delivery.subscriber_id, str(delivery.edition_id))


@pytest.mark.parametrize(
    ("edition", "message"),
    [("daily/1999-01-01", "no edition"), ("{edition}", "preview_digest 99999")],
)
def test_what_cannot_be_explained_is_said(delivery, edition, message):
    with pytest.raises(CommandError, match=message):
        explained(99999, edition.format(edition=delivery.edition_id))


def test_a_delivery_without_papers_says_why(delivery):
    delivery.papers, delivery.parts, delivery.status, delivery.reason = (
        [],
        [],
        "skipped",
        "nothing new",
    )
    delivery.save()
    with pytest.raises(CommandError, match="nothing new"):
        explained(delivery.subscriber_id, str(delivery.edition_id))


def test_what_was_stored_by_another_version_is_an_error(delivery):
    Edition.objects.filter(pk=delivery.edition_id).update(statistics=b"made by another version")
    frozen.forget()
    with pytest.raises(CommandError, match=r"Nothing can be computed again\. UnreadableBytes"):
        explained(delivery.subscriber_id, str(delivery.edition_id))
