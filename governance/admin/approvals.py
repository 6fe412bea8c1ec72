"""Requests for approval: looked at here, and decided by the verbs of `governance.approvals`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
)
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.timesince import timesince, timeuntil

from aura.kernel.errors import Problem
from governance import approvals, kept
from governance.access import DECIDE
from governance.admin.base import (
    DecisionForm,
    TraceAdmin,
    Words,
    focus_on_error,
    whole_text,
)
from governance.admin.case import WHOLE, Case, case_of
from governance.approvals import Seen, ShownIsStale
from governance.approvals.emergency import PERMISSION as BREAK_GLASS
from governance.approvals.emergency import PURPOSE
from governance.identity import decider
from governance.models import Approval, ApprovalStatus
from governance.templatetags.shown import visible
from governance.types import ActionClass, Principal

MOST_MINUTES = 7 * 24 * 60
PLAN = "plan"  # a `kind`, as `Approval` has it


class RequestForm(DecisionForm):
    """Yes or no on the request's own page, where a yes may be good for more than one use."""

    valid_minutes = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=MOST_MINUTES,
        label="May be repeated for (minutes)",
        help_text="Empty: it is good for one use. Exactly the same action alone, in any case.",
    )


class RevokeForm(forms.Form):
    """Take an approval back that was not used (up) yet."""

    reason = Words(required=True, rows=2)


class BreakGlassForm(forms.Form):
    """Release it alone, in an emergency."""

    purpose = forms.CharField(
        label=f"Type “{PURPOSE}”", help_text="Everybody is told, and somebody else reviews it."
    )
    reason = Words(required=True, rows=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb:
    """`status` is what a request must be in; `carry_out` returns what the person is told."""

    permission: str
    status: ApprovalStatus
    form: type[forms.Form]
    carry_out: Callable[[ApprovalAdmin, Approval, Mapping[str, Any], Principal, Seen], str]


class ClassFilter(admin.SimpleListFilter):
    """By what the list calls the class: a plan is one, though what asks for it is a read."""

    title = parameter_name = "class"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        del request, model_admin
        return [(name, name) for name in (*ActionClass, PLAN)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Approval]) -> QuerySet[Approval]:
        del request
        if self.value() == PLAN:
            return queryset.filter(kind=PLAN)
        return queryset.filter(action_class=self.value(), kind="") if self.value() else queryset


