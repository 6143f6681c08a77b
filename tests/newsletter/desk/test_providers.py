"""Operators steer providers, and the start page calls for them."""

from datetime import timedelta

import pytest
from django.utils import timezone

from newsletter.models import Provider
from newsletter.sending.providers import failed, limits_of
from newsletter.tasks import tick
from subscriptions.models import Machine

pytestmark = pytest.mark.django_db

FORM = {
    "weight": "2",
    "per_second": "",
    "per_hour": "100",
    "per_day": "",
    "warm_up_from": "",
    "warm_up_first": "500",
    "warm_up_growth": "1.5",
}


@pytest.fixture
def provider() -> Provider:
    return Provider.objects.create(name="postmark")


def test_an_operator_sets_weight_and_ceilings(enter, provider) -> None:
    answer = enter("operators").post(f"/desk/newsletter/provider/{provider.pk}/change/", FORM)
    assert answer.status_code == 302
    provider.refresh_from_db()
    assert (provider.weight, provider.per_hour, provider.per_day) == (2, 100, None)


def test_a_warm_up_that_does_not_grow_is_refused(enter, provider) -> None:
    answer = enter("operators").post(
        f"/desk/newsletter/provider/{provider.pk}/change/", FORM | {"warm_up_growth": "1"}
    )
    assert answer.status_code == 200
    provider.refresh_from_db()
    assert provider.weight == 1


def test_the_list_says_how_each_is_doing(enter, provider) -> None:
    Provider.objects.update(per_day=500, warm_up_from=timezone.now().date(), warm_up_first=50)
    failed("postmark", "401 no such key", timezone.now())
    page = enter("operators").get("/desk/newsletter/provider/").content.decode()
    assert "0 of 50 (warming up)" in page
    assert "401 no such key" in page


def test_the_only_provider_can_be_warmed_up_before_its_first_mail(enter, settings) -> None:
    settings.MAIL_PROVIDERS = ["postmark"]
    tick()
    operator, today = enter("operators"), timezone.now()
    assert "postmark" in operator.get("/desk/newsletter/provider/").content.decode()
    row = Provider.objects.get()
    operator.post(
        f"/desk/newsletter/provider/{row.pk}/change/",
        FORM | {"warm_up_from": f"{today:%Y-%m-%d}", "warm_up_first": "50"},
    )
    assert limits_of("postmark", today).per_day == 50


def test_editors_do_not_see_providers(enter, provider) -> None:
    assert enter("editors").get("/desk/newsletter/provider/").status_code == 403


def test_the_start_page_calls_for_a_resting_provider_and_a_machine_that_is_not_armed(
    enter, provider
) -> None:
    failed("postmark", "401", timezone.now())
    Machine.objects.create(identity="x", name="new", renewed_at=timezone.now() - timedelta(hours=1))
    page = enter("operators").get("/desk/").content.decode()
    assert "1 provider rests because it failed" in page
    assert "1 machine would send but is not armed" in page
    assert 'href="/desk/subscriptions/machine/?"' in page


def test_the_list_of_machines_says_which_may_send(enter) -> None:
    now = timezone.now()
    Machine.objects.create(identity="x", name="web-1", renewed_at=now, armed_at=now)
    Machine.objects.create(identity="y", name="<b>new</b>", renewed_at=now)
    page = enter("operators").get("/desk/subscriptions/machine/").content.decode()
    rows = {row.split("</tr>")[0] for row in page.split("<tr")[2:]}
    [armed] = [row for row in rows if "web-1" in row]
    [other] = [row for row in rows if "&lt;b&gt;new&lt;/b&gt;" in row]
    assert "may send" in armed
    assert "sends nothing until manage.py arm is run on it" in other
    assert enter("editors").get("/desk/subscriptions/machine/").status_code == 403
