"""What the verbs are made of: find and lock a request, move it, tell everybody concerned."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from aura.kernel import rows
from aura.kernel.ids import parse_uuid
from aura.kernel.telemetry import metrics
from governance.approvals import callbacks, news, notices
from governance.approvals.errors import ApprovalNotFound
from governance.audit.canonical import storable
from governance.audit.record import record
from governance.models import Approval, ApprovalStatus
from governance.signals import approval_resolved
from governance.types import About, Principal

DECIDED = frozenset({ApprovalStatus.APPROVED, ApprovalStatus.DENIED})


def clock() -> datetime:
    """The database's clock at this moment, not at the beginning of the transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        moment: datetime = cursor.fetchone()[0]
    return moment


def named(approval_id: UUID | str) -> dict[str, Any]:
    """How a request is looked up: by its id, or by its public key. Raises `ApprovalNotFound`."""
    if isinstance(approval_id, UUID):
        return {"pk": approval_id}
    if key := parse_uuid(approval_id):
        return {"pk": key}
    return {"key": storable(approval_id)}


def locked(approval_id: UUID | str) -> Approval:
    """The request, its row locked for this transaction. Raises `ApprovalNotFound`."""
    name = named(approval_id)
    if "pk" in name:
        approval = rows.find_locked(Approval, name["pk"])
    else:
        approval = Approval.objects.select_for_update(of=("self",)).filter(**name).first()
    if approval is None:
        raise ApprovalNotFound("approval not found")
    return approval


def tell(
    event_type: str, approval: Approval, *, by: Principal, reason: str = "", **payload: Any
) -> None:
    """Record something about a request."""
    known = {
        "approvalId": str(approval.id),
        "key": approval.key,
        "fingerprint": approval.fingerprint,
        "tool": approval.tool_name,
        "resource": f"{approval.resource_type}:{approval.resource_name}",
    }
    record(
        event_type,
        actor=by,
        action=approval.tool_name,
        trace_id=approval.trace_id,
        data={"reasoning": reason, "payload": known | payload},
        about=About(agent=approval.agent_name[:100], action_class=approval.action_class),
    )


def move(
    approval: Approval,
    to: ApprovalStatus,
    *,
    by: Principal,
    at: datetime,
    reason: str = "",
    event: str,
    **payload: Any,
) -> None:
    """Move a locked request that is not at its end; the log, waiters and callback are told."""
    approval.status, approval.decided_at = to, at
    approval.decided_by, approval.decision_reason = by.name[:150], reason
    rows.update(
        approval,
        "status",
        "decided_at",
        "decided_by",
        "decision_reason",
        "broke_glass",
        "valid_until",
        "use_by",
    )
    said = {"decision": to.value, "decidedBy": approval.decided_by, **payload}
    tell(event, approval, by=by, reason=reason, **said)
    callbacks.queue(approval)
    notices.queue(approval, notices.RESOLVED)
    counted = metrics.APPROVALS_DECIDED.labels(approval.action_class, to)
    transaction.on_commit(counted.inc, robust=True)
    transaction.on_commit(partial(news.announce, approval.key), robust=True)
    transaction.on_commit(
        partial(
            approval_resolved.send_robust,
            sender=Approval,
            approval_id=approval.id,
            trace_id=approval.trace_id,
        )
    )
