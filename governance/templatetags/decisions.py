"""Who said yes to a request, and who could."""

from __future__ import annotations

from django import template

from governance import approvals
from governance.models import Approval, ApprovalStatus
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
