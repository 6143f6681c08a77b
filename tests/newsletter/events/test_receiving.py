"""What providers post: authenticated, understood, stored once, and answered at once."""

import json
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from newsletter.checks import check_webhooks
from newsletter.events.authentication import ALWAYS_SIGNED, webhook_views
from newsletter.events.receiving import AT_ONCE, LONGEST_RAW
from newsletter.models import EventKind, ProviderEvent
from newsletter.retention import delete_old_rows
from subscriptions.suppression import hash_keys
from tests.newsletter import world
from tests.newsletter.events.conftest import a_delivery
from tests.newsletter.events.payloads import BASIC, POSTS, SECRET, _sendgrid, post, proofs, whole

PROVIDERS = sorted(POSTS)


def body_of(provider, meaning, delivery):
    make, _kind = POSTS[provider][meaning]
    return make(delivery.subscriber.address, delivery.pk, delivery.edition_id)


def test_every_provider_with_webhooks_is_tried_here():
    assert {*POSTS} == {*webhook_views()} - {"sendinblue"}


@pytest.mark.parametrize("provider", PROVIDERS)
def test_an_event_is_stored_with_its_meaning_and_delivery(client, delivery, provider):
    for meaning, (_make, kind) in POSTS[provider].items():
        answer = post(client, provider, body_of(provider, meaning, delivery))
        assert answer.status_code == 200, meaning
        event = ProviderEvent.objects.get()
        assert (event.provider, meaning, event.kind) == (provider, meaning, kind)
        assert event.delivery_id == delivery.pk
        assert event.recipient == delivery.subscriber.address
        assert (event.domain, event.said_at.year) == ("example.org", 2026)
        assert event.handled_at is None
        event.delete()


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_raw_event_is_stored_without_addresses_and_secrets(client, delivery, provider):
    meaning = next(iter(POSTS[provider]))
    post(client, provider, body_of(provider, meaning, delivery))
    event = ProviderEvent.objects.get()
    kept = event.raw + event.reason
    assert event.raw
    for secret in ("reader1", "daily@", SECRET, BASIC, "token-1"):
        assert secret not in kept


@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_same_post_twice_is_one_event(client, delivery, provider):
    body = body_of(provider, next(iter(POSTS[provider])), delivery)
    assert post(client, provider, body).status_code == 200
    assert post(client, provider, body).status_code == 200
    assert ProviderEvent.objects.count() == 1


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("proof", ["none", "password", "signature"])
def test_a_post_without_the_right_proof_stores_nothing(client, delivery, provider, proof, caplog):
    body = body_of(provider, next(iter(POSTS[provider])), delivery)
    right = proofs(provider, whole(provider, body))
    wrong = {
        "none": {},
        "password": right | {"Authorization": "Basic cGFwZXJib3k6d3Jvbmc="},
        "signature": {
            name: value if name == "Authorization" else f"{value[:-4]}AAA="
            for name, value in right.items()
        },
    }[proof]
    if wrong.keys() == {"Authorization"} and proof == "signature":
        pytest.skip("this provider signs nothing")
    if proof == "signature" and provider in ("mailgun", "unisender_go"):
        pytest.skip("its signature is in the body")
    answer = post(client, provider, body, headers=wrong)
    assert 400 <= answer.status_code < 500
    assert not ProviderEvent.objects.exists()
    assert SECRET not in caplog.text
    assert BASIC.partition(":")[2] not in caplog.text


@pytest.mark.parametrize("provider", ["mailgun", "unisender_go"])
def test_a_wrong_signature_in_the_body_stores_nothing(client, delivery, provider):
    body = body_of(provider, next(iter(POSTS[provider])), delivery)
    right = whole(provider, body)
    key = b'"signature": "' if provider == "mailgun" else b'"auth": "'
    start = right.index(key) + len(key)
    wrong = right[:start] + b"0" * 8 + right[start + 8 :]
    answer = client.post(
        f"/anymail/{provider}/tracking/",
        wrong,
        content_type="application/json",
        headers=proofs(provider, right),
    )
    assert answer.status_code == 401
    assert not ProviderEvent.objects.exists()


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_provider_without_a_secret_is_not_answered(client, delivery, provider, settings):
    settings.ANYMAIL = {}
    body = body_of(provider, next(iter(POSTS[provider])), delivery)
    assert post(client, provider, body).status_code == 404
    assert client.get(f"/anymail/{provider}/tracking/").status_code == 404
    assert not ProviderEvent.objects.exists()


