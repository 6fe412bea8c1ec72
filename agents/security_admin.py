"""Security incidents in the console, with their bundles: governance knows of no agents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse

from agents.helpdesk import security
from agents.models import ENDED_TASK, Incident
from aura.kernel.errors import Problem
from governance.admin.incidents import Bundle, SecurityIncidentAdmin
from governance.identity import decider
from governance.models import SecurityIncident
from governance.templatetags.shown import visible

ASK: Final = "agents.ask_agents"
SEE: Final = "agents.view_incident"


class BundledIncidentAdmin(SecurityIncidentAdmin):
    """Leads to the bundles of an incident, and has another one made."""

    def get_urls(self) -> list[URLPattern]:
        make = self.admin_site.admin_view(self.bundle_view)
        name = "governance_securityincident_bundle"
        return [path("<int:incident_id>/bundle/", make, name=name), *super().get_urls()]

    def bundles(self, request: HttpRequest, incident: SecurityIncident) -> Sequence[Bundle]:
        """Those that are made, and the calls that are at it or failed."""
        made = Incident.objects.filter(trace_id=incident.key).order_by("created_at", "pk")
        found = [
            Bundle(words=f"{one.key}: {one.description}", url=_page("agents_incident", one.pk))
            for one in (made if request.user.has_perm(SEE) else ())
        ]
        calls = security.calls_of(incident) if request.user.has_perm(ASK) else ()
        return found + [
            Bundle(words=f"{one.key}: {one.state}", url=_page("agents_helpdesktask", one.pk))
            for one in calls
            if one.state != "completed"
        ]

    def bundle_url(self, request: HttpRequest, incident: SecurityIncident) -> str:
        """For whoever may ask agents, while no call is at it."""
        if not request.user.has_perm(ASK) or _at_it(incident):
            return ""
        return reverse("admin:governance_securityincident_bundle", args=[incident.pk])

    def bundle_view(self, request: HttpRequest, incident_id: int) -> HttpResponse:
        """POST /admin/governance/securityincident/:id/bundle/"""
        if request.method != "POST":
            return self.page_of(incident_id)
        if not (request.user.has_perm(ASK) and self.has_view_permission(request)):
            raise PermissionDenied
        incident = self.get_object(request, str(incident_id))
        if incident is None:
            return self.absent(request, str(incident_id))
        if _at_it(incident):
            messages.warning(request, "A bundle is being made already.")
            return self.page_of(incident_id)
        words = f"Security incident {incident.key}: {incident.type} {incident.subject}"
        try:
            task = security.call_for_bundle(incident, description=words, by=decider(request.user))
            messages.success(request, f"A worker makes it now: {task.key}.")
        except Problem as problem:
            messages.error(request, visible(problem.message))
        return self.page_of(incident_id)


def _at_it(incident: SecurityIncident) -> bool:
    return security.calls_of(incident).exclude(state__in=ENDED_TASK).exists()


def _page(model: str, key: object) -> str:
    return reverse(f"admin:{model}_change", args=[key])
