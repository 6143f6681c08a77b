"""The suppression policy: who gets no more mail because of what providers report, and who does."""

from datetime import timedelta

import pytest

from newsletter.events.applying import apply_due
from newsletter.events.receiving import store
from newsletter.models import Alert, AlertKind, Edition
from newsletter.models import EventKind as Kind
from newsletter.sending.control import resume
from subscriptions import suppression
from subscriptions.confirming import confirm
from subscriptions.models import (
    Letter,
    LetterKind,
    LetterState,
    Profile,
    Subscriber,
    SubscriberState,
    Suppression,
)
from subscriptions.models import (
    SuppressionReason as Reason,
)
from subscriptions.models.profile import Choices
from subscriptions.origins import NOWHERE
from subscriptions.schedule import Schedule
from subscriptions.signup import request_sign_up
from tests.newsletter import world
from tests.newsletter.events.conftest import SENT, a_delivery
from tests.newsletter.events.test_applying import HOUR, said

DAY = timedelta(days=1)
NOW = SENT + 60 * DAY


def hear(delivery, *told, now=NOW):
    """Store and apply events, given as (kind, when)."""
    store([said(delivery, kind, at) for kind, at in told], now)
    apply_due(now)
    delivery.subscriber.refresh_from_db()


def is_mailable(delivery):
    return Subscriber.objects.mailable(NOW).filter(pk=delivery.subscriber_id).exists()


def why(delivery):
    return suppression.reasons_of(delivery.subscriber.address)


def test_a_hard_bounce_suppresses_at_once(delivery):
    hear(delivery, (Kind.HARD_BOUNCE, SENT))
    assert why(delivery) == {Reason.HARD_BOUNCE}
    assert not is_mailable(delivery)


@pytest.mark.parametrize(
    ("bounces", "successes", "suppressed"),
    [
        ([0, 1, 2, 3, 4], [], True),
        ([0, 1, 2, 3], [], False),
        ([0, 7, 14, 21, 28], [], True),  # a weekly reader to whom nothing arrives
        ([0, 1, 2, 3, 10], [5], False),  # 4 are halved by a good week, and 1 more is 3
        ([0, 1, 2, 3, 9], [5], True),  # a good time of less than a week halves nothing
        ([0, 1, 2, 3, 10, 11], [5], False),
        ([0, 1, 2, 3, 10, 11, 12], [5], True),
    ],
)
def test_soft_bounces_count_by_day_and_fade_with_success(delivery, bounces, successes, suppressed):
    hear(
        delivery,
        *((Kind.SOFT_BOUNCE, SENT + day * DAY) for day in bounces),
        *((Kind.SOFT_BOUNCE, SENT + day * DAY + HOUR) for day in bounces),
        *((Kind.DELIVERED, SENT + day * DAY) for day in successes),
    )
    assert (why(delivery) == {Reason.SOFT_BOUNCES}) == suppressed
    assert is_mailable(delivery) != suppressed


def test_a_complaint_suppresses_until_its_reader_signs_up_again_and_confirms(delivery):
    hear(delivery, (Kind.COMPLAINED, SENT))
    reader = delivery.subscriber
    assert not is_mailable(delivery)
    assert not suppression.lift_bounces(reader.address, now=NOW)
    sign_up(reader.address, NOW)
    letter = Letter.objects.get()
    assert (letter.kind, letter.state) == (LetterKind.CONFIRM, LetterState.WAITING)
    sign_up(reader.address, NOW + 2 * HOUR)
    assert Letter.objects.filter(state=LetterState.WITHHELD).count() == 1  # one a day
    assert confirm(letter.sign_up_id, now=NOW + HOUR)
    assert is_mailable(delivery)
    hear(delivery, (Kind.COMPLAINED, SENT + HOUR), now=NOW + 2 * HOUR)
    assert is_mailable(delivery)
    hear(delivery, (Kind.COMPLAINED, NOW + 3 * HOUR), now=NOW + 4 * HOUR)
    assert not is_mailable(delivery)


def sign_up(address, now):
    schedule = Schedule(cadence="daily", hour=8, timezone="UTC", language="en")
    request_sign_up(address, Choices(), schedule, origin=NOWHERE, now=now)


def test_a_late_complaint_of_an_earlier_subscription_is_over(delivery):
    Subscriber.objects.update(confirmed_at=SENT + 10 * DAY)
    hear(delivery, (Kind.COMPLAINED, SENT))
    assert is_mailable(delivery)


def test_an_address_that_bounced_gets_no_confirmation(delivery):
    hear(delivery, (Kind.HARD_BOUNCE, SENT), (Kind.COMPLAINED, SENT))
    sign_up(delivery.subscriber.address, NOW)
    assert Letter.objects.get().state == LetterState.WITHHELD


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize(("days", "lifted"), [(1, True), (7, True), (8, False)])
def test_not_spam_lifts_a_complaint_of_the_last_seven_days(delivery, days, lifted, backwards):
    told = [(Kind.COMPLAINED, SENT), (Kind.NOT_SPAM, SENT + days * DAY)]
    for one in reversed(told) if backwards else told:
        hear(delivery, one)
    assert is_mailable(delivery) == lifted
    [row] = Suppression.objects.all()
    assert (row.at, row.lifted_at) == (SENT, SENT + days * DAY if lifted else None)


def test_lifting_a_complaint_leaves_a_bounce(delivery):
    hear(delivery, (Kind.HARD_BOUNCE, SENT), (Kind.COMPLAINED, SENT), (Kind.NOT_SPAM, SENT + DAY))
    assert why(delivery) == {Reason.HARD_BOUNCE}
    assert not is_mailable(delivery)


