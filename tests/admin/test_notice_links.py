"""Links of messages: they lead to a page after login, once a person, and decide nothing."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import unquote

import pytest
from django.utils.timezone import now

from governance import approvals
from governance.models import Approval, ApprovalStatus, LinkUse
from governance.notices import forget_old, links
from governance.types import ActionClass, Role
from tests.admin.conftest import browser_of, person
from tests.admin.pages import approval_page, text
from tests.admin.scene import ADA, asked
from tests.people import person as somebody

pytestmark = pytest.mark.django_db

ATTACK = "\u202e<script>"


@pytest.fixture
def approval() -> Approval:
    return asked("delete_pod", ActionClass.DESTRUCTIVE)


def link_to(approval: Approval, *, until: timedelta = timedelta(hours=1)) -> str:
    """Its path in a message."""
    page = f"{approval_page(approval)}#decide"
    return "/admin/" + links.url(page, until=now() + until).partition("/admin/")[2]


def waits(approval: Approval) -> bool:
    approval.refresh_from_db()
    return approval.status == ApprovalStatus.PENDING


def test_it_leads_to_where_the_request_is_decided_and_decides_nothing(approval):
    browser = browser_of(somebody("linus", Role.APPROVER))
    link = link_to(approval)
    assert browser.post(link, {"decision": "approve"}).status_code == 405
    assert browser.head(link).status_code == 405, "a look ahead does not use it up"
    answer = browser.get(link, {"decision": "approve"})
    assert answer.headers["Location"] == f"{approval_page(approval)}#decide"
    assert waits(approval)


def test_nobody_gets_anywhere_without_a_login_and_goes_on_after_it(approval):
    link = link_to(approval)
    answer = browser_of(None).get(link)
    assert answer.status_code == 302
    assert unquote(answer.headers["Location"]) == f"/admin/login/?next={link}"
    assert not LinkUse.objects.exists(), "who is not known uses nothing up"


def test_who_may_not_see_requests_is_refused_by_the_page(approval):
    browser = browser_of(person("vic", "tickets.view_ticket"))
    answer = browser.get(link_to(approval), follow=True)
    assert answer.status_code == 403
    assert "Not allowed" in text(answer)


def test_a_second_time_says_so_and_offers_the_page(approval):
    browser, link = browser_of(somebody("linus", Role.APPROVER)), link_to(approval)
    browser.get(link)
    again = browser.get(link)
    assert again.status_code == 410
    assert "You have used this link before" in text(again)
    assert f'href="{approval_page(approval)}#decide"' in text(again)
    assert waits(approval)


def test_each_person_of_those_it_was_sent_to_has_a_use_of_their_own(approval):
    link = link_to(approval)
    for name in ("linus", "lena"):
        assert browser_of(somebody(name, Role.APPROVER)).get(link).status_code == 302


def test_a_forged_link_leads_nowhere(approval):
    browser = browser_of(somebody("linus", Role.APPROVER))
    good = link_to(approval)
    forged = [
        good[:-2] + ("a" if good[-2] != "a" else "b") + "/",
        f"/admin/decide/{approval.pk}/",
        "/admin/decide/x/",
        f"/admin/decide/{ATTACK}/",
    ]
    for path in forged:
        answer = browser.get(path)
        assert answer.status_code == 404
        assert "This link leads nowhere" in text(answer)
        assert ATTACK not in text(answer)
    assert waits(approval)


def test_it_expires_with_its_request(approval):
    link = link_to(approval, until=timedelta(seconds=-1))
    answer = browser_of(somebody("linus", Role.APPROVER)).get(link)
    assert answer.status_code == 410
    assert "has expired" in text(answer)
    assert f'href="{approval_page(approval)}#decide"' in text(answer)


def test_of_a_decided_request_it_shows_how_it_was_decided(approval):
    link = link_to(approval)
    approvals.deny(approval.pk, by=ADA, reason="no")
    shown = browser_of(somebody("linus", Role.APPROVER)).get(link, follow=True)
    assert "decided by ada" in text(shown)
    assert 'name="decision"' not in text(shown)


def test_uses_are_forgotten_when_the_link_has_ended_anyway(approval):
    browser = browser_of(somebody("linus", Role.APPROVER))
    browser.get(link_to(approval))
    forget_old()
    assert LinkUse.objects.count() == 1
    LinkUse.objects.update(until=now() - timedelta(seconds=1))
    forget_old()
    assert not LinkUse.objects.exists()