@pytest.mark.parametrize("provider", sorted(ALWAYS_SIGNED))
def test_a_password_alone_is_not_enough_for_a_provider_that_signs(client, db, provider, settings):
    settings.ANYMAIL = {"WEBHOOK_SECRET": BASIC}
    assert client.get(f"/anymail/{provider}/tracking/").status_code == 404


def test_the_address_can_be_checked_but_unknown_providers_have_none(client, db):
    assert client.head("/anymail/postmark/tracking/").status_code == 200
    assert client.get("/anymail/postmark/tracking/").status_code == 200
    assert client.put("/anymail/postmark/tracking/").status_code == 405
    assert client.get("/anymail/nobody/tracking/").status_code == 404
    assert client.post("/anymail/postmark/inbound/").status_code == 404


def test_a_key_that_is_none_is_no_error_of_the_request(client, delivery, settings):
    settings.ANYMAIL["SENDGRID_TRACKING_WEBHOOK_VERIFICATION_KEY"] = "no key"
    answer = post(client, "sendgrid", body_of("sendgrid", "hard", delivery))
    assert answer.status_code == 404
    assert not ProviderEvent.objects.exists()


def test_amazon_is_asked_for_its_password(client, delivery):
    answer = post(client, "amazon_ses", body_of("amazon_ses", "hard", delivery), headers={})
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Basic ")


def test_a_body_that_is_too_long_is_refused(client, db, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    answer = post(client, "postmark", {"RecordType": "Delivery", "Pad": "x" * 2000})
    assert answer.status_code == 413
    assert not ProviderEvent.objects.exists()


MALFORMED = st.one_of(
    st.binary(max_size=200),
    st.text(max_size=60).map(str.encode),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "event",
                        "events",
                        "msys",
                        "data",
                        "type",
                        "RecordType",
                        "Type",
                        "Metadata",
                        "event-data",
                        "timestamp",
                        "time",
                        "ts",
                        "email",
                        "payload",
                        "message",
                        "tags",
                    ]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    ).map(lambda value: json.dumps(value).encode()),
)


@pytest.mark.slow
@pytest.mark.parametrize("provider", PROVIDERS)
@examples(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=MALFORMED)
def test_no_malformed_body_is_an_error_of_ours(db, provider, content):
    client = Client(raise_request_exception=True)
    if provider == "mandrill":
        content = b"mandrill_events=" + content
    try:
        headers = proofs(provider, content)
    except (UnicodeDecodeError, KeyError):
        headers = {"Authorization": "Basic " + "cGFwZXJib3k6eA=="}
    answer = client.post(
        f"/anymail/{provider}/tracking/",
        content,
        content_type="application/x-www-form-urlencoded"
        if provider == "mandrill"
        else "application/json",
        headers=headers,
    )
    assert answer.status_code < 500
    assert not ProviderEvent.objects.exclude(handled_at=None).exists()


@pytest.mark.parametrize(
    "content",
    [
        b"[" * 50_000 + b"]" * 50_000,
        b'{"RecordType": "Bounce", "Metadata": {"delivery": NaN}}',
        b'{"RecordType": "Bounce", "BouncedAt": "9999-12-31T23:59:59-23:59"}',
        b'{"RecordType": "Bounce", "BouncedAt": "0001-01-01T00:00:00+23:59"}',
        b'{"RecordType": "Bounce", "BouncedAt": 17}',
        b'{"RecordType": "Bounce", "Email": ["a@example.org"], "Tag": {"a": 1}}',
        b'{"RecordType": "Bounce", "Email": "\\u0000@example.org", "Details": "\\u0000\\ud800"}',
        b'{"RecordType": "Bounce", "Email": "a@' + b"x" * 400 + b'", "Type": "\\ud800"}',
        b'{"RecordType": "Bounce", "Metadata": {"delivery": "999999999999999999999"}}',
        b'{"RecordType": "Bounce", "Metadata": {"delivery": "-1"}, "Tag": "edition-99999999999999999999"}',
        b'{"RecordType": "Bounce", "Metadata": {"delivery": "\\u0663"}, "Details": "'
        + b"y" * 99_999
        + b'"}',
        b'{"RecordType": "Bounce", "Metadata": 5, "Details": {"a": []}}',
    ],
)
def test_hostile_values_are_bounded(client, db, content):
    answer = client.post(
        "/anymail/postmark/tracking/",
        content,
        content_type="application/json",
        headers=proofs("postmark", content),
    )
    assert answer.status_code in (200, 400)
    for event in ProviderEvent.objects.all():
        assert event.delivery_id is None
        assert len(event.raw) <= LONGEST_RAW
        assert len(event.reason) <= 300
        assert event.said_at <= event.received_at


