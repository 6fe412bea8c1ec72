"""Governance's records, with what tickets know of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from aura.kernel.ids import parse_uuid
from aura.kernel.text import cut
from governance.admin.approvals import ApprovalAdmin
from governance.admin.base import TraceAdmin
from governance.admin.case import Case
from governance.admin.log import AuditEventAdmin
from governance.models import Approval, AuditEvent
from governance.templatetags.shown import short, visible
from tickets.admin import timeline
from tickets.admin.cases import whole_case
from tickets.models import Ticket
from tickets.plan import SUBMIT_PLAN

TITLE_CHARS = 60


class TicketTraces(TraceAdmin):
    """A trace that is a ticket's leads to its page."""

    def trace_link(self, trace_id: str, title: str = "") -> str:
        if parse_uuid(trace_id) is None:
            return super().trace_link(trace_id)
        page = reverse("admin:tickets_ticket_change", args=[trace_id])
        words = cut(visible(title), TITLE_CHARS) if title else f"ticket {short(trace_id)}"
        return format_html('<a href="{}"><bdi>{}</bdi></a>', page, words)

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """The list, with the titles of its tickets."""
        changelist = super().get_changelist_instance(request)
        self.know_traces(changelist.result_list)
        return changelist

    def know_traces(self, rows: Sequence[Any]) -> None:
        wanted = {uid for row in rows if (uid := parse_uuid(row.trace_id))}
        tickets = Ticket.objects.filter(pk__in=wanted).values_list("pk", "title")
        titles = {str(key): title for key, title in tickets}
        for row in rows:
            row.title = titles.get(row.trace_id, "")

    @admin.display(description="belongs to", empty_value="")
    def trace(self, row: Any) -> str:
        return self.trace_link(row.trace_id, row.title) if row.trace_id else ""


class TicketApprovalAdmin(TicketTraces, ApprovalAdmin):
    """Words the decision on a plan as the API does, and knows what waits for it."""

    def case_of(self, request: HttpRequest, approval: Approval) -> Case:
        return whole_case(approval, request.user)

    def event_of(self, approval: Approval, *, approved: bool) -> str:
        if approval.tool_name == SUBMIT_PLAN:
            return "plan_approved" if approved else "plan_rejected"
        return super().event_of(approval, approved=approved)


class TicketEventAdmin(TicketTraces, AuditEventAdmin):
    """The log, with links to tickets, and each event as a line."""

    @admin.display(description="what", empty_value="")
    def what(self, event: AuditEvent) -> str:
        return visible(timeline.gist(event))
