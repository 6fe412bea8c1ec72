"""Governance's records, with what tickets know of them."""

from __future__ import annotations

from django.urls import reverse
from django.utils.html import format_html

from aura.kernel.ids import parse_uuid
from governance.admin.approvals import ApprovalAdmin
from governance.admin.base import TraceAdmin
from governance.admin.log import AuditEventAdmin
from governance.models import Approval
from governance.templatetags.shown import short
from tickets.plan import SUBMIT_PLAN


class TicketTraces(TraceAdmin):
    """A trace that is a ticket's leads to its page."""

    def trace_link(self, trace_id: str) -> str:
        if parse_uuid(trace_id) is None:
            return super().trace_link(trace_id)
        page = reverse("admin:tickets_ticket_change", args=[trace_id])
        return format_html('<a href="{}">ticket {}</a>', page, short(trace_id))


class TicketApprovalAdmin(TicketTraces, ApprovalAdmin):
    """Words the decision on a plan as the API does."""

    def event_of(self, approval: Approval, *, approved: bool) -> str:
        if approval.tool_name == SUBMIT_PLAN:
            return "plan_approved" if approved else "plan_rejected"
        return super().event_of(approval, approved=approved)


class TicketEventAdmin(TicketTraces, AuditEventAdmin):
    """The log, with links to tickets."""
