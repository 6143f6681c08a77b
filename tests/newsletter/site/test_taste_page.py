"""A reader sees what was learned about them in words, takes words out, or starts again; a
title's link may count a click.
"""

import email
import email.policy
from datetime import timedelta

import pytest
from django.test import Client

from ingest.models import Paper
from newsletter.editions.archive import refit
from newsletter.models import Click, Feedback
from newsletter.ranking.taste import describe
from newsletter.ranking.values import Parts, Pick, Reason, Selection
from newsletter.sending import press
from newsletter.sending.readers import Reader
from newsletter.tracking.feedback import note_word
from subscriptions import links
from subscriptions.models import Subscriber
from subscriptions.registry import export_reader
from tests.newsletter import world

NOW = world.NOON
BROWSER = {"HTTP_USER_AGENT": "Mozilla/5.0 Firefox/140.0"}


@pytest.fixture(autouse=True)
def noon(time_machine):
    time_machine.move_to(NOW, tick=False)
    return time_machine


@pytest.fixture
def reader(delivery):
    refit(world.FREEZE)
    return delivery.subscriber


@pytest.fixture
def page(reader):
    return links.preferences_url(reader.pk, NOW).removeprefix("http://127.0.0.1:8000") + "taste/"


@pytest.fixture
def taught(reader, delivery):
    note_word(reader.pk, Paper.objects.get(pk=delivery.papers[0]), "more", NOW)
    note_word(reader.pk, Paper.objects.get(pk=delivery.papers[1]), "fewer", NOW)
    return reader


def words(reader):
    return dict(
        describe(
            bytes(Subscriber.objects.select_related("profile").get(pk=reader.pk).profile.taste)
        )
    )


def test_before_anything_was_learned_the_page_says_how(client, page):
    assert "Nothing yet" in client.get(page).content.decode()


def test_a_reader_sees_words_and_what_they_come_from(client, page, taught, delivery):
    content = client.get(page).content.decode()
    for wording in words(taught):
        says_something = len(wording) >= 3 and any(map(str.isalpha, wording))
        assert (f'value="{wording}"' in content) == says_something
    assert Paper.objects.get(pk=delivery.papers[0]).title in content


def test_looking_changes_nothing(client, page, taught):
    before = words(taught)
    client.get(page, {"word": next(iter(before)), "all": "yes"})
    assert words(taught) == before


def test_chosen_words_are_forgotten_and_no_others(client, page, taught):
    first, second, *rest = words(taught)
    assert client.post(page, {"word": [first, second]}).status_code == 302
    assert set(rest) <= set(words(taught))
    assert not {first, second} & set(words(taught))


def test_everything_is_forgotten_at_once(client, page, taught):
    client.post(page, {"all": "yes"})
    assert words(taught) == {}
    assert not Feedback.objects.exists()
    assert "Nothing yet" in client.get(page).content.decode()


def test_a_form_without_our_secret_changes_nothing(page, taught):
    assert Client(enforce_csrf_checks=True).post(page, {"all": "yes"}).status_code == 403
    assert words(taught)


def test_only_a_preferences_link_opens_the_page(client, reader, delivery, noon):
    token = links.act_url(delivery.pk, NOW).rstrip("/").rpartition("/")[2]
    assert client.get(f"/p/{token}/taste/").status_code == 404
    page = links.preferences_url(reader.pk, NOW).removeprefix("http://127.0.0.1:8000") + "taste/"
    noon.move_to(NOW + timedelta(days=61))
    assert client.post(page, {"all": "yes"}).status_code == 410


def test_the_preferences_page_leads_to_the_taste(client, page, taught):
    assert f'href="{page}"' in client.get(page.removesuffix("taste/")).content.decode()


def test_the_page_is_kept_to_its_reader(client, page, taught):
    response = client.get(page)
    assert "no-store" in response["Cache-Control"]
    assert taught.address not in response.content.decode()


def test_an_export_has_the_taste_in_words(taught):
    taught.refresh_from_db()
    assert {row["words"] for row in export_reader(taught)["taste"]} == set(words(taught))


def test_the_button_in_a_digest_teaches(client, reader, delivery):
    client.post(
        f"{links.act_url(delivery.pk, NOW).removeprefix('http://127.0.0.1:8000')}more/{delivery.papers[0]}/"
    )
    assert words(reader)


# --- Titles that count clicks


def mail_of(delivery, **form):
    """Print the digest's mail as its worker would."""
    press.forget()
    row = delivery.subscriber
    reader = Reader(
        row.pk,
        row.address,
        row.state,
        None,
        None,
        row.cadence,
        row.hour,
        row.timezone,
        row.language,
        row.profile_id,
    )
    picks = tuple(
        Pick(pk, Parts(1, 0, 0, 0, 0), (Reason("topic", "a reason"),), "topics", None)
        for pk in delivery.papers
    )
    return press.Press(delivery.edition_id, NOW, **form).print(
        delivery.pk, reader, Selection(picks, "")
    )


@pytest.fixture
def read_link(delivery):
    return f"{links.act_url(delivery.pk, NOW).removeprefix('http://127.0.0.1:8000')}read/{delivery.papers[0]}/"


@pytest.mark.parametrize("as_bytes", [False, True])
def test_titles_lead_straight_to_papers_unless_clicks_are_counted(
    delivery, read_link, settings, as_bytes
):
    paper = Paper.objects.get(pk=delivery.papers[0]).get_absolute_url()
    plain = email.message_from_bytes(
        mail_of(delivery, as_bytes=as_bytes).dotted(), policy=email.policy.default
    )
    settings.COUNT_CLICKS = True
    counting = email.message_from_bytes(
        mail_of(delivery, as_bytes=as_bytes).dotted(), policy=email.policy.default
    )
    for kind in ("plain", "html"):
        before, after = (message.get_body((kind,)).get_content() for message in (plain, counting))
        assert paper in before
        assert read_link not in before
        assert paper not in after
        assert read_link in after


def test_a_title_leads_on_to_the_paper_and_is_measured(client, delivery, read_link):
    response = client.get(read_link, **BROWSER)
    assert response["Location"] == Paper.objects.get(pk=delivery.papers[0]).get_absolute_url()
    assert response["Referrer-Policy"] == "same-origin"
    assert Click.objects.get().paper_id == delivery.papers[0]


def test_head_measures_nothing_and_post_is_refused(client, read_link):
    assert client.head(read_link, **BROWSER).status_code == 302
    assert client.post(read_link, **BROWSER).status_code == 405
    assert not Click.objects.exists()


def test_an_old_title_still_leads_on_unmeasured(client, read_link, noon):
    noon.move_to(NOW + timedelta(days=400))
    assert client.get(read_link, **BROWSER).status_code == 302
    assert not Click.objects.exists()


def test_a_link_leads_only_to_papers_of_its_digest(client, delivery, read_link):
    other = world.a_paper(77)
    assert (
        client.get(
            read_link.replace(f"/{delivery.papers[0]}/", f"/{other.pk}/"), **BROWSER
        ).status_code
        == 404
    )


def test_a_paper_without_an_address_leads_nowhere(client, delivery, read_link):
    Paper.objects.filter(pk=delivery.papers[0]).update(arxiv_id=None, link="")
    assert client.get(read_link, **BROWSER).status_code == 404
