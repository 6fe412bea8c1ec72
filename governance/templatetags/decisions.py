"""Who said yes to a request, who could, and which reviews are open."""

from __future__ import annotations

from django import template

from governance import approvals
from governance.models import Approval, ApprovalStatus, EmergencyReview
from governance.templatetags.shown import visible

register = template.Library()


@register.filter
def standing(approval: Approval) -> list[str]:
    """Names of those whose yes counts now."""
    if approval.quorum == 1 and approval.status == ApprovalStatus.PENDING:
        return []  # without asking: the first yes ends it
    return [visible(name) for name in approvals.standing(approval)]


@register.filter
def eligible(approval: Approval) -> list[str]:
    """Names of those who could still say yes."""
    return [visible(name) for name in approvals.eligible(approval)]


@register.simple_tag
def open_reviews() -> int:
    """How many break-glass uses nobody has looked at."""
    return EmergencyReview.objects.filter(closed_at=None).count()
