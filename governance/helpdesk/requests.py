"""Requests for approval in the words of the document (behaviour §2.5)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from aura.kernel.errors import Forbidden, PayloadTooLarge, ValidationFailed
from aura.kernel.ids import iso
from aura.kernel.secrets import redact, redact_value
from governance import approvals
from governance.approvals.rules import may_withdraw
from governance.audit.canonical import canonical
from governance.helpdesk.listing import Listing
from governance.helpdesk.posting import BYTES_MOST
from governance.helpdesk.resources import described
from governance.models import Approval, ApprovalStatus
from governance.policy import current
from governance.policy.types import Effect, PolicyRequest
from governance.types import Action, ActionClass, Principal, Resource, Role

UNSAID: Final = "no reason given"  # the document lets a request be denied without one
LIST_LIMIT: Final = 100
MINUTES: Final = 60
# An approval that was used up is an approval; the document has no word for it.
SHOWN: Final = {ApprovalStatus.CONSUMED: ApprovalStatus.APPROVED}
STATUSES: Final = tuple(status.value for status in ApprovalStatus if status not in SHOWN)


def create(body: Mapping[str, Any], *, by: Principal) -> Approval:
    """Ask for what the body tells of. The policy says how many, and whom, it takes at least.

    Raises `NotAllowed` for a callback that may not be asked.
    """
    resource = Resource(type=body["resource_type"], name=body["resource_name"])
    context = _storable(body["request_context"])
    action = Action(
        tool=body["tool_name"],
        arguments=context,
        action_class=ActionClass(body["action_class"]),
        resource=resource,
        principal=by,
        trace_id=body["trace_id"],
    )
    minutes, claimed = body["expires_in_minutes"], body["requested_by"]
    return approvals.request(
        action,
        policy=body["policy_name"],
        expires_in=timedelta(minutes=minutes if minutes > 0 else MINUTES),
        agent=body["agent_name"] or ("" if claimed == by.name else claimed),
        event_key=body["event_id"],
        context=context,
        callback_url=body["callback_url"],
        **_terms(action, body["approver_role"]),
    )


def _storable(context: Mapping[str, Any]) -> dict[str, Any]:
    """What the database can keep and a fingerprint can be made of. Raises `ValidationFailed`."""
    try:
        text = canonical(context)
        kept: dict[str, Any] = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValidationFailed(f"request_context: {error}") from None
    if len(text) > BYTES_MOST:
        raise PayloadTooLarge(f"request_context has at most {BYTES_MOST} bytes")
    return kept


def _terms(action: Action, wanted: str) -> dict[str, Any]:
    """Who has to say yes: what the policy in force asks for, or a higher role that is wanted.

    A rule may deny only because a request names no purpose and no impact; its terms hold all the
    same.
    """
    role = Role(wanted) if wanted else Role.APPROVER
    decided = current.judge(
        PolicyRequest(
            principal=action.principal,
            tool=action.tool,
            action_class=action.action_class,
            resource=described(action.resource),
        )
    )
    if decided.effect is Effect.ALLOW:
        return {"approver_role": role}
    return {
        "approver_role": max(role, decided.approver_role, key=lambda each: each.rank),
        "quorum": decided.quorum,
        "four_eyes": decided.four_eyes,
        "reason_required": decided.reason_required,
        "valid_minutes": decided.valid_minutes,
    }


def withdraw(approval_id: str, *, by: Principal, reason: str) -> None:
    """Cancel a request that waits. Raises `Forbidden` for who neither asked for it nor decides."""
    if not may_withdraw(approvals.find(approval_id), by):
        raise Forbidden(
            f"{by.name} did not ask for this: it is cancelled by who did, or by somebody with the"
            f" role {Role.APPROVER} or above"
        )
    approvals.cancel(approval_id, by=by, reason=reason)


def listed(*, status: str = "", limit: int = LIST_LIMIT, **asked: str) -> Listing:
    """Requests, newest first; `approved` are those that were used too. Ends early if large."""
    alike = [own for own, shown in SHOWN.items() if shown == status]
    statuses = [status, *alike] if status else ()
    found = Listing(limit)
    for approval in approvals.listed(statuses=statuses, limit=limit, **asked):
        told = shown(approval)
        if not found.take(told, len(json.dumps(told))):
            break
    return found


def shown(approval: Approval) -> dict[str, Any]:
    """The request as JSON: the document's keys, and ours behind them."""
    votes = [
        {"voter": v.voter, "verdict": v.verdict, "reason": redact(v.reason), "at": iso(v.at)}
        for v in approval.votes.all()
    ]
    return {
        "approval_id": approval.key,
        "event_id": approval.event_key,
        "trace_id": redact(approval.trace_id),
        "status": SHOWN.get(ApprovalStatus(approval.status), approval.status),
        "action_class": approval.action_class,
        "tool_name": redact(approval.tool_name),
        "agent_name": redact(approval.agent_name),
        "resource_type": approval.resource_type,
        "resource_name": redact(approval.resource_name),
        "requested_by": requester(approval),
        "requested_at": iso(approval.requested_at),
        "request_context": redact_value({**approval.arguments, **approval.context}),
        "resolved_by": approval.decided_by,
        "resolved_at": _moment(approval.decided_at),
        "resolution_reason": redact(approval.decision_reason),
        "expires_at": iso(approval.expires_at),
        "approval_valid_until": _moment(approval.valid_until or approval.use_by),
        "policy_name": redact(approval.policy_name),
        "approver_role": approval.approver_role,
        "callback_url": redact(approval.callback_url),
        "callback_sent_at": _moment(approval.callback_sent_at),
        "created_at": iso(approval.requested_at),
        "updated_at": iso(_changed_at(approval)),
        "requested_for": approval.requested_for,
        "fingerprint": approval.fingerprint,
        "quorum": approval.quorum,
        "four_eyes": approval.four_eyes,
        "reason_required": approval.reason_required,
        "votes": votes,
        "uses": approval.uses,
        "used_at": _moment(approval.consumed_at),
    }


def opinion(approval: Approval) -> dict[str, Any]:
    """The `approval` part of an event that a request stands behind."""
    yes = approval.status in {ApprovalStatus.APPROVED, ApprovalStatus.CONSUMED}
    return {
        "required": True,
        "status": SHOWN.get(ApprovalStatus(approval.status), approval.status),
        "requested_by": requester(approval),
        "requested_at": iso(approval.requested_at),
        "approved_by": approval.decided_by if yes else "",
        "approved_at": _moment(approval.decided_at) if yes else None,
        "justification": redact(approval.decision_reason),
        "policy_name": approval.policy_name,
        "expires_at": iso(approval.expires_at),
    }


def requester(approval: Approval) -> str:
    """The name of who asked, without its kind."""
    kind, colon, name = approval.requested_by.partition(":")
    return name if colon else kind


def _changed_at(approval: Approval) -> datetime:
    votes = [vote.at for vote in approval.votes.all()]
    known = [approval.decided_at, approval.consumed_at, approval.callback_sent_at, *votes]
    return max([approval.requested_at, *(moment for moment in known if moment)])


def _moment(moment: datetime | None) -> str | None:
    return iso(moment) if moment else None
