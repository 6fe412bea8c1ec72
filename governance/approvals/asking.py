"""A request: what is asked for, of whom, and until when."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from aura.kernel import outbound
from aura.kernel.telemetry import metrics
from governance.approvals import notices
from governance.approvals.errors import ApprovalNotFound
from governance.approvals.moves import clock, named, tell
from governance.audit.canonical import storable
from governance.fingerprint import fingerprint
from governance.models import Approval
from governance.types import Action, ActorKind, Principal, Role

LIST_MOST = 1000
LISTED_AT_ONCE = 50


def request(  # noqa: PLR0913 - what a request consists of, each by its name
    action: Action,
    *,
    policy: str,
    quorum: int = 1,
    approver_role: str = Role.APPROVER,
    four_eyes: bool = True,
    reason_required: bool = False,
    valid_minutes: int | None = None,
    expires_in: timedelta | None = None,
    on_behalf_of: Principal | None = None,
    agent: str = "",
    kind: str = "",
    event_key: str = "",
    context: Mapping[str, Any] | None = None,
    callback_url: str = "",
) -> Approval:
    """Ask for one action to be released. Call it in the transaction that parks the action.

    `quorum` different people with at least `approver_role` must say yes; with `four_eyes` not the
    person `on_behalf_of` (by default the action's own principal, if that is a person).
    `expires_in`: until it ends unanswered, by default AURA_APPROVAL_REQUEST_EXPIRES_S;
    `valid_minutes`: how long what was approved may at most be used. Raises `NotAllowed` for a
    `callback_url` that may not be asked.
    """
    if callback_url:
        outbound.parse(callback_url)
    with transaction.atomic():
        moment = clock()
        until = expires_in or timedelta(seconds=settings.AURA.approval_request_expires_s)
        approval = Approval.objects.create(
            tool_name=action.tool,
            arguments=dict(action.arguments),
            action_class=action.action_class,
            kind=kind,
            resource_type=action.resource.type,
            resource_name=action.resource.name[:500],
            fingerprint=fingerprint(action),
            requested_by=str(action.principal),
            requested_for=_person(action, on_behalf_of),
            agent_name=agent[:150],
            trace_id=action.trace_id,
            event_key=event_key,
            context=storable(dict(context or {})),
            policy_name=policy,
            reason=action.reason,
            quorum=max(quorum, 1),
            approver_role=Role(approver_role),
            four_eyes=four_eyes,
            reason_required=reason_required,
            valid_minutes=valid_minutes,
            expires_at=moment + until,
            callback_url=callback_url,
        )
        _tell_created(approval, by=action.principal)
        notices.queue(approval, notices.CREATED)
        counted = metrics.APPROVALS_REQUESTED.labels(action.action_class)
        transaction.on_commit(counted.inc, robust=True)
    return approval


def find(approval_id: UUID | str) -> Approval:
    """The request with this id or key. Raises `ApprovalNotFound`."""
    approval = Approval.objects.filter(**named(approval_id)).first()
    if approval is None:
        raise ApprovalNotFound("approval not found")
    return approval


def listed(
    *,
    statuses: Collection[str] = (),
    agent: str = "",
    trace_id: str = "",
    requested_by: str = "",
    limit: int,
) -> Iterator[Approval]:
    """Requests with their votes, newest first; an empty filter lets all through.

    `requested_by` is the principal (`agent:aura`, `user:ada`), its name alone, or the person behind
    the request. auditd: GET /v1/approvals.
    """
    found = Approval.objects.order_by("-requested_at", "-pk").prefetch_related("votes")
    if statuses:
        found = found.filter(status__in=statuses)
    for column, value in (("agent_name", agent), ("trace_id", trace_id)):
        if value:
            found = found.filter(**{column: value})
    if requested_by:
        alike = [requested_by, *(f"{kind}:{requested_by}" for kind in ActorKind)]
        found = found.filter(Q(requested_by__in=alike) | Q(requested_for=requested_by))
    return found[: min(limit, LIST_MOST)].iterator(LISTED_AT_ONCE)


def _person(action: Action, on_behalf_of: Principal | None) -> str:
    """The human who wants this done; empty when nobody is known."""
    human = on_behalf_of or action.principal
    return human.name[:150] if human.kind is ActorKind.USER else ""


def _tell_created(approval: Approval, *, by: Principal) -> None:
    tell(
        "approval_created",
        approval,
        by=by,
        reason=approval.reason,
        actionClass=approval.action_class,
        resource=f"{approval.resource_type}:{approval.resource_name}",
        requestedFor=approval.requested_for,
        policy=approval.policy_name,
        quorum=approval.quorum,
        approverRole=approval.approver_role,
        fourEyes=approval.four_eyes,
        reasonRequired=approval.reason_required,
        expiresAt=approval.expires_at.isoformat(),
    )
