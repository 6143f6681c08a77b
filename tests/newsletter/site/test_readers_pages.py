"""The readers' pages: GET changes nothing, POST does one thing, and no answer tells whether an
address is known.
"""

import re
from datetime import timedelta

import pytest
import time_machine
from django.apps import apps
from django.core import mail
from django.core.serializers import serialize
from django.test import Client

from newsletter.models import Feedback
from subscriptions import letters, links
from subscriptions.models import (
    Consent,
    Letter,
    SignUp,
    Subscriber,
    SubscriberState,
    SuppressionReason,
    Topic,
)
from subscriptions.models.profile import Choices
from subscriptions.suppression import suppress
from subscriptions.tokens import Power, sign
from tests.subscriptions.readers import DAY, HOUR, NOW, a_letter, a_reader

pytestmark = pytest.mark.django_db

ONE_CLICK = "List-Unsubscribe=One-Click"
FORM = {"cadence": "daily", "hour": "7", "timezone": "Europe/Berlin"}


@pytest.fixture(autouse=True)
def noon():
    with time_machine.travel(NOW, tick=False) as clock:
        yield clock


def path(url):
    return url.removeprefix("http://127.0.0.1:8000")


def snapshot() -> str:
    """Return all stored rows of the apps that hold what readers chose and staff decided."""
    models = [
        model
        for app in ("subscriptions", "newsletter", "ingest")
        for model in apps.get_app_config(app).get_models()
    ]
    return "".join(serialize("json", model._base_manager.order_by("pk")) for model in models)


def a_sign_up(address="ada@example.org"):
    Client().post("/sign-up/", FORM | {"address": address})
    return SignUp.objects.latest("pk")


# --- Signing up


def test_a_sign_up_keeps_what_was_chosen(client):
    topic = Topic.objects.create(slug="vision", name="Vision")
    response = client.post(
        "/sign-up/", FORM | {"address": " Ada@Example.org ", "topics": [topic.pk]}, follow=True
    )
    assert response.redirect_chain == [("/sign-up/sent/", 302)]
    sign_up = SignUp.objects.get()
    assert (sign_up.subscriber.address, sign_up.hour, sign_up.timezone) == (
        "Ada@Example.org",
        7,
        "Europe/Berlin",
    )
    assert sign_up.profile.choices == Choices(topics=(topic.pk,))


def test_a_mistake_is_explained_and_what_was_typed_stays(client):
    topic = Topic.objects.create(slug="vision", name="Vision")
    response = client.post("/sign-up/", FORM | {"address": "ada@", "topics": [topic.pk]})
    assert response.status_code == 422
    content = response.content.decode()
    assert "such as ada@example.org" in content
    assert 'value="ada@"' in content
    assert re.search(rf'value="{topic.pk}" checked', content)
    assert not Subscriber.objects.exists()


def test_the_browsers_zone_is_proposed_and_does_not_replace_a_chosen_utc(client):
    assert "data-detect-zone" in client.get("/sign-up/").content.decode()
    again = client.post("/sign-up/", FORM | {"address": "ada@", "timezone": "UTC"}).content.decode()
    assert selected_zones(again) == ["UTC"]
    assert "data-detect-zone" not in again


def test_every_address_gets_the_same_answer():
    a_reader("active@example.org")
    a_reader("left@example.org", state=SubscriberState.UNSUBSCRIBED)
    suppress("complained@example.org", SuppressionReason.COMPLAINT, now=NOW)
    for page in ("/sign-up/", "/preferences/"):
        answers = set()
        for name in ("new", "active", "left", "complained", "new"):
            response = Client().post(page, FORM | {"address": f"{name}@example.org"})
            shown = Client().get(response["Location"])
            answers.add(
                (
                    response.status_code,
                    response["Location"],
                    response.content,
                    shown.status_code,
                    shown.content,
                    str(response.cookies),
                )
            )
        assert len(answers) == 1


