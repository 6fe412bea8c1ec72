"""Two people decide on the same thing at the same moment: one counts, the other is told."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connections

from governance.models import Approval, AuditEvent
from governance.types import Role
from tests import builders
from tests.admin import stories
from tests.admin.conftest import browser_of
from tests.admin.pages import approval_page, decide_url, forms_on, messages, page_of, url_of
from tests.people import person

pytestmark = pytest.mark.django_db(transaction=True)
DECISIONS = ("plan_approved", "plan_rejected", "approval_granted", "approval_denied")


def on_the_ticket() -> tuple[Approval, str, str]:
    ticket, approval = stories.incident()
    return approval, page_of(ticket), url_of(ticket, "decide")


def on_a_plan() -> tuple[Approval, str, str]:
    ticket = builders.pending_plan_approval()
    approval = Approval.objects.get(trace_id=str(ticket.pk))
    return approval, page_of(ticket), url_of(ticket, "decide")


def on_the_request() -> tuple[Approval, str, str]:
    _, approval = stories.incident()
    return approval, approval_page(approval), decide_url(approval)


@pytest.mark.parametrize("asked", [on_the_ticket, on_a_plan, on_the_request])
def test_exactly_one_counts_and_the_other_is_told_by_whom_and_when(
    asked: Callable[[], tuple[Approval, str, str]],
) -> None:
    approval, page, url = asked()
    people = {name: browser_of(person(name, Role.APPROVER)) for name in ("linus", "mary")}
    said = {"linus": "approve", "mary": "deny"}
    forms = {name: forms_on(browser, page)[url] for name, browser in people.items()}
    answers: dict[str, Any] = {}
    decided = AuditEvent.objects.filter(trace_id=approval.trace_id, type__in=DECISIONS)
    before = decided.count()
    together = threading.Barrier(len(people))

    def decide(name: str) -> None:
        try:
            together.wait(30)
            sent = {**forms[name], "decision": said[name], "reason": "because"}
            answers[name] = people[name].post(url, sent)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=decide, args=[name]) for name in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    approval.refresh_from_db()
    first = approval.decided_by
    (second,) = people.keys() - {first}
    assert approval.status == {"approve": "approved", "deny": "denied"}[said[first]]
    assert answers[first].status_code == 302
    assert answers[second].status_code in {400, 409}
    told = messages(people[second], answers[second])
    assert f"{approval.status} by {first} at {approval.decided_at:%Y-%m-%d %H:%M:%S} UTC" in told
    assert decided.count() == before + 1
