"""Requests for approval: ask, approve, deny, cancel, use. Every move is compare-and-set."""

from __future__ import annotations

from functools import partial
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.timezone import now

from aura.kernel.errors import Forbidden, Problem
from aura.kernel.telemetry import metrics
from governance.audit.record import record
from governance.fingerprint import fingerprint
from governance.models import Approval, ApprovalStatus
from governance.signals import approval_resolved
from governance.types import Action, ActorKind, Principal


class ApprovalNotPending(Problem):
    code, status = "APPROVAL_NOT_PENDING", 400


def request(action: Action, *, policy: str) -> Approval:
    """Ask for one action to be released. Call it in the transaction that parks the action.

    The event of the request is recorded by the caller, who knows how its surface words it.
    """
    counted = metrics.APPROVALS_REQUESTED.labels(action.action_class)
    transaction.on_commit(counted.inc, robust=True)
    return Approval.objects.create(
        tool_name=action.tool,
        arguments=dict(action.arguments),
        action_class=action.action_class,
        resource_type=action.resource.type,
        resource_name=action.resource.name[:500],
        fingerprint=fingerprint(action),
        requested_by=str(action.principal),
        trace_id=action.trace_id,
        policy_name=policy,
        reason=action.reason,
    )


def approve(
    approval_id: UUID, *, by: Principal, reason: str = "", event: str = "approval_granted"
) -> Approval:
    """Release the action. Raises `ApprovalNotPending` unless the request still waits."""
    return _decide(approval_id, ApprovalStatus.APPROVED, by=by, reason=reason, event=event)


def deny(
    approval_id: UUID, *, by: Principal, reason: str = "", event: str = "approval_denied"
) -> Approval:
    """Refuse the action; `reason` is told to the agent."""
    return _decide(approval_id, ApprovalStatus.DENIED, by=by, reason=reason, event=event)


def cancel_all(trace_id: str, *, by: Principal, reason: str) -> int:
    """Withdraw every open request of a trace; an approved one that was not used yet too."""
    open_requests = Approval.objects.filter(
        trace_id=trace_id, status__in=[ApprovalStatus.PENDING, ApprovalStatus.APPROVED]
    )
    return open_requests.update(
        status=ApprovalStatus.CANCELLED,
        decided_at=now(),
        decided_by=by.name,
        decision_reason=reason,
    )


def consume(approval_id: UUID, *, action: Action) -> bool:
    """Use an approval up for this action. False: not good for it (changed, used, withdrawn)."""
    used = Approval.objects.filter(
        pk=approval_id, status=ApprovalStatus.APPROVED, fingerprint=fingerprint(action)
    ).update(status=ApprovalStatus.CONSUMED, consumed_at=now())
    return used == 1


def _decide(
    approval_id: UUID, status: ApprovalStatus, *, by: Principal, reason: str, event: str
) -> Approval:
    if by.kind is ActorKind.AGENT:
        raise Forbidden("An agent cannot decide on approvals")
    with transaction.atomic():
        moved = Approval.objects.filter(pk=approval_id, status=ApprovalStatus.PENDING).update(
            status=status, decided_at=now(), decided_by=by.name[:150], decision_reason=reason
        )
        approval = Approval.objects.filter(pk=approval_id).first()
        if not moved or approval is None:
            raise ApprovalNotPending("There is no pending approval to respond to")
        record(
            event,
            actor=by,
            action=approval.tool_name,
            trace_id=approval.trace_id,
            data=_decision_data(approval),
        )
        counted = metrics.APPROVALS_DECIDED.labels(approval.action_class, status)
        transaction.on_commit(counted.inc, robust=True)
        transaction.on_commit(
            partial(
                approval_resolved.send_robust,
                sender=Approval,
                approval_id=approval.id,
                trace_id=approval.trace_id,
            )
        )
    return approval


def _decision_data(approval: Approval) -> dict[str, Any]:
    return {
        "reasoning": approval.decision_reason,
        "payload": {
            "approvalId": str(approval.id),
            "fingerprint": approval.fingerprint,
            "tool": approval.tool_name,
            "decision": approval.status,
            "decidedBy": approval.decided_by,
        },
    }
