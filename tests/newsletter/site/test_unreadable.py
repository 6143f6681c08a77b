"""Pages of a reader whose taste, or whose edition, was stored by another version of Paperboy."""

import pytest
import structlog.testing

from ingest.models import Paper
from newsletter.models import Edition, Feedback
from newsletter.ranking.taste import describe, read
from newsletter.sending.frozen import forget
from newsletter.site import digest_view
from subscriptions import links
from subscriptions.models import Subscriber
from tests.newsletter.poison import a_taste, with_profile
from tests.newsletter.world import NOON

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def noon(time_machine):
    time_machine.move_to(NOON, tick=False)


@pytest.fixture
def reader(delivery) -> Subscriber:
    """A reader who was mailed a digest, with a taste of a newer version."""
    with_profile(delivery.subscriber, taste=a_taste(version=2))
    reader = Subscriber.objects.select_related("profile").get(pk=delivery.subscriber_id)
    delivery.profile = reader.profile
    delivery.save(update_fields=["profile"])
    return reader


def path(url: str) -> str:
    return url.removeprefix("http://127.0.0.1:8000")


def taste_of(reader: Subscriber) -> bytes:
    return bytes(Subscriber.objects.select_related("profile").get(pk=reader.pk).profile.taste)


def titles(delivery) -> list[str]:
    return [paper.title for paper in Paper.objects.filter(pk__in=delivery.papers)]


@pytest.mark.parametrize("what", ["taste", "statistics"])
def test_a_digest_that_cannot_be_explained_is_shown_without_reasons(
    client, delivery, edition, what, monkeypatch, request
):
    if what == "taste":
        request.getfixturevalue("reader")
    else:
        Edition.objects.filter(pk=edition.pk).update(statistics=b"made by another version")
        forget()
    log = structlog.testing.CapturingLogger()
    monkeypatch.setattr(digest_view, "log", log)
    response = client.get(path(links.view_url(delivery.pk)))
    assert response.status_code == 200
    assert all(title in response.content.decode() for title in titles(delivery))
    [call] = log.calls
    assert call.args == ("digest_not_explained",)
    assert call.kwargs["reason"].startswith("Unreadable")


def test_the_taste_page_says_so_and_forgets_everything(client, reader):
    page = path(links.preferences_url(reader.pk, NOON)) + "taste/"
    content = client.get(page).content.decode()
    assert "cannot be read any more" in content
    assert 'name="all"' in content
    client.post(page, {"all": "yes"})
    assert taste_of(reader) == b""
    assert "Nothing yet" in client.get(page).content.decode()


def test_a_word_on_a_paper_begins_a_new_taste(client, reader, delivery):
    page = path(f"{links.act_url(delivery.pk, NOON)}more/{delivery.papers[0]}/")
    assert client.post(page).status_code == 200
    assert Feedback.objects.get().kind == "more"
    assert read(taste_of(reader)).events == 1
    assert describe(taste_of(reader))


def test_preferences_are_shown_and_saved_with_the_taste_as_it_is(client, reader):
    page = path(links.preferences_url(reader.pk, NOON))
    form = {"cadence": "daily", "hour": "7", "timezone": "UTC", "language": "en"}
    form |= {"minimum_votes": "0", "papers_per_digest": "4", "balance": "30"}
    form |= {"phrases": "", "muted": "", "paused_until": "", "topics": reader.profile.topics}
    assert client.get(page).status_code == 200
    assert client.post(page, form).status_code == 302
    reader.refresh_from_db()
    assert (reader.hour, reader.profile.papers_per_digest) == (7, 4)
    assert taste_of(reader) == a_taste(version=2)
