"""Cancel, revoke, expire: the ends of a request that nobody's vote brings about."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils.timezone import now

from aura.kernel.errors import Forbidden
from governance.approvals import rules
from governance.approvals.errors import ApprovalNotPending, ReasonRequired
from governance.approvals.moves import clock, locked, move
from governance.approvals.using import ClockTimestamp
from governance.audit.canonical import storable
from governance.models import Approval, ApprovalStatus
from governance.types import SYSTEM, ActorKind, Principal

OPEN = (ApprovalStatus.PENDING, ApprovalStatus.APPROVED)
BATCH = 200
UNANSWERED = "Nobody decided on the request in time"
UNUSED = "What was approved was not used in time"


def cancel(approval_id: UUID | str, *, by: Principal, reason: str = "") -> Approval:
    """Withdraw a request that waits; agents may. Raises `ApprovalNotPending` where none does."""
    with transaction.atomic():
        approval = locked(approval_id)
        if approval.status != ApprovalStatus.PENDING:
            raise ApprovalNotPending(f"approval {approval.key} is not pending: {approval.status}")
        _cancel(approval, by=by, reason=reason)
    return approval


def cancel_all(trace_id: str, *, by: Principal, reason: str) -> int:
    """Withdraw every open request of a trace; an approved one that was not used yet too."""
    with transaction.atomic():
        rows = Approval.objects.filter(trace_id=trace_id, status__in=OPEN).order_by("pk")
        found = list(rows.select_for_update(of=("self",)))
        for approval in found:
            _cancel(approval, by=by, reason=reason)
    return len(found)


def revoke(approval_id: UUID | str, *, by: Principal, reason: str) -> Approval:
    """Take an approval back before its (next) use. Raises `ApprovalNotPending` when it is too late.

    Whoever may decide may take back, whoever approved it; so may the person it was asked for.
    """
    reason = str(storable(reason)).strip()
    if not reason:
        raise ReasonRequired("Say why: the agent is told so")
    with transaction.atomic():
        approval = locked(approval_id)
        if by.kind is not ActorKind.USER:
            raise Forbidden("Only a person can take an approval back")
        if not rules.is_requester(approval, by.name):
            rules.refuse_others(approval, by)
        if approval.status != ApprovalStatus.APPROVED:
            raise ApprovalNotPending(f"There is nothing to take back: it is {approval.status}")
        move(
            approval,
            ApprovalStatus.REVOKED,
            by=by,
            at=clock(),
            reason=reason,
            event="approval_revoked",
            uses=approval.uses,
        )
    return approval


def expire_due() -> int:
    """End what nobody answered or used in time; how many. Any number of processes may do so."""
    unanswered = Q(status=ApprovalStatus.PENDING, expires_at__lte=ClockTimestamp())
    unused = Q(status=ApprovalStatus.APPROVED, use_by__lte=ClockTimestamp())
    due = Approval.objects.filter(unanswered | unused).order_by("pk")
    ended = 0
    for key in list(due.values_list("pk", flat=True)[:BATCH]):
        with transaction.atomic():
            rows = due.select_for_update(of=("self",), skip_locked=True)
            approval = rows.filter(pk=key).first()
            if approval is not None:
                _expire(approval)
                ended += 1
    return ended


def _cancel(approval: Approval, *, by: Principal, reason: str) -> None:
    move(
        approval,
        ApprovalStatus.CANCELLED,
        by=by,
        at=clock(),
        reason=str(storable(reason)),
        event="approval_cancelled",
    )


def _expire(approval: Approval) -> None:
    """An approval that was used while its window was open ends as used."""
    waited = approval.status == ApprovalStatus.PENDING
    if approval.uses:
        Approval.objects.filter(pk=approval.pk).update(status=ApprovalStatus.CONSUMED)
        return
    at = approval.expires_at if waited else (approval.use_by or now())
    move(
        approval,
        ApprovalStatus.EXPIRED,
        by=SYSTEM,
        at=at,
        reason=UNANSWERED if waited else UNUSED,
        event="approval_expired",
    )
