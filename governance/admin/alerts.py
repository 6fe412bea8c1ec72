"""What secbot found: the list of its alerts, and the incidents they opened."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from governance.admin.base import LogAdmin, ReadOnlyAdmin, TimeFilter
from governance.models import AuditEvent, SecurityAlert
from governance.secbot.alerts import AlertType
from governance.templatetags.shown import visible


class AlertTypeFilter(admin.SimpleListFilter):
    """By type of alert, which is the type of its incident too."""

    title = parameter_name = "type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        del request, model_admin
        return [(kind.value, kind.value) for kind in AlertType]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        del request
        return queryset.filter(type=self.value()) if self.value() else queryset


def with_events(alerts: QuerySet[SecurityAlert]) -> QuerySet[SecurityAlert]:
    """Each with `event_pk`, the key of the event that raised it."""
    events = AuditEvent.objects.filter(key=OuterRef("event_key")).order_by()
    return alerts.annotate(event_pk=Subquery(events.values("pk")[:1]))


class SecurityAlertAdmin(LogAdmin, ReadOnlyAdmin):
    """The list of all alerts, newest first; each leads to the event that raised it."""

    list_display = ["time", "type", "severity", "about", "what", "opened", "raised_by"]
    list_display_links = None
    list_filter = [AlertTypeFilter, "severity", ("at", TimeFilter)]
    list_select_related = ["incident"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[SecurityAlert]:
        """One query for a page."""
        return with_events(super().get_queryset(request))

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
        url = reverse("admin:governance_securityincident_change", args=[incident.pk])
        state = "closed" if incident.closed_at else "open"
        return format_html('<a href="{}">{}</a>: {}', url, incident.key, state)

    @admin.display(description="event")
    def raised_by(self, alert: Any) -> str:
        if alert.event_pk is None:
            return visible(alert.event_key) or "-"
        url = reverse("admin:governance_auditevent_change", args=[alert.event_pk])
        return format_html('<a href="{}">{}</a>', url, alert.event_key)