def test_staff_lift_a_bounce_and_old_events_do_not_bring_it_back(delivery):
    hear(delivery, (Kind.HARD_BOUNCE, SENT))
    assert suppression.lift_bounces(delivery.subscriber.address, now=NOW)
    assert is_mailable(delivery)
    hear(delivery, (Kind.HARD_BOUNCE, SENT + HOUR), now=NOW + HOUR)
    assert is_mailable(delivery)
    hear(delivery, (Kind.HARD_BOUNCE, NOW + HOUR), now=NOW + 2 * HOUR)
    assert not is_mailable(delivery)


def test_soft_bounces_before_staff_lifted_them_count_no_more(delivery):
    hear(delivery, *((Kind.SOFT_BOUNCE, SENT + day * DAY) for day in range(5)))
    assert suppression.lift_bounces(delivery.subscriber.address, now=SENT + 6 * DAY)
    hear(delivery, (Kind.SOFT_BOUNCE, SENT + 7 * DAY))
    assert is_mailable(delivery)


def test_a_policy_suppresses_nobody_and_alerts_staff_once(delivery):
    now = SENT + DAY
    hear(delivery, *((Kind.BLOCKED, SENT + hour * HOUR) for hour in range(9)), now=now)
    assert not why(delivery)
    alert = Alert.objects.get()
    assert (alert.kind, alert.edition_id) == (AlertKind.BLOCKED, delivery.edition_id)
    assert "example.org" in alert.reason
    assert "reader1" not in alert.reason
    assert list(Alert.objects.shown()) == [alert]


def test_a_policy_of_a_month_ago_is_no_news(delivery):
    hear(delivery, (Kind.BLOCKED, SENT))
    assert not Alert.objects.exists()


def test_leaving_at_the_provider_is_leaving(delivery):
    hear(delivery, (Kind.UNSUBSCRIBED, SENT))
    reader = delivery.subscriber
    assert reader.state == SubscriberState.UNSUBSCRIBED
    assert reader.consents.get().evidence == "unsubscribed at the mail provider"
    assert not Letter.objects.exists()


def test_a_late_word_of_leaving_does_not_end_a_new_subscription(delivery):
    Subscriber.objects.update(confirmed_at=SENT + 10 * DAY)
    hear(delivery, (Kind.UNSUBSCRIBED, SENT))
    assert is_mailable(delivery)


def test_subscribing_at_the_provider_is_no_consent(delivery):
    Subscriber.objects.update(state=SubscriberState.UNSUBSCRIBED, left_at=SENT)
    hear(delivery, (Kind.SUBSCRIBED, SENT + DAY))
    assert delivery.subscriber.state == SubscriberState.UNSUBSCRIBED


def test_an_address_that_nobody_reads_under_is_remembered(delivery):
    stranger = said(delivery, Kind.COMPLAINED)
    stranger.recipient, stranger.delivery_id = "stranger@example.net", None
    store([stranger], NOW)
    apply_due(NOW)
    assert suppression.reasons_of("Stranger@Example.net") == {Reason.COMPLAINT}
    assert is_mailable(delivery)


def outcomes(edition, *, good=0, complaints=0, bounces=0, first=1, now=NOW):
    """Hear of so many outcomes of digests, each of another reader."""
    kinds = [Kind.DELIVERED] * good + [Kind.COMPLAINED] * complaints + [Kind.HARD_BOUNCE] * bounces
    profile = Profile.objects.of(Choices(), now=now)
    for number, kind in enumerate(kinds, start=first):
        reader = world.a_reader(number, profile=profile)
        store([said(a_delivery(edition, reader), kind)], now)
    apply_due(now)
    edition.refresh_from_db()


@pytest.mark.parametrize(
    ("told", "trips"),
    [
        ({"good": 20, "complaints": 3}, True),
        ({"good": 20, "complaints": 2}, False),
        ({"bounces": 4, "good": 40}, True),
        ({"bounces": 3, "good": 10}, False),
        ({"bounces": 4, "good": 60}, False),
    ],
)
def test_the_breaker_pauses_a_run_and_tells_staff(edition, settings, told, trips):
    settings.BREAKER_COMPLAINT_RATE, settings.BREAKER_BOUNCES = 0.1, 4
    settings.BREAKER_BOUNCE_RATE = 0.08
    outcomes(edition, **told)
    assert (edition.paused_at is not None) == trips
    assert Alert.objects.filter(kind=AlertKind.PAUSED).exists() == trips
    if trips:
        assert "of the last" in edition.paused_reason


def test_after_staff_resume_only_what_is_reported_since_trips_the_breaker(edition):
    outcomes(edition, complaints=3)
    assert edition.paused_at
    resume(edition.pk, NOW)
    apply_due(NOW + HOUR)
    assert not Edition.objects.exclude(paused_at=None).exists()
    outcomes(edition, complaints=2, first=10, now=NOW + HOUR)
    assert edition.paused_at is None
    outcomes(edition, complaints=1, first=20, now=NOW + 2 * HOUR)
    assert edition.paused_at


def test_a_run_that_begins_after_a_storm_of_complaints_is_paused_too(edition):
    Edition.objects.update(state="done", done_at=SENT)
    outcomes(edition, complaints=3)
    assert edition.paused_at is None
    Edition.objects.update(state="sending")
    apply_due(NOW)
    edition.refresh_from_db()
    assert edition.paused_at
