import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission
from django.core.management import call_command

from newsletter.desk import groups

pytestmark = pytest.mark.django_db


def permissions(name: str) -> set[str]:
    rows = Group.objects.get(name=name).permissions.values_list(
        "content_type__app_label", "codename"
    )
    return {f"{app}.{codename}" for app, codename in rows}


def wanted(name: str) -> set[str]:
    return {
        f"{app}.{codename}"
        for app, codenames in groups.ALLOWED[name].items()
        for codename in codenames
    }


@pytest.mark.parametrize("name", [groups.EDITORS, groups.OPERATORS])
def test_a_migrated_database_has_the_group_with_exactly_its_permissions(name: str) -> None:
    assert permissions(name) == wanted(name)


@pytest.mark.parametrize("name", [groups.EDITORS, groups.OPERATORS])
def test_no_group_may_delete_anything_or_touch_accounts(name: str) -> None:
    assert not [
        codename
        for codename in permissions(name)
        if ".delete_" in codename or codename.startswith("auth.")
    ]


def test_editors_may_know_nothing_of_readers_and_operators_may_not_curate() -> None:
    assert not {
        "subscriptions.view_subscriber",
        "newsletter.view_delivery",
        "subscriptions.add_suppression",
    } & permissions(groups.EDITORS)
    assert not {
        "newsletter.add_curation",
        "newsletter.change_edition",
        "ingest.change_paper",
    } & permissions(groups.OPERATORS)


def test_nobody_may_edit_what_the_machine_owns() -> None:
    forbidden = {
        "change_subscriber",
        "add_subscriber",
        "change_consent",
        "add_consent",
        "change_profile",
        "change_suppression",
    }
    for name in groups.ALLOWED:
        assert not {codename.split(".")[1] for codename in permissions(name)} & forbidden


def test_the_next_migration_takes_back_what_was_added_by_hand() -> None:
    group = Group.objects.get(name=groups.EDITORS)
    group.permissions.add(Permission.objects.get(codename="view_subscriber"))
    call_command("migrate", verbosity=0)
    assert permissions(groups.EDITORS) == wanted(groups.EDITORS)


def test_a_misspelt_permission_is_loud(monkeypatch) -> None:
    monkeypatch.setitem(groups.ALLOWED, groups.EDITORS, {"ingest": ("view_papr",)})
    with pytest.raises(groups.UnknownPermission, match="view_papr"):
        groups.renew_after_migrate(sender=apps.get_app_config("ingest"), using="default")
