"""Alerts of monitoring systems: the list, each with its ticket."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from governance.admin.base import ReadOnlyAdmin, TimeFilter
from governance.templatetags.shown import visible
from tickets.models import Alert


class FiringFilter(admin.SimpleListFilter):
    """Firing or resolved."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        del request, model_admin
        return [("firing", "firing"), ("resolved", "resolved")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        del request
        if self.value() in {"firing", "resolved"}:
            return queryset.filter(resolved_at__isnull=self.value() == "firing")
        return queryset


class AlertAdmin(ReadOnlyAdmin):
    """Newest first; what is done about one is done on its ticket."""

    list_display = ["what", "state", "source", "ticket_link", "times", "received", "resolved"]
    list_display_links = None
    list_filter = [FiringFilter, "source", ("received_at", TimeFilter)]
    list_select_related = ["ticket"]
    search_fields = ["name", "fingerprint"]

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever may see tickets."""
        del obj
        return request.user.has_perm("tickets.view_ticket")

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    @admin.display(description="alert", ordering="name")
    def what(self, alert: Alert) -> str:
        return visible(alert.name)

    @admin.display(description="state")
    def state(self, alert: Alert) -> str:
        state, tone = ("resolved", "resolved") if alert.resolved_at else ("firing", "failed")
        return format_html('<span class="badge is-{}">{}</span>', tone, state)

    @admin.display(description="ticket")
    def ticket_link(self, alert: Alert) -> str:
        page = reverse("admin:tickets_ticket_change", args=[alert.ticket_id])
        return format_html('<a href="{}"><bdi>{}</bdi></a>', page, visible(alert.ticket.title))

    @admin.display(description="received (UTC)", ordering="received_at")
    def received(self, alert: Alert) -> str:
        return f"{alert.received_at:%Y-%m-%d %H:%M}"

    @admin.display(description="resolved (UTC)", ordering="resolved_at")
    def resolved(self, alert: Alert) -> str:
        return f"{alert.resolved_at:%Y-%m-%d %H:%M}" if alert.resolved_at else "-"
