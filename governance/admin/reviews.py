"""Reviews of break-glass: open until somebody else has looked at it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html

from aura.kernel.errors import Problem
from governance import approvals, kept
from governance.access import DECIDE
from governance.admin.base import PageAdmin, ReadOnlyAdmin, Words, focus_on_error
from governance.identity import decider
from governance.models import EmergencyReview
from governance.templatetags.shown import visible


class FindingForm(forms.Form):
    """What was found ends the review."""

    finding = Words(required=True)


class EmergencyReviewAdmin(PageAdmin, ReadOnlyAdmin):
    """The list of reviews, and one page each, where it is closed."""

    list_display = ["opened", "what", "who", "state"]
    list_filter = [("closed_at", admin.EmptyFieldListFilter)]
    list_select_related = ["approval"]
    ordering = ["-opened_at", "-id"]

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever may look at approvals."""
        del obj
        return request.user.has_perm("governance.view_approval")

    def get_urls(self) -> list[URLPattern]:
        close = self.admin_site.admin_view(self.close_view)
        name = "governance_emergencyreview_close"
        return [path("<int:review_id>/close/", close, name=name), *super().get_urls()]

    def show(self, request: HttpRequest, review: EmergencyReview, /) -> HttpResponse:
        """GET /admin/governance/emergencyreview/:id/change/"""
        return self._page(request, review, FindingForm())

    def close_view(self, request: HttpRequest, review_id: int) -> HttpResponse:
        """POST /admin/governance/emergencyreview/:id/close/"""
        if request.method != "POST":
            return self.page_of(review_id)
        if not (request.user.has_perm(DECIDE) and self.has_view_permission(request)):
            raise PermissionDenied
        review = self.get_object(request, str(review_id))
        return self._close(request, review) if review else self.absent(request, str(review_id))

    def _close(self, request: HttpRequest, review: EmergencyReview) -> HttpResponse:
        form = FindingForm(request.POST)
        if not form.is_valid():
            return self._page(request, review, focus_on_error(form))
        finding = form.cleaned_data["finding"]
        try:
            approvals.close_review(review.pk, by=decider(request.user), finding=finding)
        except Problem as problem:
            messages.error(request, visible(problem.message))
            return self._page(request, review, form, status=problem.status)
        messages.success(request, "The review is closed.")
        return HttpResponseRedirect(reverse("admin:governance_emergencyreview_changelist"))

    def _page(
        self, request: HttpRequest, review: EmergencyReview, form: forms.Form, *, status: int = 200
    ) -> HttpResponse:
        review.refresh_from_db()
        sent_to = reverse("admin:governance_emergencyreview_close", args=[review.pk])
        kept.fill(request, sent_to, form)
        may = review.closed_at is None and request.user.has_perm(DECIDE)
        context = {
            **self.admin_site.each_context(request),
            "title": "Break-glass review",
            "opts": self.opts,
            "review": review,
            "approval": review.approval,
            "form": form if may else None,
        }
        return TemplateResponse(
            request, "admin/governance/emergencyreview/page.html", context, status=status
        )

    @admin.display(description="opened (UTC)", ordering="opened_at")
    def opened(self, review: EmergencyReview) -> str:
        return f"{review.opened_at:%Y-%m-%d %H:%M}"

    @admin.display(description="action")
    def what(self, review: EmergencyReview) -> str:
        return visible(review.approval)

    @admin.display(description="by", ordering="opened_by")
    def who(self, review: EmergencyReview) -> str:
        return visible(review.opened_by)

    @admin.display(description="status", ordering="closed_at")
    def state(self, review: EmergencyReview) -> str:
        if review.closed_at is None:
            return format_html('<span class="badge is-{}">{}</span>', "pending", "open")
        return f"closed by {visible(review.closed_by)}"
