"""The stop switch and the day's budgets in the console."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from agents.incident.admin import IncidentAdmin
from agents.models import HelpdeskTask, Incident, StopSwitch
from agents.runtime import budget, stop
from agents.security_admin import BundledIncidentAdmin
from agents.task_admin import HelpdeskTaskAdmin
from aura.kernel.errors import Problem
from governance.admin.base import ReadOnlyAdmin, Words, focus_on_error
from governance.identity import principal
from governance.models import SecurityIncident


class ReasonForm(forms.Form):
    """Why all agents are stopped, or started again."""

    reason = Words(rows=2, max_length=stop.REASON_CHARS, help_text="Goes into the log.")


class StopSwitchAdmin(ReadOnlyAdmin):
    """One page: the state, the switch for those who may turn it, and what the day has used up."""

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Everybody in the console may see why nothing happens."""
        del obj
        return bool(request.user.is_active and request.user.is_staff)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """GET and POST /admin/agents/stopswitch/"""
        del extra_context
        if request.method in {"GET", "HEAD"}:
            return self._page(request, ReasonForm())
        if request.method != "POST":
            return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
        if not request.user.has_perm(stop.PERMISSION):
            raise PermissionDenied
        form = ReasonForm(request.POST)
        if not form.is_valid():
            return self._page(request, focus_on_error(form))
        return self._turn(request, form)

    def _turn(self, request: HttpRequest, form: ReasonForm) -> HttpResponse:
        """What the button said: of two people at once, the second is told that it is done."""
        actor, reason = principal(request.user), form.cleaned_data["reason"]
        try:
            if request.POST.get("wish") == "start":
                stop.start(actor=actor, reason=reason)
                messages.success(request, "The agents go on.")
            else:
                stop.stop(actor=actor, reason=reason)
                messages.success(request, "All agents are stopped.")
        except Problem as problem:
            messages.error(request, problem.message)
        return HttpResponseRedirect(reverse("admin:agents_stopswitch_changelist"))

    def _page(self, request: HttpRequest, form: forms.Form) -> HttpResponse:
        used = budget.read_today()
        context = {
            **self.admin_site.each_context(request),
            "title": "Stop switch and budgets",
            "opts": self.opts,
            "switch": stop.current(),
            "form": form if request.user.has_perm(stop.PERMISSION) else None,
            "budgets": budget.of_day(settings.AURA, used),
            "unpriced": used.unpriced,
            "writes_per_minute": settings.AURA.budget_writes_per_minute,
        }
        status = 400 if form.errors else 200
        return TemplateResponse(request, "admin/agents/stop.html", context, status=status)


admin.site.register(StopSwitch, StopSwitchAdmin)
admin.site.register(Incident, IncidentAdmin)
admin.site.register(HelpdeskTask, HelpdeskTaskAdmin)

admin.site.unregister(SecurityIncident)
admin.site.register(SecurityIncident, BundledIncidentAdmin)