class ApprovalAdmin(TraceAdmin):
    """The list of all requests, and one page each, where it is decided."""

    list_display = ["asked", "what", "kind_of", "state", "trace", "decided"]
    list_filter = ["status", ClassFilter]
    search_fields = ["trace_id__exact", "tool_name__exact", "fingerprint__exact", "key__exact"]
    search_help_text = "a whole trace, tool, fingerprint or id (apr_…)"
    ordering = ["-requested_at", "-id"]

    def get_urls(self) -> list[URLPattern]:
        do = self.admin_site.admin_view(self.do_view)
        verbs = [
            path(f"<uuid:approval_id>/{name}/", do, {"name": name}, f"governance_approval_{name}")
            for name in VERBS
        ]
        text = self.admin_site.admin_view(self.text_view)
        whole = path("<uuid:approval_id>/text/<slug:name>/", text, name="governance_approval_text")
        return [*verbs, whole, *super().get_urls()]

    # --- what a product on top of governance may know better ---

    def event_of(self, approval: Approval, *, approved: bool) -> str:
        """The type of event that a decision on this request is told as."""
        del approval
        return "approval_granted" if approved else "approval_denied"

    def case_of(self, request: HttpRequest, approval: Approval) -> Case:
        """What this person reads before they decide."""
        return case_of(approval, request.user)

    # --- pages ---

    def show(self, request: HttpRequest, approval: Approval, /) -> HttpResponse:
        """GET /admin/governance/approval/:id/change/"""
        return self._page(request, approval)

    def do_view(self, request: HttpRequest, approval_id: Any, name: str) -> HttpResponse:
        """POST /admin/governance/approval/:id/(decide|revoke|break_glass)/"""
        verb = VERBS[name]
        if request.method != "POST":
            return self.page_of(approval_id)
        if not self._may(request, verb.permission):
            raise PermissionDenied
        approval = self.get_object(request, str(approval_id))
        if approval is None:
            return self.absent(request, str(approval_id))
        form = verb.form(request.POST, auto_id=f"{name}_%s")
        if not form.is_valid():
            return self._page(request, approval, submitted={name: focus_on_error(form)})
        seen = Seen(request=str(approval.pk), fingerprint=request.POST.get("fingerprint", ""))
        try:
            if not seen.fingerprint:
                raise ShownIsStale("The form does not say what it showed; nothing was decided")
            by = decider(request.user)
            done = verb.carry_out(self, approval, form.cleaned_data, by, seen)
        except Problem as problem:
            messages.error(request, visible(problem.message))
            return self._page(request, approval, submitted={name: form}, status=problem.status)
        messages.success(request, done)
        return self.page_of(approval.pk)

    def text_view(self, request: HttpRequest, approval_id: Any, name: str) -> HttpResponse:
        """GET /admin/governance/approval/:id/text/(preview|arguments)/: all of what a page cuts."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        approval = self.get_object(request, str(approval_id))
        if approval is None or name not in WHOLE:
            raise Http404(name)
        return whole_text(WHOLE[name](approval))

    def _page(
        self,
        request: HttpRequest,
        approval: Approval,
        *,
        submitted: Mapping[str, forms.Form] | None = None,
        status: int = 200,
    ) -> HttpResponse:
        approval.refresh_from_db()
        offered = {
            name: (submitted or {}).get(name) or verb.form(auto_id=f"{name}_%s")
            for name, verb in VERBS.items()
            if approval.status == verb.status and self._may(request, verb.permission)
        }
        for name, form in offered.items():
            sent_to = reverse(f"admin:governance_approval_{name}", args=[approval.pk])
            kept.fill(request, sent_to, form)
        context = {
            **self.admin_site.each_context(request),
            "title": f"Approval: {visible(approval.tool_name)}",
            "opts": self.opts,
            "approval": approval,
            "trace_link": self.trace_link(approval.trace_id),
            "forms": offered,
            "case": self.case_of(request, approval),
        }
        return TemplateResponse(
            request, "admin/governance/approval/page.html", context, status=status
        )

    def _may(self, request: HttpRequest, permission: str) -> bool:
        return request.user.has_perm(permission) and self.has_view_permission(request)

    # --- columns ---

    @admin.display(description="asked", ordering="requested_at")
    def asked(self, approval: Approval) -> str:
        return f"{timesince(approval.requested_at, depth=1)} ago"

    @admin.display(description="action", ordering="tool_name")
    def what(self, approval: Approval) -> str:
        return visible(approval)

    @admin.display(description="class", ordering="action_class")
    def kind_of(self, approval: Approval) -> str:
        return visible(approval.shown_class)

    @admin.display(description="status", ordering="status")
    def state(self, approval: Approval) -> str:
        badge = format_html(
            '<span class="badge is-{}">{}</span>', approval.status, approval.get_status_display()
        )
        if approval.status != ApprovalStatus.PENDING:
            return badge
        return format_html("{} ends in {}", badge, timeuntil(approval.expires_at, depth=1))

    @admin.display(description="belongs to")
    def trace(self, approval: Approval) -> str:
        return self.trace_link(approval.trace_id)

    @admin.display(description="decided by")
    def decided(self, approval: Approval) -> str:
        return visible(approval.decided_by) or "-"


# --- what each verb does ---


def _decide(
    admin_: ApprovalAdmin, approval: Approval, data: Mapping[str, Any], by: Principal, seen: Seen
) -> str:
    approved, reason = data["decision"] == "approve", data["reason"]
    event = admin_.event_of(approval, approved=approved)
    if not approved:
        approvals.deny(approval.pk, by=by, reason=reason, seen=seen, event=event)
        return "Denied. Whoever waits for it is told and goes on."
    minutes = data["valid_minutes"]
    decided = approvals.approve(
        approval.pk,
        by=by,
        reason=reason,
        seen=seen,
        valid_for=timedelta(minutes=minutes) if minutes else None,
        event=event,
    )
    if decided.status == ApprovalStatus.PENDING:
        return f"Your approval counts: {len(approvals.standing(decided))} of {decided.quorum}."
    return "Approved. Whoever waits for it is told and goes on."


def _revoke(
    _: ApprovalAdmin, approval: Approval, data: Mapping[str, Any], by: Principal, __: Seen
) -> str:
    approvals.revoke(approval.pk, by=by, reason=data["reason"])
    return "The approval is taken back."


def _break_glass(
    admin_: ApprovalAdmin, approval: Approval, data: Mapping[str, Any], by: Principal, seen: Seen
) -> str:
    approvals.break_glass(
        approval.pk,
        by=by,
        purpose=data["purpose"].strip(),
        reason=data["reason"],
        seen=seen,
        event=admin_.event_of(approval, approved=True),
    )
    return "Released. Everybody is told, and somebody else must review it."


VERBS: Final[Mapping[str, Verb]] = {
    "decide": Verb(
        permission=DECIDE, status=ApprovalStatus.PENDING, form=RequestForm, carry_out=_decide
    ),
    "revoke": Verb(
        permission=DECIDE, status=ApprovalStatus.APPROVED, form=RevokeForm, carry_out=_revoke
    ),
    "break_glass": Verb(
        permission=BREAK_GLASS,
        status=ApprovalStatus.PENDING,
        form=BreakGlassForm,
        carry_out=_break_glass,
    ),
}
