"""Whatever a source writes into a title, the desk shows it as text."""

import pytest
from django.test import Client
from lxml import html

from ingest.models import Fetch, Paper, Rejection, Source
from newsletter.models import Alert, AlertKind, Batch, Curation, Delivery, Edition
from subscriptions.models import Consent, Topic
from tests.newsletter import world
from tests.newsletter.desk.pages import LISTS, World, a_world, scripts

HOSTILE = (
    '<script>alert(1)</script><img src=x onerror=alert(2)> {{ 7|add:"7" }} {% now "Y" %} '
    '\u202egnp.exe\u202c שלום " x-init="alert(3)'
)

pytestmark = pytest.mark.django_db


def poison() -> None:
    """Put the hostile text into every field that somebody outside the desk can fill."""
    Paper.objects.update(
        title=HOSTILE, abstract=HOSTILE, authors=[HOSTILE], link="", field_sources={}
    )
    Curation.objects.update(text=HOSTILE)
    Edition.objects.update(note=HOSTILE, health_line=HOSTILE)
    Delivery.objects.update(reason=HOSTILE)
    Batch.objects.update(failures=3, failure_reason=HOSTILE)
    for edition in Edition.objects.all():
        for kind in AlertKind:
            Alert.objects.note(edition.pk, kind, HOSTILE)
    Fetch.objects.update(origin=HOSTILE, error=HOSTILE, warnings=[HOSTILE])
    Rejection.objects.update(reason=HOSTILE, excerpt=HOSTILE)
    Source.objects.update(title=HOSTILE)
    Consent.objects.update(evidence=HOSTILE)
    Topic.objects.update(description=HOSTILE, phrases=["graph networks", HOSTILE])


def all_pages(found: World) -> list[str]:
    return [*found.pages(), *LISTS]


def test_hostile_text_adds_no_script_no_handler_and_no_evaluated_attribute_to_any_page(
    enter,
) -> None:
    client, found = enter("chief"), a_world()
    clean = {page: shape(client, page) for page in all_pages(found)}
    poison()
    assert {page: shape(client, page) for page in all_pages(found)} == clean


def shape(client: Client, page: str) -> tuple[int, int, int, int]:
    """Count what could run: scripts, images, inline handlers and Alpine expressions."""
    response = client.get(f"/desk/{page}")
    assert response.status_code == 200, page
    document = html.fromstring(response.content.decode())
    names = [
        name
        for element in document.iter()
        if isinstance(element.tag, str)
        for name in element.attrib
    ]
    handlers = sum(name.startswith("on") for name in names)
    expressions = sum(name.startswith("x-init") for name in names)
    return scripts(response), len(document.xpath("//img")), handlers, expressions


def test_the_hostile_title_is_there_to_read_word_for_word(enter) -> None:
    client, found = enter("chief"), a_world()
    poison()
    text = html.fromstring(
        client.get(f"/desk/newsletter/edition/{found.open.pk}/change/").content.decode()
    ).text_content()
    assert HOSTILE in text
    assert "14" not in text.split("{{", 1)[1].split("}}", 1)[0]


def test_text_that_turns_the_writing_direction_cannot_turn_what_stands_beside_it(enter) -> None:
    client, found = enter("chief"), a_world()
    poison()
    for page in (
        f"newsletter/edition/{found.open.pk}/change/",
        f"newsletter/delivery/{found.deliveries[0].pk}/change/",
    ):
        document = html.fromstring(client.get(f"/desk/{page}").content.decode())
        titled = [
            link
            for link in document.xpath("//a[contains(@href, '/ingest/paper/')]")
            if HOSTILE in link.text_content()
        ]
        assert titled
        assert all(link.xpath("./bdi") for link in titled)


def test_a_preview_of_hostile_papers_runs_nothing(enter) -> None:
    client, found = enter("chief"), a_world()
    poison()
    mail = client.get(
        f"/desk/newsletter/edition/{found.open.pk}/preview-mail/?topics={world.a_topic().pk}"
    )
    assert mail.status_code == 200
    assert "sandbox" in mail["Content-Security-Policy"]
    document = html.fromstring(mail.content.decode())
    assert not document.xpath("//script|//img[@onerror]|//*[@onload]")
