"""Votes: who may, how many it takes, and that people read what they decide on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction

from governance.approvals import rules
from governance.approvals.errors import (
    AlreadyVoted,
    ApprovalNotPending,
    ReasonRequired,
    ShownIsStale,
)
from governance.approvals.moves import clock, locked, move, tell
from governance.audit.canonical import storable
from governance.models import Approval, ApprovalStatus, Verdict, Vote
from governance.types import Principal, folded


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What the person read: the request's id (or key) and its fingerprint. Empty: not said."""

    request: str = ""
    fingerprint: str = ""


UNSEEN = Seen()
STALE = "Something else waits by now; nothing was decided. Look at it first."


def approve(
    approval_id: UUID | str,
    *,
    by: Principal,
    reason: str = "",
    seen: Seen = UNSEEN,
    valid_for: timedelta | None = None,
    event: str = "approval_granted",
) -> Approval:
    """Say yes. Released with the last yes of the quorum; until then `pending` comes back.

    `valid_for`: the same action may be repeated until so long after the release (of several, the
    last approver's word counts); by default it is good for one use. Raises `ApprovalNotFound`,
    `ApprovalNotPending`, `ShownIsStale`, `Forbidden`, `ReasonRequired`, `AlreadyVoted`.
    """
    with transaction.atomic():
        approval, moment = open_request(approval_id, by=by, seen=seen)
        rules.refuse_others(approval, by)
        rules.refuse_requester(approval, by)
        reason = _reason(reason, required=approval.reason_required)
        votes = _voted(approval, Verdict.APPROVE, by=by, reason=reason)
        names = rules.counting(approval, votes, present=by.name)
        told: dict[str, Any] = {"votes": len(names), "quorum": approval.quorum}
        if len(names) < approval.quorum:
            tell("approval_voted", approval, by=by, reason=reason, verdict="approve", **told)
            return approval
        grant(approval, at=moment, valid_for=valid_for)
        if approval.quorum > 1:
            told["voters"] = names
        move(
            approval, ApprovalStatus.APPROVED, by=by, at=moment, reason=reason, event=event, **told
        )
    return approval


def deny(
    approval_id: UUID | str,
    *,
    by: Principal,
    reason: str,
    seen: Seen = UNSEEN,
    event: str = "approval_denied",
) -> Approval:
    """Say no, which wins at once; `reason` is told to the agent. Raises as `approve` does."""
    with transaction.atomic():
        approval, moment = open_request(approval_id, by=by, seen=seen)
        rules.refuse_others(approval, by)
        reason = _reason(reason, required=True)
        _voted(approval, Verdict.DENY, by=by, reason=reason)
        move(approval, ApprovalStatus.DENIED, by=by, at=moment, reason=reason, event=event)
    return approval


def open_request(
    approval_id: UUID | str, *, by: Principal, seen: Seen
) -> tuple[Approval, datetime]:
    """(the request, locked; the database's time). Raises unless it waits and is what was read.

    The one place that compares what a person saw with what they decide on.
    """
    approval = locked(approval_id)
    moment = clock()
    if seen.request and seen.request.lower() not in {str(approval.pk), approval.key}:
        raise ShownIsStale(STALE)
    if approval.status != ApprovalStatus.PENDING:
        raise ApprovalNotPending(
            f"There is no pending approval to respond to: this one {how_it_ended(approval)}"
        )
    if approval.expires_at <= moment:
        raise ApprovalNotPending(f"The request expired at {approval.expires_at:%Y-%m-%d %H:%M} UTC")
    if seen.fingerprint and seen.fingerprint.lower() != approval.fingerprint:
        raise ShownIsStale(STALE)
    return approval, moment


def how_it_ended(approval: Approval) -> str:
    """Of a request that waits no more: how, by whom and when, as it goes on after its name."""
    if not approval.decided_by or not approval.decided_at:
        return f"is {approval.status}"
    when = f"at {approval.decided_at:%Y-%m-%d %H:%M:%S} UTC"
    if approval.status == ApprovalStatus.EXPIRED:
        return f"expired {when}"
    used = approval.status == ApprovalStatus.CONSUMED
    done = ApprovalStatus.APPROVED if used else approval.status
    return f"was {done} by {approval.decided_by} {when}"


def grant(approval: Approval, *, at: datetime, valid_for: timedelta | None) -> None:
    """Set until when a request that is being released may be used.

    The policy's `valid_minutes` is the most; without one it is as long as the request had to wait.
    """
    most = approval.expires_at - approval.requested_at
    if approval.valid_minutes is not None:
        most = timedelta(minutes=approval.valid_minutes)
        valid_for = min(valid_for, most) if valid_for is not None else None
    approval.valid_until = at + valid_for if valid_for is not None else None
    approval.use_by = approval.valid_until or at + most


def _voted(approval: Approval, verdict: Verdict, *, by: Principal, reason: str) -> list[Vote]:
    """Keep what somebody says now; everything that was said, in order. `approval` is locked.

    Of one who said yes before only a no is new.
    """
    votes = list(approval.votes.all())
    mine = next((v for v in votes if folded(v.voter) == folded(by.name)), None)
    if mine is None:
        mine = Vote(approval=approval, voter=by.name[:150])
        votes.append(mine)
    elif verdict == Verdict.APPROVE:
        raise AlreadyVoted(f"{by.name} approved this already; it takes somebody else")
    mine.verified, mine.verdict, mine.reason = bool(by.roles), verdict, reason
    mine.save()
    return votes


def _reason(reason: str, *, required: bool) -> str:
    reason = str(storable(reason)).strip()
    if required and not reason:
        raise ReasonRequired("Say why: this decision needs a reason")
    return reason
