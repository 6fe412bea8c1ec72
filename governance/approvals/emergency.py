"""Break-glass: one person releases an action alone, and another has to look at it afterwards."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Final
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models.functions import Now

from aura.kernel.errors import Forbidden, NotFound, ValidationFailed
from aura.kernel.telemetry import metrics
from governance.approvals import rules
from governance.approvals.deciding import UNSEEN, Seen, grant, open_request
from governance.approvals.errors import ApprovalNotPending, ReasonRequired
from governance.approvals.moves import move, tell
from governance.audit.canonical import storable
from governance.models import (
    Approval,
    ApprovalStatus,
    EmergencyReview,
    Verdict,
    Vote,
)
from governance.types import ActorKind, Principal, folded

PURPOSE: Final = "emergency"
PERMISSION: Final = "governance.break_glass"
VALID: Final = timedelta(minutes=15)  # at most; for one use

logger = logging.getLogger(__name__)


def break_glass(
    approval_id: UUID | str,
    *,
    by: Principal,
    purpose: str,
    reason: str,
    seen: Seen = UNSEEN,
    event: str = "approval_granted",
) -> Approval:
    """Release an action without a quorum and without a second person, for one use within `VALID`.

    It takes the permission `governance.break_glass`, looked up now, the purpose `emergency` and a
    reason. Everybody is told (`break_glass_used`), and a review is open until another person closes
    it. Raises as `approve` does.
    """
    reason = str(storable(reason)).strip()
    if purpose != PURPOSE:
        raise ValidationFailed(
            f"break-glass is for the purpose {PURPOSE} alone",
            details={"purpose": [f"Must be {PURPOSE}"]},
        )
    if not reason:
        raise ReasonRequired("Say why: break-glass needs a reason")
    with transaction.atomic():
        approval, moment = open_request(approval_id, by=by, seen=seen)
        _refuse_unless_permitted(by)
        Vote.objects.update_or_create(
            approval=approval,
            voter=by.name[:150],
            defaults={"verified": True, "verdict": Verdict.APPROVE, "reason": reason},
        )
        review = EmergencyReview.objects.create(
            approval=approval, opened_by=by.name[:150], reason=reason
        )
        grant(approval, at=moment, valid_for=None)
        assert approval.use_by is not None  # noqa: S101 - `grant` has set it; for the types
        approval.use_by = min(approval.use_by, moment + VALID)
        approval.broke_glass = True
        told = {"breakGlass": True, "purpose": purpose, "review": review.pk}
        tell("break_glass_used", approval, by=by, reason=reason, **told)
        move(
            approval, ApprovalStatus.APPROVED, by=by, at=moment, reason=reason, event=event, **told
        )
    logger.warning("break-glass: %s released %s alone: %s", by.name, approval, reason)
    metrics.BREAK_GLASS.labels(approval.action_class).inc()
    return approval


def close_review(review_id: int, *, by: Principal, finding: str) -> EmergencyReview:
    """Close a review with what was found. Not by who broke the glass, nor by who wanted it."""
    finding = str(storable(finding)).strip()
    if not finding:
        raise ReasonRequired("Say what you found")
    with transaction.atomic():
        reviews = EmergencyReview.objects.select_for_update(of=("self",))
        review = reviews.select_related("approval").filter(pk=review_id).first()
        if review is None:
            raise NotFound("There is no such review")
        if review.closed_at is not None:
            raise ApprovalNotPending(f"The review was closed by {review.closed_by} already")
        _refuse_involved(review, by)
        review.closed_by, review.finding = by.name[:150], finding
        EmergencyReview.objects.filter(pk=review.pk).update(
            closed_by=review.closed_by, finding=finding, closed_at=Now()
        )
        tell("break_glass_reviewed", review.approval, by=by, reason=finding, review=review.pk)
    review.refresh_from_db()
    return review


def _refuse_unless_permitted(by: Principal) -> None:
    """A name that is only claimed has no roles. What a token may do its surface has looked at."""
    known = by.kind is ActorKind.USER and by.roles
    user = User.objects.filter(username=by.name, is_active=True).first() if known else None
    if user is None or not user.has_perm(PERMISSION):
        raise Forbidden(f"Breaking the glass takes a login with the permission {PERMISSION}")


def _refuse_involved(review: EmergencyReview, by: Principal) -> None:
    rules.refuse_others(review.approval, by)
    involved = {folded(review.opened_by), folded(review.approval.requested_for)}
    if folded(by.name) in involved - {""}:
        raise Forbidden("Somebody else must look at it: you broke the glass, or asked for it")
