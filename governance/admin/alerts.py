"""What secbot found: the list of its alerts, and the incidents they opened."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from governance.admin.base import ReadOnlyAdmin, TimeFilter
from governance.models import AuditEvent, SecurityAlert
from governance.templatetags.shown import visible


class SecurityAlertAdmin(ReadOnlyAdmin):
    """The list of all alerts, newest first; each leads to the event that raised it."""

    list_display = ["time", "type", "severity", "about", "what", "opened", "raised_by"]
    list_display_links = None
    list_filter = ["type", "severity", ("at", TimeFilter)]
    list_select_related = ["incident"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[SecurityAlert]:
        """Alerts with the key of their event, one query for a page."""
        events = AuditEvent.objects.filter(key=OuterRef("event_key")).order_by()
        alerts: QuerySet[SecurityAlert] = super().get_queryset(request)
        return alerts.annotate(event_pk=Subquery(events.values("pk")[:1]))

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever may read the log."""
        del obj
        return request.user.has_perm("governance.view_auditevent")

    @admin.display(description="time (UTC)", ordering="at")
    def time(self, alert: SecurityAlert) -> str:
        return alert.at.strftime("%Y-%m-%d %H:%M:%S")

    @admin.display(description="about")
    def about(self, alert: SecurityAlert) -> str:
        return visible(alert.subject)

    @admin.display(description="what")
    def what(self, alert: SecurityAlert) -> str:
        return visible(alert.message)

    @admin.display(description="incident")
    def opened(self, alert: SecurityAlert) -> str:
        if alert.incident is None:
            return "a repetition"
        incident = alert.incident
        return f"{incident.key}: {incident.note or incident.status}"

    @admin.display(description="event")
    def raised_by(self, alert: Any) -> str:
        if alert.event_pk is None:
            return visible(alert.event_key) or "-"
        url = reverse("admin:governance_auditevent_change", args=[alert.event_pk])
        return format_html('<a href="{}">{}</a>', url, alert.event_key)