def test_a_machine_that_takes_the_bait_sees_success_and_changes_nothing(client):
    response = client.post(
        "/sign-up/", FORM | {"address": "ada@example.org", "website": "https://spam.example"}
    )
    assert response["Location"] == "/sign-up/sent/"
    assert not Subscriber.objects.exists()


def test_one_network_is_limited_whatever_it_asks(client):
    for number in range(20):
        client.post("/sign-up/", FORM | {"address": f"reader{number}@example.org"})
    assert client.post("/sign-up/", FORM | {"address": "more@example.org"}).status_code == 429
    assert client.post("/preferences/", {"address": "reader1@example.org"}).status_code == 429
    assert (
        client.post(
            "/sign-up/", FORM | {"address": "more@example.org"}, REMOTE_ADDR="192.0.2.9"
        ).status_code
        == 302
    )


def test_a_household_of_ipv6_is_one_network(client):
    for number in range(20):
        client.post(
            "/sign-up/",
            FORM | {"address": f"reader{number}@example.org"},
            REMOTE_ADDR=f"2001:db8::{number + 1:x}",
        )
    assert (
        client.post(
            "/sign-up/", FORM | {"address": "more@example.org"}, REMOTE_ADDR="2001:db8::ffff"
        ).status_code
        == 429
    )


def test_behind_a_proxy_only_the_entry_of_our_proxy_counts(client, settings):
    settings.BEHIND_PROXY = True
    for number in range(20):
        client.post(
            "/sign-up/",
            FORM | {"address": f"reader{number}@example.org"},
            headers={"X-Forwarded-For": f"10.0.0.{number}, 192.0.2.1"},
        )
    refused = client.post(
        "/sign-up/",
        FORM | {"address": "more@example.org"},
        headers={"X-Forwarded-For": "10.9.9.9, 192.0.2.1"},
    )
    assert refused.status_code == 429


def test_a_form_of_another_site_is_refused():
    assert (
        Client(enforce_csrf_checks=True)
        .post("/sign-up/", FORM | {"address": "ada@example.org"})
        .status_code
        == 403
    )
    assert not Subscriber.objects.exists()


# --- Confirming


def test_opening_a_confirmation_confirms_nothing_and_the_button_does(client):
    url = path(links.confirm_url(a_sign_up().pk, NOW))
    assert "Confirm my subscription" in client.get(url).content.decode()
    assert Subscriber.objects.get().state == SubscriberState.PENDING
    shown = client.post(url, follow=True).content.decode()
    assert "You are a reader now" in shown
    assert Subscriber.objects.get().state == SubscriberState.ACTIVE


def test_a_second_visit_shows_the_same_page(client):
    url = path(links.confirm_url(a_sign_up().pk, NOW))
    first = client.post(url, follow=True).content
    assert client.get(url).content == first
    assert client.post(url, follow=True).content == first
    assert Consent.objects.filter(kind="confirmed").count() == 1


def test_a_confirmation_runs_out_after_three_days(client, noon):
    url = path(links.confirm_url(a_sign_up().pk, NOW))
    noon.move_to(NOW + timedelta(days=4))
    response = client.post(url)
    assert response.status_code == 410
    assert "Sign up again" in response.content.decode()
    assert Subscriber.objects.get().state == SubscriberState.PENDING


