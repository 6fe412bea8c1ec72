""":8080 — the gateway: the agents, the inventory, and governance in-process over what auditd
serves, or over another installation's (`upstream`), in the document's order.
"""

from django.urls import path
from drf_spectacular.views import SpectacularAPIView

import tickets.api.openapi  # noqa: F401 - registers itself
from agents.helpdesk.api.views import Agents, Incidents, Tasks, Tools
from aura.surfaces import plain
from governance.api.approvals import Approvals
from governance.api.events import Chain, Events, Journeys
from governance.api.inventory import Infrastructure
from governance.api.policy import Governance

TITLE = {"TITLE": "Gateway", "DESCRIPTION": "Agents, inventory and governance of Aura."}

urlpatterns = [
    path("api/v1/agents", Agents.as_view({"get": "list"})),
    path("api/v1/query", Agents.as_view({"post": "query"})),
    path("api/v1/incidents", Incidents.as_view({"post": "create", "get": "list"})),
    path("api/v1/db/<str:tool>", Tools.as_view({"post": "database"})),
    path("api/v1/k8s/<str:tool>", Tools.as_view({"post": "kubernetes"})),
    path("api/v1/research", Agents.as_view({"post": "research"})),
    path("api/v1/tools", Agents.as_view({"get": "tools"})),
    path("api/v1/tools/<str:name>", Agents.as_view({"get": "tool"})),
    path("api/v1/tasks", Tasks.as_view({"get": "list"})),
    path("api/v1/tasks/<str:task_id>", Tasks.as_view({"get": "retrieve"})),
    path("api/v1/tasks/<str:task_id>/cancel", Tasks.as_view({"post": "cancel"})),
    path("api/v1/infrastructure", Infrastructure.as_view({"get": "summary"})),
    path("api/v1/databases", Infrastructure.as_view({"get": "databases"})),
    path(
        "api/v1/governance",
        Governance.as_view({"get": "info"}, upstream="/v1/governance/info"),
    ),
    path(
        "api/v1/governance/policies",
        Governance.as_view({"get": "policies"}, upstream="/v1/governance/policies"),
    ),
    path(
        "api/v1/governance/explain",
        Governance.as_view({"get": "explain"}, upstream="/v1/governance/explain"),
    ),
    path(
        "api/v1/governance/events",
        Events.as_view({"get": "list"}, upstream="/v1/events"),
    ),
    path(
        "api/v1/governance/events/<str:event_id>",
        Events.as_view({"get": "retrieve"}, upstream="/v1/events/{event_id}"),
    ),
    path(
        "api/v1/governance/approvals/pending",
        Approvals.as_view({"get": "pending"}, upstream="/v1/approvals/pending"),
    ),
    path(
        "api/v1/governance/approvals",
        Approvals.as_view({"get": "list"}, upstream="/v1/approvals"),
    ),
    path(
        "api/v1/governance/verify",
        Chain.as_view({"get": "verify"}, upstream="/v1/verify"),
    ),
    path(
        "api/v1/governance/journeys",
        Journeys.as_view({"get": "list"}, upstream="/v1/journeys"),
    ),
    path("api/v1/schema", SpectacularAPIView.as_view(urlconf=__name__, custom_settings=TITLE)),
    path("health", plain.health),
]

handler400 = plain.bad_request
handler404, handler500 = plain.not_found, plain.server_error
