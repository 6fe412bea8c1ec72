"""What is refused in which status. What is allowed is tested with each operation."""

from __future__ import annotations

from typing import Any

import pytest

from agents.models import Run, ToolExecution
from governance.models import Approval, AuditEvent
from tests.builders import IN
from tests.contract.wire import at, refused
from tickets.lifecycle import ENDED
from tickets.models import Status, Ticket

pytestmark = pytest.mark.django_db

S = Status
TRANSITION = "INVALID_TRANSITION"

# path: (good body, statuses in which it is not refused, code of the refusal, where it would lead)
OPERATIONS: dict[str, tuple[Any, set[Status], str, str]] = {
    "/cancel": (None, set(Status) - ENDED, TRANSITION, "cancelled"),
    "/approve-plan": (None, {S.PENDING_PLAN_APPROVAL}, TRANSITION, "executing"),
    "/reject-plan": ({"feedback": "No"}, {S.PENDING_PLAN_APPROVAL}, TRANSITION, "planning"),
    "/approve": ({"approved": True}, {S.PENDING_APPROVAL}, "APPROVAL_NOT_PENDING", ""),
    "/answer": ({"answer": "Yes"}, {S.PENDING_INPUT}, "QUESTION_NOT_PENDING", ""),
    "/resume": ({"additionalTurns": 5}, {S.PAUSED}, TRANSITION, ""),
    "/run": (None, {S.DRAFT, S.FAILED, S.PLANNING, S.EXECUTING, S.OBSERVING}, TRANSITION, ""),
}
WHAT_TO_DO_INSTEAD = {
    S.PENDING_PLAN_APPROVAL: "approve-plan",
    S.PENDING_APPROVAL: "approve",
    S.PENDING_INPUT: "answer",
    S.PAUSED: "resume",
    S.RESOLVED: "open a new one",
    S.CANCELLED: "open a new one",
}


def everything():
    """All rows that a refused operation must leave alone."""
    models = (Ticket, Run, ToolExecution, Approval, AuditEvent)
    return [list(model.objects.order_by("pk").values()) for model in models]


@pytest.mark.parametrize("status", list(Status))
def test_what_does_not_fit_the_status_is_refused_and_changes_nothing(api, status):
    ticket = IN[status]()
    before = everything()
    for path, (body, allowed, code, to) in OPERATIONS.items():
        if status in allowed:
            continue
        details = refused(api.post(at(ticket, path), body), 400, code)["details"]
        assert list(details) == (["from", "to", "allowedFrom"] if code == TRANSITION else [])
        assert details.get("from", status) == status
        assert details.get("to", to).startswith(to)
    assert everything() == before


@pytest.mark.parametrize("status", sorted(WHAT_TO_DO_INSTEAD))
def test_who_cannot_run_a_ticket_is_told_what_to_do_instead(api, status):
    error = refused(api.post(at(IN[status](), "/run")), 400, TRANSITION)
    assert WHAT_TO_DO_INSTEAD[status] in error["message"].split("; ", 1)[1]


def test_the_details_name_every_status_from_which_it_is_allowed(api):
    error = refused(api.post(at(IN[S.RESOLVED](), "/cancel")), 400, TRANSITION)
    assert error["details"] == {
        "from": "resolved",
        "to": "cancelled",
        "allowedFrom": [status.value for status in Status if status not in ENDED],
    }
    assert error["message"].startswith("Status transition from resolved to cancelled is not allow")
