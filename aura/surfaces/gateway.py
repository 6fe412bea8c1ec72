""":8080 — the gateway: governance, in-process over what auditd serves, and the inventory.

Its agents' endpoints come with the Agents issue.
"""

from django.urls import path
from drf_spectacular.views import SpectacularAPIView

import tickets.api.openapi  # noqa: F401 - registers itself
from aura.surfaces import plain
from governance.api.approvals import Approvals
from governance.api.events import Chain, Events, Journeys
from governance.api.inventory import Infrastructure
from governance.api.policy import Governance

TITLE = {"TITLE": "Gateway", "DESCRIPTION": "Governance and inventory of Aura, for reading."}

urlpatterns = [
    path("api/v1/infrastructure", Infrastructure.as_view({"get": "summary"})),
    path("api/v1/databases", Infrastructure.as_view({"get": "databases"})),
    path("api/v1/governance", Governance.as_view({"get": "info"})),
    path("api/v1/governance/policies", Governance.as_view({"get": "policies"})),
    path("api/v1/governance/explain", Governance.as_view({"get": "explain"})),
    path("api/v1/governance/events", Events.as_view({"get": "list"})),
    path("api/v1/governance/events/<str:event_id>", Events.as_view({"get": "retrieve"})),
    path("api/v1/governance/approvals/pending", Approvals.as_view({"get": "pending"})),
    path("api/v1/governance/approvals", Approvals.as_view({"get": "list"})),
    path("api/v1/governance/verify", Chain.as_view({"get": "verify"})),
    path("api/v1/governance/journeys", Journeys.as_view({"get": "list"})),
    path("api/v1/schema", SpectacularAPIView.as_view(urlconf=__name__, custom_settings=TITLE)),
    path("health", plain.health),
]

handler400 = plain.bad_request
handler404, handler500 = plain.not_found, plain.server_error
