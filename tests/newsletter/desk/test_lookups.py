"""The query string of a list reaches what its filters show, and no other column."""

import pytest
from django.contrib import admin

from tests.newsletter.desk.pages import LISTS, a_world

pytestmark = pytest.mark.django_db

SECRETS = [
    "ingest/source/?sealed_key__startswith=g",
    "ingest/source/?sealed_key=g",
    "ingest/fetch/?source__sealed_key__startswith=g",
    "subscriptions/suppression/?address_hash__startswith=0",
    "subscriptions/suppression/?address_hash__gt=0",
    "subscriptions/subscriber/?address_key__regex=^a",
    "subscriptions/subscriber/?address_changes__former__startswith=a",
    "subscriptions/letter/?subscriber__address__startswith=a",
    "newsletter/delivery/?subscriber__address_key__contains=a",
    "newsletter/delivery/?profile__phrases__contains=a",
    "newsletter/batch/?token__startswith=a",
    "newsletter/edition/?curations__by__password__startswith=a",
    "ingest/merge/?by__password__startswith=p",
    "auth/user/?password__startswith=p",
    "auth/group/?user__password__startswith=p",
]


@pytest.mark.parametrize("asked", SECRETS)
def test_no_list_is_filtered_by_a_column_that_it_does_not_show(enter, asked) -> None:
    assert enter("chief").get(f"/desk/{asked}").status_code == 400


def test_every_admin_refuses_every_lookup_but_its_filters(rf) -> None:
    for model, model_admin in admin.site._registry.items():
        filtered = {
            entry[0] if isinstance(entry, tuple) else entry for entry in model_admin.list_filter
        }
        filtered |= {entry.parameter_name for entry in filtered if isinstance(entry, type)}
        for field in model._meta.get_fields():
            for suffix in ("", "__startswith", "__regex", "__gt", "__in", "__pk__gt"):
                allowed = model_admin.lookup_allowed(field.name + suffix, "a", rf.get("/"))
                assert allowed == (field.name in filtered and not suffix), (model, field, suffix)


def test_every_choice_of_every_filter_opens(enter) -> None:
    a_world()
    client, tried = enter("chief"), 0
    for page in LISTS:
        changelist = client.get(f"/desk/{page}").context["cl"]
        for spec in changelist.filter_specs:
            for choice in spec.choices(changelist):
                answer = client.get(f"/desk/{page}{choice['query_string']}")
                assert answer.status_code == 200, (page, choice)
                tried += 1
    assert tried > 50