def test_an_event_of_another_instance_is_no_event_of_our_delivery(client, delivery):
    stranger = POSTS["postmark"]["hard"][0]("somebody@elsewhere.example", delivery.pk, 0)
    post(client, "postmark", stranger)
    event = ProviderEvent.objects.get()
    assert event.delivery_id is None
    assert event.recipient == "somebody@elsewhere.example"


def test_an_event_of_a_mail_to_a_former_address_belongs_to_its_delivery(client, delivery):
    reader = delivery.subscriber
    reader.address_changes.create(
        address="new@example.org",
        address_key="new@example.org",
        requested_at=world.NOON,
        made_at=world.NOON,
        former=reader.address,
        former_key=reader.address_key,
    )
    former = reader.address
    type(reader).objects.filter(pk=reader.pk).update(
        address="new@example.org", address_key="new@example.org"
    )
    post(client, "postmark", POSTS["postmark"]["hard"][0](former, delivery.pk, 0))
    event = ProviderEvent.objects.get()
    assert (event.delivery_id, event.recipient) == (delivery.pk, former)


def test_an_event_without_a_recipient_is_about_the_reader_who_has_not_moved(client, delivery):
    body = body_of("postmark", "hard", delivery)
    del body["Email"]
    post(client, "postmark", body)
    assert ProviderEvent.objects.get().recipient == delivery.subscriber.address


def test_an_event_without_a_recipient_names_nobody_who_has_moved_since(client, delivery):
    delivery.subscriber.consents.create(kind="moved", at=world.NOON)
    body = body_of("postmark", "hard", delivery)
    del body["Email"]
    post(client, "postmark", body)
    event = ProviderEvent.objects.get()
    assert (event.delivery_id, event.recipient) == (delivery.pk, "")


def test_a_post_of_a_thousand_asks_as_many_queries_as_one_of_ten(
    client, edition, django_assert_max_num_queries
):
    deliveries = [a_delivery(edition, world.a_reader(number)) for number in range(1, 11)]

    def told(count):
        return [
            _sendgrid("delivered", sg_event_id=f"{count}-{number}")(
                one.subscriber.address, one.pk, one.edition_id
            )[0]
            for number in range(count)
            for one in [deliveries[number % len(deliveries)]]
        ]

    def asked(count):
        with django_assert_max_num_queries(500) as seen:
            assert post(client, "sendgrid", told(count)).status_code == 200
        return len([one for one in seen if not one["sql"].startswith("INSERT")])

    hash_keys(to_store=True)
    few = asked(10)
    assert asked(AT_ONCE) == few
    assert ProviderEvent.objects.exclude(delivery=None).count() == AT_ONCE + 10


def test_raw_events_go_after_their_days_and_what_they_mean_stays(client, delivery, settings):
    post(client, "postmark", body_of("postmark", "hard", delivery))
    settings.RAW_EVENT_DAYS = 30
    assert delete_old_rows(timezone.now() + timedelta(days=29))["raw_events"] == 0
    assert delete_old_rows(timezone.now() + timedelta(days=31))["raw_events"] == 1
    event = ProviderEvent.objects.get()
    assert (event.raw, event.kind) == ("", EventKind.HARD_BOUNCE)


def test_a_provider_without_a_webhook_secret_is_a_warning(settings):
    settings.MAIL_PROVIDERS = ["postmark", "mailgun", "smtp"]
    settings.ANYMAIL = {"MAILGUN_API_KEY": "key"}
    hints = [warning.hint for warning in check_webhooks()]
    assert ["ANYMAIL_WEBHOOK_SECRET" in hints[0], "SIGNING_KEY" in hints[1]] == [True, True]
    settings.ANYMAIL = {"WEBHOOK_SECRET": BASIC, "MAILGUN_WEBHOOK_SIGNING_KEY": SECRET}
    assert not check_webhooks()
