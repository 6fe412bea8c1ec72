"""Requests for approval: looked at here, and decided by the verbs of `governance.approvals`."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.forms import Form
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.timesince import timesince

from aura.kernel.errors import Problem
from governance import approvals
from governance.admin.base import DecisionForm, TraceAdmin, focus_on_error
from governance.approvals import ApprovalNotPending
from governance.identity import principal
from governance.models import Approval, ApprovalStatus
from governance.templatetags.shown import visible

DECIDE = "governance.decide_approval"


class ApprovalAdmin(TraceAdmin):
    """The list of all requests, and one page each, where it is decided."""

    list_display = ["asked", "what", "kind", "state", "trace", "decided"]
    list_filter = ["status", "action_class"]
    search_fields = ["trace_id__exact", "tool_name__exact", "fingerprint__exact"]
    search_help_text = "a whole trace, tool or fingerprint"
    ordering = ["-requested_at", "-id"]

    def get_urls(self) -> list[URLPattern]:
        decide = self.admin_site.admin_view(self.decide_view)
        name = "governance_approval_decide"
        return [path("<uuid:approval_id>/decide/", decide, name=name), *super().get_urls()]

    # --- what a product on top of governance may know better ---

    def event_of(self, approval: Approval, *, approved: bool) -> str:
        """The type of event that a decision on this request is told as."""
        del approval
        return "approval_granted" if approved else "approval_denied"

    # --- pages ---

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """GET /admin/governance/approval/:id/change/"""
        del form_url, extra_context
        if request.method not in {"GET", "HEAD"}:
            return HttpResponseNotAllowed(["GET", "HEAD"])
        approval = self.get_object(request, object_id)
        if not self.has_view_permission(request, approval):
            raise PermissionDenied
        if approval is None:
            return self.absent(request, object_id)
        return self._page(request, approval, DecisionForm())

    def decide_view(self, request: HttpRequest, approval_id: Any) -> HttpResponse:
        """POST /admin/governance/approval/:id/decide/"""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not self._may_decide(request):
            raise PermissionDenied
        approval = self.get_object(request, str(approval_id))
        if approval is None:
            return self.absent(request, str(approval_id))
        form = DecisionForm(request.POST)
        if not form.is_valid():
            return self._page(request, approval, focus_on_error(form))
        try:
            self._decide(request, approval, form)
        except Problem as problem:
            messages.error(request, visible(problem.message))
            return self._page(request, approval, form, status=problem.status)
        done = "Approved" if form.approved else "Denied"
        messages.success(request, f"{done}. Whoever waits for it is told and goes on.")
        return HttpResponseRedirect(reverse("admin:governance_approval_change", args=[approval.pk]))

    def _decide(self, request: HttpRequest, approval: Approval, form: DecisionForm) -> None:
        if request.POST.get("fingerprint") != approval.fingerprint:
            raise ApprovalNotPending("This is not the request that was shown; nothing was decided")
        verb = approvals.approve if form.approved else approvals.deny
        verb(
            approval.pk,
            by=principal(request.user),
            reason=form.cleaned_data["reason"],
            event=self.event_of(approval, approved=form.approved),
        )

    def _page(
        self, request: HttpRequest, approval: Approval, form: Form, *, status: int = 200
    ) -> HttpResponse:
        approval.refresh_from_db()
        pending = approval.status == ApprovalStatus.PENDING
        context = {
            **self.admin_site.each_context(request),
            "title": f"Approval: {visible(approval.tool_name)}",
            "opts": self.opts,
            "approval": approval,
            "trace_link": self.trace_link(approval.trace_id),
            "form": form if pending and self._may_decide(request) else None,
        }
        return TemplateResponse(
            request, "admin/governance/approval/page.html", context, status=status
        )

    def _may_decide(self, request: HttpRequest) -> bool:
        return request.user.has_perm(DECIDE) and self.has_view_permission(request)

    # --- columns ---

    @admin.display(description="asked", ordering="requested_at")
    def asked(self, approval: Approval) -> str:
        return f"{timesince(approval.requested_at, depth=1)} ago"

    @admin.display(description="action", ordering="tool_name")
    def what(self, approval: Approval) -> str:
        return visible(approval)

    @admin.display(description="class", ordering="action_class")
    def kind(self, approval: Approval) -> str:
        return approval.action_class

    @admin.display(description="status", ordering="status")
    def state(self, approval: Approval) -> str:
        return format_html(
            '<span class="badge is-{}">{}</span>', approval.status, approval.get_status_display()
        )

    @admin.display(description="belongs to")
    def trace(self, approval: Approval) -> str:
        return self.trace_link(approval.trace_id)

    @admin.display(description="decided by")
    def decided(self, approval: Approval) -> str:
        return visible(approval.decided_by) or "-"