# --- Leaving


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize(
    "content_type", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=b"]
)
def test_one_click_works_in_both_forms_without_cookies_and_never_redirects(slash, content_type):
    reader = a_reader()
    body = ONE_CLICK
    if content_type.startswith("multipart"):
        body = (
            "--b\r\nContent-Disposition: form-data; "
            'name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--b--\r\n'
        )
    url = path(links.leave_url(reader.pk, 7)).rstrip("/") + slash
    for _repeat in range(3):
        response = Client(enforce_csrf_checks=True).generic("POST", url, body, content_type)
        assert (response.status_code, response.content) == (200, b"You are unsubscribed.\n")
    reader.refresh_from_db()
    assert reader.state == SubscriberState.UNSUBSCRIBED
    assert [consent.evidence for consent in reader.consents.all()] == [
        "one-click unsubscribe, edition 7"
    ]


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ("", "application/x-www-form-urlencoded"),
        ("", ""),
        ("List-Unsubscribe=One-Click\r\n", "application/x-www-form-urlencoded"),
        ("list-unsubscribe=one-click", "application/x-www-form-urlencoded; charset=utf-8"),
        ("List-Unsubscribe%3DOne-Click", "text/plain"),
        ("List-Unsubscribe=One-Click&unsubscribe=1", "application/x-www-form-urlencoded"),
        ("unsubscribe=1", "application/x-www-form-urlencoded; charset=nonsense"),
        ('{"List-Unsubscribe": "One-Click"}', "application/json"),
        ("\xff\xfe=%00&&&", "application/x-www-form-urlencoded"),
        ("List-Unsubscribe=One-Click", "multipart/form-data"),
        ("--b\r\nContent-Disposition: form-data\r\n", "multipart/form-data; boundary=b"),
        ("a=1&" * 2_000, "application/x-www-form-urlencoded"),
        ("a=" + "x" * 3_000_000, "application/x-www-form-urlencoded"),
    ],
)
def test_the_token_alone_decides_whatever_the_body_is(body, content_type):
    reader = a_reader()
    response = Client(enforce_csrf_checks=True).generic(
        "POST", path(links.leave_url(reader.pk)), body, content_type
    )
    assert (response.status_code, response.content) == (200, b"You are unsubscribed.\n")
    assert not response.cookies
    assert Subscriber.objects.get().state == SubscriberState.UNSUBSCRIBED


DAMAGED = [
    "/U/{}/",
    "/U/{}",
    "/u/{}%0D%0A",
    "/u/{}/%0D%0A",
    "/u/{}%0A/",
    "/u/{}%250D%250A",
    "/u/{}/=0D=0A",
    "/u/{}/%3E",
    "/u/{}%3E%2C",
    "/u/{}.",
    "/u/{}/.",
    "/u/{}//",
    "/u/%20{}/%20",
    "/u//{}/",
    "/u/%3C{}%3E",
    "/u/{}/?utm_source=mail",
    "/u/{}/%E2%80%8B",
]
"""What mail programs and filters make of the address: its case, line ends, blanks, the marks around
it.
"""


@pytest.mark.parametrize("damaged", DAMAGED)
@pytest.mark.parametrize("https_only", [False, True])
def test_one_click_works_at_an_address_that_a_mail_program_has_changed(
    damaged, https_only, settings
):
    settings.SECURE_SSL_REDIRECT = https_only
    reader = a_reader()
    url = damaged.format(sign(Power.LEAVE, reader.pk, 7))
    response = Client(enforce_csrf_checks=True).post(url)
    assert (response.status_code, response.content) == (200, b"You are unsubscribed.\n")
    assert Subscriber.objects.get().state == SubscriberState.UNSUBSCRIBED


@pytest.mark.parametrize("damaged", DAMAGED)
def test_opening_a_changed_address_shows_the_button_and_changes_nothing(client, damaged):
    token = sign(Power.LEAVE, a_reader().pk, 7)
    before = snapshot()
    shown = client.get(damaged.format(token)).content.decode()
    assert f'action="/u/{token}/leave/"' in shown
    assert client.head(damaged.format(token)).status_code == 200
    assert snapshot() == before


@pytest.mark.parametrize(
    "damaged", ["/u/x{}/", "/u/{}x/", "/u/{}/more/", "/u/{}/{}/", "/u/{}-", "/p/{}/", "/u/%3D{}a"]
)
def test_what_could_be_another_token_is_not_mended(client, damaged):
    token = sign(Power.LEAVE, a_reader().pk, 7)
    assert client.post(damaged.format(token, token)).status_code == 404
    assert Subscriber.objects.get().state == SubscriberState.ACTIVE


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS"])
def test_only_a_post_leaves(client, method):
    response = client.generic(method, path(links.leave_url(a_reader().pk)))
    assert response.status_code == 405
    assert Subscriber.objects.get().state == SubscriberState.ACTIVE


