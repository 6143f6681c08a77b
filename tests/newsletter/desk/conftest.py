"""Staff of each kind, logged in; and a worker's memory that no test leaves to the next."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from newsletter.sending import frozen, press

Enter = Callable[[str], Client]


@pytest.fixture(autouse=True)
def empty_memory():
    """Processes keep frozen editions in memory; here every test has a database of its own."""
    frozen.forget()
    press.forget()


@pytest.fixture
def enter(db: None) -> Enter:
    """Return a function that logs in as `chief` (superuser), `editors`, `operators`, `nobody`
    (staff without a group) or `reader`.
    """

    def log_in(kind: str) -> Client:
        user, made = User.objects.get_or_create(
            username=kind, defaults={"is_staff": kind != "reader", "is_superuser": kind == "chief"}
        )
        if made and kind in ("editors", "operators"):
            user.groups.add(Group.objects.get(name=kind))
        client = Client()
        client.force_login(user)
        return client

    return log_in
