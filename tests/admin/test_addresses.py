"""What stands in the address of a page asks no question of its own, and hides nothing."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from governance.types import ActionClass, Role
from tests.admin.conftest import browser_of
from tests.admin.pages import APPROVALS, LOG, TICKETS, TOKENS, approval_page, text
from tests.admin.scene import asked
from tests.people import person as somebody

pytestmark = pytest.mark.django_db

HOSTILE = "<script>alert(1)</script>\u202eevil\u200b\x1b[31m"
PEOPLE = "/admin/auth/user/"


@pytest.mark.parametrize(
    "address",
    [
        f"{TICKETS}?title__regex=(a%2B)%2B%24",
        f"{TICKETS}?description__contains=secret",
        f"{TOKENS}?digest__startswith=a",
        f"{APPROVALS}?requested_by__iregex=x",
        f"{APPROVALS}?status__regex=x",
        f"{PEOPLE}?password__startswith=pbkdf2",
        f"{PEOPLE}?is_active__exact__regex=x",
    ],
)
def test_a_list_answers_the_questions_of_its_own_filters_alone(admin_browser, address):
    assert admin_browser.get(address).status_code == 400


@pytest.mark.parametrize(
    "address",
    [
        f"{TICKETS}?status__exact=failed",
        f"{APPROVALS}?status__exact=pending&class=plan",
        f"{PEOPLE}?is_active__exact=1",
        "/admin/governance/emergencyreview/?closed_at__isempty=1",
        "/admin/governance/securityincident/?opened_at__gte=2026-01-01+00%3A00%3A00%2B00%3A00",
        "/admin/governance/notice/?channel__exact=ntfy",
    ],
)
def test_its_own_filters_work(admin_browser, address):
    assert admin_browser.get(address).status_code == 200


@pytest.mark.parametrize("verb", ["change", "history", "delete"])
@pytest.mark.parametrize("room", [PEOPLE, TOKENS, APPROVALS, LOG, "/admin/governance/notice/"])
def test_an_id_that_nothing_has_is_repeated_with_all_its_characters_visible(
    admin_browser, room, verb
):
    page = text(admin_browser.get(f"{room}{quote(HOSTILE)}/{verb}/", follow=True))
    assert "<script>alert" not in page
    for unseen in ("\u202e", "\u200b", "\x1b"):
        assert unseen not in page


def test_a_history_that_would_be_empty_leads_to_the_page():
    approval = asked("delete_pod", ActionClass.DESTRUCTIVE)
    viewer = browser_of(somebody("vic", Role.VIEWER))
    answer = viewer.get(f"{APPROVALS}{approval.pk}/history/")
    assert answer.headers["Location"] == approval_page(approval)
    nobody = browser_of(None).get(f"{APPROVALS}{approval.pk}/history/")
    assert "/admin/login/" in nobody.headers["Location"]