def test_one_click_of_a_damaged_link_is_a_plain_404_and_of_an_erased_reader_a_success(client):
    assert (
        client.post("/u/AAAAAAAAAAAAAAAAAAAA/", {"List-Unsubscribe": "One-Click"}).status_code
        == 404
    )
    assert (
        client.post(path(links.leave_url(999_999)), {"List-Unsubscribe": "One-Click"}).status_code
        == 200
    )


def test_one_click_works_over_plain_http_in_production(settings, client):
    settings.SECURE_SSL_REDIRECT = True
    reader = a_reader()
    assert (
        client.post(path(links.leave_url(reader.pk)), {"List-Unsubscribe": "One-Click"}).status_code
        == 200
    )


def test_a_person_leaves_by_a_button_without_cookies_and_can_come_back():
    reader = a_reader()
    url = path(links.leave_url(reader.pk))
    shown = Client().get(url).content.decode()
    button = re.search(r'name="page" value="([^"]+)"', shown)[1]
    left = Client(enforce_csrf_checks=True).post(f"{url}leave/", {"page": button}, follow=True)
    assert "You have left" in left.content.decode()
    reader.refresh_from_db()
    assert reader.state == SubscriberState.UNSUBSCRIBED
    back = re.search(r'name="page" value="([^"]+)"', left.content.decode())[1]
    assert (
        "Good to have you back"
        in Client(enforce_csrf_checks=True)
        .post(f"{url}come-back/", {"page": back})
        .content.decode()
    )
    reader.refresh_from_db()
    assert reader.state == SubscriberState.ACTIVE


@pytest.mark.parametrize(
    ("paused_until", "says"),
    [
        (NOW + 20 * DAY + 3 * HOUR, "paused and comes again from Saturday, 31 January 2026"),
        (NOW - DAY, "comes at your usual hour"),
        (None, "comes at your usual hour"),
    ],
)
def test_who_comes_back_is_told_when_the_next_mail_comes(client, paused_until, says):
    reader = a_reader(paused_until=paused_until, timezone="Asia/Tokyo")
    url = path(links.leave_url(reader.pk))
    client.post(url)
    page = {"page": sign(Power.LEAVE_PAGE, reader.pk, now=NOW)}
    assert says in client.post(f"{url}come-back/", page).content.decode()


@pytest.mark.parametrize("action", ["leave", "come-back"])
def test_a_button_of_another_readers_page_or_none_is_refused(client, action):
    state = SubscriberState.ACTIVE if action == "leave" else SubscriberState.UNSUBSCRIBED
    reader, other = a_reader(state=state, left_at=NOW), a_reader("bob@example.org")
    foreign = re.search(
        r'name="page" value="([^"]+)"', client.get(path(links.leave_url(other.pk))).content.decode()
    )[1]
    for page in (foreign, "", "x" * 30):
        assert (
            client.post(f"{path(links.leave_url(reader.pk))}{action}/", {"page": page}).status_code
            == 404
        )
    reader.refresh_from_db()
    assert reader.state == state


def test_a_button_on_a_page_of_the_day_before_yesterday_shows_a_fresh_page(client, noon):
    reader = a_reader()
    url = path(links.leave_url(reader.pk))
    button = re.search(r'name="page" value="([^"]+)"', client.get(url).content.decode())[1]
    noon.move_to(NOW + 2 * DAY)
    assert (
        "Leave Paperboy?"
        in client.post(f"{url}leave/", {"page": button}, follow=True).content.decode()
    )


# --- Preferences


def wanted(**changes):
    return {
        "topics": [],
        "phrases": "Tree search\nprocess reward, ",
        "muted": "survey",
        "minimum_votes": "3",
        "papers_per_digest": "7",
        "balance": "60",
        "cadence": "weekdays",
        "hour": "6",
        "timezone": "Asia/Tokyo",
        "language": "en",
        "paused_until": "",
    } | changes


