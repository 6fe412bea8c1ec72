"""Incident bundles in the console: the list, a page each, and the archive itself."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.html import format_html

from agents.incident import bundles, download
from agents.incident.archive import SUFFIX
from agents.models import Incident
from aura.kernel.errors import Problem
from governance.admin.base import TraceAdmin
from governance.identity import principal
from governance.templatetags.shown import visible


class IncidentAdmin(TraceAdmin):
    """The list of all bundles, newest first; each leads to its page."""

    list_display = ["time", "key", "about", "what", "layered", "missing"]
    list_display_links = ["key"]
    list_filter = ["created_at"]
    search_fields = ["key", "infra_key"]
    search_help_text = "id, or what it was filed under"

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.download_view)
        name = "agents_incident_download"
        return [path("<int:incident_id>/download/", view, name=name), *super().get_urls()]

    def show(self, request: HttpRequest, incident: Incident, /) -> HttpResponse:
        """GET /admin/agents/incident/:id/change/"""
        context = {
            **self.admin_site.each_context(request),
            "title": f"Incident bundle {incident.key}",
            "opts": self.opts,
            "incident": incident,
            "manifest": bundles.manifest(incident),
            "trace": self.trace_link(incident.trace_id),
        }
        return TemplateResponse(request, "admin/agents/incident.html", context)

    def download_view(self, request: HttpRequest, incident_id: int) -> HttpResponse:
        """POST /admin/agents/incident/:id/download/"""
        if request.method != "POST":
            return self.page_of(incident_id)
        if not self.has_view_permission(request):
            raise PermissionDenied
        incident = self.get_object(request, str(incident_id))
        if incident is None:
            return self.absent(request, str(incident_id))
        try:
            archive = download.take(incident, by=principal(request.user))
        except Problem as problem:
            messages.error(request, visible(problem.message))
            return self.page_of(incident_id)
        disposition = f'attachment; filename="{incident.name}{SUFFIX}"'
        return HttpResponse(
            archive,
            content_type="application/gzip",
            headers={"Content-Disposition": disposition, "Cache-Control": "no-store"},
        )

    @admin.display(description="time (UTC)", ordering="created_at")
    def time(self, incident: Incident) -> str:
        return incident.created_at.strftime("%Y-%m-%d %H:%M:%S")

    @admin.display(description="filed under", ordering="infra_key")
    def about(self, incident: Incident) -> str:
        return visible(incident.infra_key)

    @admin.display(description="what happened")
    def what(self, incident: Incident) -> str:
        return format_html("<bdi>{}</bdi>", visible(incident.description)[:200])

    @admin.display(description="layers")
    def layered(self, incident: Incident) -> str:
        return ", ".join(incident.layers)

    @admin.display(description="errors")
    def missing(self, incident: Any) -> int:
        return len(incident.errors)
