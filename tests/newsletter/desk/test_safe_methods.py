"""Opening a page of the desk changes nothing."""

import pytest
from django.apps import apps

from tests.newsletter.desk.pages import LISTS, a_world

pytestmark = pytest.mark.django_db


def all_rows() -> dict[str, list[dict[str, object]]]:
    return {
        model._meta.label: list(model._base_manager.order_by("pk").values())
        for model in apps.get_models()
    }


def test_get_and_head_change_no_row(enter, settings) -> None:
    settings.MAIL_PROVIDERS = ["postmark", "smtp"]
    settings.DAILY_QUOTA = 1_000
    client, found = enter("chief"), a_world()
    before = all_rows()
    for page in [*found.pages(), *LISTS]:
        for method in ("GET", "HEAD"):
            assert client.generic(method, f"/desk/{page}").status_code == 200, page
            after = all_rows()
            changed = {label for label, rows in after.items() if rows != before[label]}
            assert not changed, (method, page)
