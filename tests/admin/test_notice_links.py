"""Links of notices: they lead to the request while it waits, decide nothing, and let nobody in."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils.timezone import now

from governance import approvals
from governance.approvals import notices
from governance.models import Approval, ApprovalStatus
from governance.types import ActionClass, Role
from tests.admin.conftest import browser_of, person
from tests.admin.pages import APPROVALS, approval_page, text
from tests.admin.scene import ADA, asked
from tests.people import person as somebody

pytestmark = pytest.mark.django_db


@pytest.fixture
def approval() -> Approval:
    return asked("delete_pod", ActionClass.DESTRUCTIVE)


def link_to(approval: Approval) -> str:
    """Its path in a notice."""
    return "/admin/" + notices._page(approval).partition("/admin/")[2]


def test_it_leads_to_the_request_and_decides_nothing(approval):
    browser = browser_of(somebody("linus", Role.APPROVER))
    answer = browser.get(link_to(approval))
    assert answer.headers["Location"] == approval_page(approval)
    assert browser.post(link_to(approval), {"decision": "approve"}).status_code == 405
    approval.refresh_from_db()
    assert approval.status == ApprovalStatus.PENDING


def test_nobody_gets_anywhere_without_a_login_and_comes_back_after_it(approval):
    answer = browser_of(None).get(link_to(approval))
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/admin/login/?next=/admin/decide/")
    assert str(approval.pk) in answer.headers["Location"], "after login it goes on"


def test_who_may_not_see_requests_is_refused(approval):
    browser = browser_of(person("vic", "tickets.view_ticket"))
    assert browser.get(link_to(approval)).status_code == 403


def test_a_forged_link_leads_nowhere(approval):
    browser = browser_of(somebody("linus", Role.APPROVER))
    other = asked("scale", ActionClass.WRITE)
    good = link_to(approval)
    forged = [
        good.replace(str(approval.pk), str(other.pk)),
        good[:-2] + ("a" if good[-2] != "a" else "b") + "/",
        f"/admin/decide/{approval.pk}/",
        "/admin/decide/x/",
    ]
    for path in forged:
        answer = browser.get(path, follow=True)
        assert answer.redirect_chain == [(APPROVALS, 302)]
        assert "not one of ours" in text(answer)


def test_it_is_used_up_once_the_request_is_decided(approval):
    link = link_to(approval)
    approvals.deny(approval.pk, by=ADA, reason="no")
    answer = browser_of(somebody("linus", Role.APPROVER)).get(link, follow=True)
    assert answer.redirect_chain == [(APPROVALS, 302)]
    assert "used up" in text(answer)


def test_it_expires_with_its_request(approval):
    link = link_to(approval)
    Approval.objects.filter(pk=approval.pk).update(expires_at=now() - timedelta(seconds=1))
    answer = browser_of(somebody("linus", Role.APPROVER)).get(link, follow=True)
    assert answer.redirect_chain == [(APPROVALS, 302)]
    assert "has expired" in text(answer)


def test_what_is_decided_is_told_with_a_lasting_address(approval):
    approvals.deny(approval.pk, by=ADA, reason="no")
    approval.refresh_from_db()
    assert link_to(approval) == approval_page(approval)
