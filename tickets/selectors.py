"""Questions about tickets, answered from rows."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import Count, Sum
from django.utils.timezone import now

from agents.models import CallState, ToolExecution, Turn
from agents.types import WaitKind
from aura.kernel import rows
from aura.kernel.ids import iso, parse_uuid
from governance import approvals
from governance.approvals import weighing
from governance.models import Approval
from tickets import undoing
from tickets.errors import TicketNotFound
from tickets.journal import pending_approval
from tickets.lifecycle import WAITING, WORKING
from tickets.models import Status, Ticket


def get_ticket(ticket_id: str) -> Ticket:
    """The ticket with this id; an id of another form is just not found."""
    key = parse_uuid(ticket_id)
    ticket = rows.find(Ticket, key) if key else None
    if ticket is None:
        raise TicketNotFound(ticket_id)
    return ticket


def is_at_rest(ticket: Ticket) -> bool:
    """Whether its row tells all about it: no plan, nothing asked for, and nobody at it."""
    return ticket.plan is None and ticket.status not in WAITING | WORKING


def waiting_call(ticket: Ticket) -> ToolExecution | None:
    """The call that waits for a person, if the ticket does."""
    if ticket.status not in WAITING or ticket.run_id is None:
        return None
    waiting = ToolExecution.objects.filter(run_id=ticket.run_id, state=CallState.WAITING)
    return waiting.select_related("turn", "approval").first()


def approval_of(ticket: Ticket) -> dict[str, Any] | None:
    """`pendingApproval` of the API."""
    call = waiting_call(ticket) if ticket.status == Status.PENDING_APPROVAL else None
    if call is None or call.wait != WaitKind.APPROVAL or call.waiting_since is None:
        return None
    asked = {
        "requestedAt": iso(call.waiting_since),
        "reasonBy": "policy" if call.wait_detail.get("message") else "agent",
    }
    return {**pending_approval(call), **asked, **_request_of(call)}


def plan_approval_of(ticket: Ticket) -> dict[str, Any] | None:
    """`pendingPlanApproval` of the API: what a decision on the plan can be bound to."""
    call = waiting_call(ticket) if ticket.status == Status.PENDING_PLAN_APPROVAL else None
    if call is None or call.approval_id is None or call.waiting_since is None:
        return None
    asked = {"id": str(call.approval_id), "requestedAt": iso(call.waiting_since)}
    return {**asked, **_request_of(call)}


def _request_of(call: ToolExecution) -> dict[str, Any]:
    """What was asked for exactly, until when, and how far the decision has come."""
    approval = call.approval
    if approval is None:
        return {}
    return {
        "fingerprint": approval.fingerprint,
        "expiresAt": iso(approval.expires_at),
        "approverRole": approval.approver_role,
        "quorum": approval.quorum,
        "approvedBy": approvals.standing(approval) if approval.quorum > 1 else [],
        "requestedBy": approval.requested_by,
        "actionClass": approval.shown_class,
        "risk": weighing.risk(approval),
        "undo": undoing.undo(approval),
        **({"preview": "\n".join(preview)} if (preview := _foreseen(approval)) else {}),
    }


def _foreseen(approval: Approval) -> list[str]:
    """What it would touch, and why not all of that could be seen."""
    return [text for text in (weighing.preview(approval), weighing.trouble(approval)) if text]


def question_of(ticket: Ticket) -> dict[str, Any] | None:
    """`pendingQuestion` of the API."""
    call = waiting_call(ticket) if ticket.status == Status.PENDING_INPUT else None
    if call is None or call.wait != WaitKind.QUESTION or call.waiting_since is None:
        return None
    return {
        "id": str(call.pk),
        "question": call.wait_detail.get("question", ""),
        "options": call.wait_detail.get("options", []),
        "askedAt": iso(call.waiting_since),
        **({"secret": secret} if (secret := call.wait_detail.get("secret")) else {}),
    }


def statistics() -> dict[str, Any]:
    """The body of GET /api/stats."""
    by_status = dict(Ticket.objects.order_by().values_list("status").annotate(Count("pk")))
    total = sum(by_status.values())
    turns = Turn.objects.count()
    calls = ToolExecution.objects.filter(state=CallState.DONE).order_by()
    return {
        "tickets": {
            "total": total,
            "byStatus": {s.value: by_status[s] for s in Status if s in by_status},
        },
        "tokenUsage": _token_usage(),
        "agent": {
            "totalTurns": turns,
            "averageTurnsPerTicket": turns // total if total else 0,
            "toolCalls": dict(calls.values_list("tool").annotate(Count("pk"))),
        },
    }


def _token_usage() -> dict[str, Any]:
    sums = Ticket.objects.aggregate(
        prompt=Sum("prompt_tokens"), completion=Sum("completion_tokens"), cost=Sum("estimated_cost")
    )
    usage: dict[str, Any] = {"total": (sums["prompt"] or 0) + (sums["completion"] or 0)}
    if sums["cost"] is not None:
        usage["estimatedCost"] = round(float(sums["cost"]), 6)
    return usage | {"last24h": _tokens_since(hours=24), "last7d": _tokens_since(hours=24 * 7)}


def _tokens_since(*, hours: int) -> int:
    recent = Turn.objects.filter(answered_at__gt=now() - timedelta(hours=hours))
    sums = recent.aggregate(prompt=Sum("prompt_tokens"), completion=Sum("completion_tokens"))
    return (sums["prompt"] or 0) + (sums["completion"] or 0)