def test_preferences_are_shown_and_saved(client):
    topic = Topic.objects.create(slug="vision", name="Vision", retired=True)
    reader = a_reader(choices=Choices(topics=(topic.pk,), phrases=("old phrase",)))
    url = path(links.preferences_url(reader.pk, NOW))
    assert "old phrase" in client.get(url).content.decode()
    response = client.post(url, wanted(topics=[topic.pk], paused_until="2026-01-20"), follow=True)
    assert "Saved." in response.content.decode()
    reader.refresh_from_db()
    assert reader.profile.choices == Choices(
        (topic.pk,), ("tree search", "process reward"), ("survey",), 3, 7, 60
    )
    assert (reader.cadence, reader.hour, reader.timezone) == ("weekdays", 6, "Asia/Tokyo")
    assert reader.paused_until.isoformat() == "2026-01-19T15:00:00+00:00"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"papers_per_digest": "21"}, "less than or equal to 20"),
        ({"balance": "101"}, "less than or equal to 100"),
        ({"minimum_votes": "-1"}, "greater than or equal to 0"),
        ({"hour": "24"}, "valid choice"),
        ({"timezone": "Mars/Olympus"}, "valid choice"),
        ({"topics": ["999999"]}, "valid choice"),
        ({"topics": ["1' OR 1=1"]}, "not a valid value"),
        ({"topics": ["9" * 20]}, "valid choice"),
        ({"phrases": "\n".join(f"phrase {number}" for number in range(41))}, "at most 40"),
        ({"muted": "x" * 81}, "too long"),
        ({"paused_until": "2027-06-01"}, "a year at most"),
        ({"cadence": "hourly"}, "valid choice"),
        ({"language": "tlh"}, "valid choice"),
    ],
)
def test_a_wrong_preference_is_explained_and_nothing_is_saved(client, changes, says):
    reader = a_reader()
    response = client.post(path(links.preferences_url(reader.pk, NOW)), wanted(**changes))
    assert response.status_code == 422
    assert says in response.content.decode()
    assert not reader.consents.exists()


def selected_zones(page: str) -> list[str]:
    return re.findall(r'<option value="([^"]*/[^"]*|UTC)" selected>', page)


@pytest.mark.parametrize(
    ("stored", "selected"),
    [
        ("Europe/Berlin", "Europe/Berlin"),
        ("US/Pacific-New", "America/Los_Angeles"),
        ("Etc/GMT+3", "Etc/GMT+3"),
        ("Mars/Olympus", "UTC"),
        ("", "UTC"),
    ],
)
def test_preferences_open_and_save_whatever_zone_is_stored(client, stored, selected):
    reader = a_reader(timezone=stored, paused_until=NOW + DAY)
    url = path(links.preferences_url(reader.pk, NOW))
    page = client.get(url).content.decode()
    assert selected_zones(page) == [selected]
    assert ("no longer exists" in page) == (stored == "Mars/Olympus")
    assert client.post(url, wanted(timezone=selected)).status_code == 302
    reader.refresh_from_db()
    assert reader.timezone == selected
    assert "no longer exists" not in client.get(url).content.decode()


def test_a_page_that_was_opened_before_its_zone_was_retired_can_be_saved(client):
    reader = a_reader()
    client.post(path(links.preferences_url(reader.pk, NOW)), wanted(timezone="US/Pacific-New"))
    reader.refresh_from_db()
    assert reader.timezone == "America/Los_Angeles"


def test_an_old_link_leads_to_a_new_one_by_mail(client, noon):
    reader = a_reader()
    url = path(links.preferences_url(reader.pk, NOW))
    noon.move_to(NOW + 61 * DAY)
    response = client.get(url)
    assert response.status_code == 410
    assert "Mail me a link" in response.content.decode()
    assert client.post(url, wanted()).status_code == 410
    client.post("/preferences/", {"address": "ADA@example.org"})
    letters.send(Letter.objects.get().pk, lambda: NOW + 61 * DAY)
    fresh = re.search(r"http\S+/p/\S+", mail.outbox[0].body)[0]
    assert client.get(path(fresh)).status_code == 200


