"""People in front of the console."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.utils.timezone import now

from agents.runtime import budget
from tests.conftest import Browser

HOST = "localhost:3000"
LOOK = ("tickets.view_ticket", "governance.view_approval", "governance.view_auditevent")
ACT = (*LOOK, "tickets.change_ticket", "tickets.add_ticket")
DECIDE = (*LOOK, "governance.decide_approval")


def person(name: str, *permissions: str) -> User:
    """A staff user with exactly these permissions."""
    user = User.objects.create_user(name, is_staff=True)
    for permission in permissions:
        app, codename = permission.split(".")
        user.user_permissions.add(
            Permission.objects.get(content_type__app_label=app, codename=codename)
        )
    return user


def browser_of(user: User | None, **options: Any) -> Browser:
    """A browser in which this person is logged in."""
    browser = Browser(HTTP_HOST=HOST, **options)
    if user is not None:
        browser.force_login(user)
    return browser


@pytest.fixture
def one_day() -> None:
    """UTC's day does not end in the next minute: it is waited for if it would."""
    left = timedelta(days=1) - (now() - budget.midnight())
    if left < timedelta(minutes=1):
        time.sleep(left.total_seconds())


@pytest.fixture
def grace(db: None) -> User:
    """May do everything."""
    return User.objects.create_superuser("grace")


@pytest.fixture
def admin_browser(grace: User) -> Browser:
    """Grace's browser."""
    return browser_of(grace)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium; see `tests.admin.screen`, which only tests with a browser import."""
    from tests.admin.screen import chromium

    with chromium() as found:
        yield found


@pytest.fixture
def base(transactional_db: None) -> Iterator[str]:
    """Base URL of the console over real HTTP, with its streams."""
    from tests.admin.screen import console

    with console() as url:
        yield url
