"""People, what their roles allow, and logins that guessing has locked."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.utils.html import escape

from aura.console.roles import WORDS
from aura.surfaces.access import ROLES
from governance.audit.record import data_of
from governance.models import AuditEvent
from governance.types import Role
from tests.admin.conftest import HOST, browser_of, person
from tests.admin.pages import forms_in, text
from tests.admin.settings_rooms import locked_out
from tests.conftest import Browser
from tests.people import person as somebody

pytestmark = pytest.mark.django_db

PEOPLE = "/admin/auth/user/"
ROLES_PAGE = "/admin/roles/"
PASSWORD = "correct horse battery"


@pytest.fixture
def ada(settings: Any) -> User:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    return somebody("ada", Role.OPERATOR, password=PASSWORD)


def row_of(name: str, page: str) -> str:
    """The row of the list that names somebody."""
    return next(row for row in page.split("<tr>") if f">{name}</a>" in row)


def log_in(name: str) -> int:
    browser = Browser(HTTP_HOST=HOST, REMOTE_ADDR="192.0.2.7")
    sent = {"username": name, "password": PASSWORD}
    return browser.post("/admin/login/", sent).status_code


def test_the_list_shows_the_role_the_last_login_and_what_is_locked(ada):
    locked_out("ada")
    page = text(browser_of(somebody("alan", Role.ADMIN)).get(PEOPLE))
    assert "operator" in row_of("ada", page)
    assert f'<a href="{PEOPLE}{ada.pk}/unlock/">Unlock</a>' in row_of("ada", page)
    assert "Unlock" not in row_of("alan", page)
    assert 'href="/admin/roles/"' in page


def test_an_admin_unlocks_a_login_and_the_log_is_told(ada):
    locked_out("ada")
    assert log_in("ada") == 429
    browser = browser_of(somebody("alan", Role.ADMIN))
    unlock = f"{PEOPLE}{ada.pk}/unlock/"
    form = forms_in(browser.get(unlock))[""]
    assert log_in("ada") == 429, "to look changes nothing"
    assert browser.post(unlock, form).status_code == 302
    assert log_in("ada") == 302
    event = data_of(AuditEvent.objects.filter(type="user_changed").latest("pk").body)
    assert event["action"] == "ada: unlocked"


def test_nobody_else_unlocks_one(ada):
    locked_out("ada")
    unlock = f"{PEOPLE}{ada.pk}/unlock/"
    for who in (somebody("otto", Role.APPROVER), person("vic", "auth.view_user")):
        browser = browser_of(who)
        assert browser.get(unlock).status_code == 403
        assert browser.post(unlock).status_code == 403
    assert log_in("ada") == 429


def test_a_superuser_is_unlocked_by_superusers_alone(ada):
    root = User.objects.create_superuser("root", password=PASSWORD)
    locked_out("root")
    unlock = f"{PEOPLE}{root.pk}/unlock/"
    browser_of(somebody("alan", Role.ADMIN)).post(unlock)
    assert log_in("root") == 429
    browser_of(User.objects.create_superuser("grace")).post(unlock)
    assert log_in("root") == 302


def test_the_page_of_roles_says_what_the_groups_hold():
    page = text(browser_of(somebody("vera", Role.VIEWER)).get(ROLES_PAGE))
    for role, codes in ROLES.items():
        for code in codes:
            row = next(row for row in page.split("<tr>") if f'title="{code}"' in row)
            assert escape(WORDS[code]) in row
            yes = [part.startswith("yes") for part in row.split('<td class="')[1:]]
            assert yes == [other.rank >= role.rank for other in Role], code
    assert {code for codes in ROLES.values() for code in codes} == set(WORDS)


def test_it_follows_a_group_that_was_changed():
    Group.objects.get(name="viewer").permissions.add(Permission.objects.get(codename="break_glass"))
    page = text(browser_of(somebody("vera", Role.VIEWER)).get(ROLES_PAGE))
    row = next(row for row in page.split("<tr>") if 'title="governance.break_glass"' in row)
    assert row.split('<td class="')[1].startswith("yes")


def test_who_is_nobody_sees_no_roles():
    assert Browser(HTTP_HOST=HOST).get(ROLES_PAGE).status_code == 302
