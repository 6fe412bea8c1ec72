"""Security incidents: what led to each, and closing it with a reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Max, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.html import format_html

from aura.kernel.errors import Problem
from governance.access import DECIDE
from governance.admin.alerts import AlertTypeFilter, with_events
from governance.admin.base import LogAdmin, TimeFilter, TraceAdmin, Words, focus_on_error
from governance.identity import decider
from governance.models import Approval, SecurityAlert, SecurityIncident
from governance.secbot import closing
from governance.templatetags.shown import visible

MOST: Final = 50  # alerts, and requests, that a page shows


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """A diagnostic bundle of an incident, or a try to make one; `url` is empty without a page."""

    words: str
    url: str = ""


class StateFilter(admin.SimpleListFilter):
    """Open or closed."""

    title = parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        del request, model_admin
        return [("open", "open"), ("closed", "closed")]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[SecurityIncident]
    ) -> QuerySet[SecurityIncident]:
        del request
        wanted = {"open": True, "closed": False}.get(self.value() or "")
        return queryset if wanted is None else queryset.filter(closed_at__isnull=wanted)


class ClosingForm(forms.Form):
    """What became of it ends the incident."""

    reason = Words(label="What became of it", help_text="Goes into the log.")
    alike = forms.BooleanField(required=False, label="Close the others too")

    def __init__(self, *args: Any, others: int, **options: Any) -> None:
        super().__init__(*args, **options)
        if others:
            more = "other that is" if others == 1 else f"{others} others that are"
            self.fields["alike"].label = f"Close the {more} open about the same too"
        else:
            del self.fields["alike"]


class SecurityIncidentAdmin(LogAdmin, TraceAdmin):
    """The list of incidents, newest first, and one page each, where it is closed."""

    list_display = ["opened", "what", "bundled", "state"]
    list_display_links = ["what"]
    list_filter = [StateFilter, AlertTypeFilter, ("opened_at", TimeFilter)]
    search_fields = ["key__exact", "subject__icontains"]
    search_help_text = "id (inc_…), or whom it is about"

    def get_urls(self) -> list[URLPattern]:
        close = self.admin_site.admin_view(self.close_view)
        name = "governance_securityincident_close"
        return [path("<int:incident_id>/close/", close, name=name), *super().get_urls()]

    # --- what a product on top of governance may know better ---

    def bundles(self, request: HttpRequest, incident: SecurityIncident) -> Sequence[Bundle]:
        """The bundles of an incident that this person may see."""
        del request
        if not isinstance(incident.bundle, dict):
            return []
        said = incident.bundle
        return [Bundle(words=f"{said.get('incident_id', '')} {said.get('bundle_path', '')}")]

    def bundle_url(self, request: HttpRequest, incident: SecurityIncident) -> str:
        """Where a POST has a bundle made; empty where this person may not, or nobody can."""
        del request, incident
        return ""

    # --- pages ---

    def show(self, request: HttpRequest, incident: SecurityIncident, /) -> HttpResponse:
        """GET /admin/governance/securityincident/:id/change/"""
        return self._page(request, incident)

    def close_view(self, request: HttpRequest, incident_id: int) -> HttpResponse:
        """POST /admin/governance/securityincident/:id/close/"""
        if request.method != "POST":
            return self.page_of(incident_id)
        if not (request.user.has_perm(DECIDE) and self.has_view_permission(request)):
            raise PermissionDenied
        incident = self.get_object(request, str(incident_id))
        if incident is None:
            return self.absent(request, str(incident_id))
        form = _form(incident, request.POST)
        if not form.is_valid():
            return self._page(request, incident, focus_on_error(form), status=400)
        said = form.cleaned_data
        try:
            closed = closing.close(
                incident.pk,
                by=decider(request.user),
                reason=said["reason"],
                alike=said.get("alike", False),
            )
        except Problem as problem:
            messages.error(request, visible(problem.message))
            return self._page(request, incident, form, status=problem.status)
        words = "The incident is" if len(closed) == 1 else f"{len(closed)} incidents are"
        messages.success(request, f"{words} closed.")
        return self.page_of(incident.pk)

    def _page(
        self,
        request: HttpRequest,
        incident: SecurityIncident,
        form: forms.Form | None = None,
        *,
        status: int = 200,
    ) -> HttpResponse:
        incident.refresh_from_db()
        because = _because(request, incident)
        may = incident.closed_at is None and not because
        led = alerts_of(incident)
        alerts = list(led[:MOST])
        seen = led.aggregate(times=Count("pk"), last=Max("at"))
        context = {
            **self.admin_site.each_context(request),
            "title": f"Security incident {incident.key}",
            "opts": self.opts,
            "incident": incident,
            "alerts": [
                (alert, self.trace_link(alert.trace_id) if alert.trace_id else "")
                for alert in alerts
            ],
            "seen": seen,
            "more_alerts": seen["times"] - len(alerts),
            "requests": _requests(request, alerts),
            "bundles": self.bundles(request, incident),
            "bundle_url": self.bundle_url(request, incident),
            "because": because,
            "form": (form or _form(incident)) if may else None,
        }
        template = "admin/governance/securityincident/page.html"
        return TemplateResponse(request, template, context, status=status)

    # --- columns ---

    @admin.display(description="opened (UTC)", ordering="opened_at")
    def opened(self, incident: SecurityIncident) -> str:
        return f"{incident.opened_at:%Y-%m-%d %H:%M}"

    @admin.display(description="what", ordering="type")
    def what(self, incident: SecurityIncident) -> str:
        return visible(f"{incident.type}: {incident.subject}")

    @admin.display(description="bundle")
    def bundled(self, incident: SecurityIncident) -> str:
        return "made" if incident.bundle is not None else "none yet"

    @admin.display(description="status", ordering="closed_at")
    def state(self, incident: SecurityIncident) -> str:
        if incident.closed_at is None:
            return format_html('<span class="badge is-incident">{}</span>', "open")
        return f"closed by {visible(incident.closed_by)}"


def alerts_of(incident: SecurityIncident) -> QuerySet[SecurityAlert]:
    """The alert that opened it and its repetitions, until it was closed or the next one opened;
    each with the key of its event.
    """
    alike = SecurityAlert.objects.filter(type=incident.type, subject=incident.subject)
    alike = alike.filter(Q(incident=None) | Q(incident=incident), at__gte=incident.opened_at)
    same = SecurityIncident.objects.filter(type=incident.type, subject=incident.subject)
    later = same.filter(opened_at__gt=incident.opened_at).order_by("opened_at").first()
    ends = [at for at in (incident.closed_at, later.opened_at if later else None) if at]
    if ends:
        alike = alike.filter(at__lte=min(ends))
    return with_events(alike).order_by("at", "pk")


def _requests(request: HttpRequest, alerts: Sequence[SecurityAlert]) -> Sequence[Approval]:
    """What was asked for, and maybe released, in the traces that the alerts are about."""
    traces = {alert.trace_id for alert in alerts} - {""}
    if not traces or not request.user.has_perm("governance.view_approval"):
        return []
    rows = Approval.objects.filter(trace_id__in=traces).order_by("-requested_at", "-pk")
    return list(rows.defer("arguments", "context")[:MOST])


def _because(request: HttpRequest, incident: SecurityIncident) -> str:
    """Why this person may not close it; empty where they may."""
    if not request.user.has_perm(DECIDE):
        return "It takes the role approver or above to close it."
    if closing.about(incident, request.user.get_username()):
        return "Somebody else must close it: it is about you."
    return ""


def _form(incident: SecurityIncident, *data: Any) -> ClosingForm:
    return ClosingForm(*data, others=closing.others_open(incident).count())