def test_who_left_has_no_preferences(client):
    reader = a_reader(state=SubscriberState.UNSUBSCRIBED)
    url = path(links.preferences_url(reader.pk, NOW))
    assert "No mail is going to you" in client.get(url).content.decode()
    client.post(url, wanted())
    reader.refresh_from_db()
    assert reader.hour == 8


# --- All signed pages


def test_machines_that_open_every_link_three_times_change_nothing(delivery):
    reader = delivery.subscriber
    sign_up = a_sign_up("new@example.org")
    urls = [
        links.confirm_url(sign_up.pk, NOW),
        links.preferences_url(reader.pk, NOW),
        links.leave_url(reader.pk, delivery.edition_id),
        links.view_url(delivery.pk),
        *(
            f"{links.act_url(delivery.pk, NOW)}{kind}/{delivery.papers[0]}/"
            for kind in ("more", "fewer")
        ),
    ]
    before = snapshot()
    for _visit in range(3):
        for url in urls:
            assert Client().get(path(url)).status_code == 200
            assert Client().head(path(url)).status_code == 200
    assert snapshot() == before
    Client().post(path(urls[0]))
    assert snapshot() != before


def test_every_signed_page_is_kept_to_its_reader(client, delivery):
    reader = delivery.subscriber
    for url in (
        links.confirm_url(a_sign_up("new@example.org").pk, NOW),
        links.preferences_url(reader.pk, NOW),
        links.leave_url(reader.pk),
        links.view_url(delivery.pk),
        f"{links.act_url(delivery.pk, NOW)}more/{delivery.papers[0]}/",
        "http://127.0.0.1:8000/p/unknown/",
    ):
        response = client.get(path(url))
        assert "no-store" in response["Cache-Control"]
        assert response["Referrer-Policy"] == "same-origin"
        assert response["X-Robots-Tag"] == "noindex, nofollow"
        assert "script-src 'self'" in response["Content-Security-Policy"]
        assert response["X-Frame-Options"] == "DENY"
        assert not re.search(
            r'<(?:script|link|img|iframe)[^>]+="(?:https?:)?//', response.content.decode()
        )


@pytest.mark.parametrize("place", ["c", "p", "u", "v"])
def test_a_token_of_another_power_opens_nothing(client, delivery, place):
    reader = delivery.subscriber
    for other, url in {
        "c": links.confirm_url(reader.pk, NOW),
        "p": links.preferences_url(reader.pk, NOW),
        "u": links.leave_url(reader.pk),
        "v": links.view_url(delivery.pk),
        "a": links.act_url(delivery.pk, NOW),
    }.items():
        if other != place:
            token = url.rstrip("/").rpartition("/")[2]
            assert client.get(f"/{place}/{token}/").status_code == 404


def test_feedback_is_recorded_by_the_button_for_a_paper_that_was_mailed(client, delivery):
    act = path(links.act_url(delivery.pk, NOW))
    paper = delivery.papers[1]
    assert "Noted" in client.post(f"{act}fewer/{paper}/").content.decode()
    word = Feedback.objects.get()
    assert (word.subscriber_id, word.paper_id, word.kind) == (
        delivery.subscriber_id,
        paper,
        "fewer",
    )
    assert client.post(f"{act}fewer/{max(delivery.papers) + 1}/").status_code == 404
    assert client.post(f"{act}love/{paper}/").status_code == 404
    assert Feedback.objects.count() == 1


def test_feedback_ends_after_60_days(client, delivery, noon):
    url = f"{path(links.act_url(delivery.pk, NOW))}more/{delivery.papers[0]}/"
    noon.move_to(NOW + 61 * DAY)
    assert client.post(url).status_code == 410
    assert not Feedback.objects.exists()


def test_a_letter_does_not_go_out_to_who_leaves_before_it_is_sent(client):
    reader = a_reader()
    letter = a_letter(reader)
    client.post(path(links.leave_url(reader.pk)), {"List-Unsubscribe": "One-Click"})
    assert not letters.send(letter.pk, lambda: NOW)
    assert mail.outbox == []
