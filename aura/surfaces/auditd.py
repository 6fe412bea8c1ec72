""":1199 — auditd: the log, requests for approval, and the policy, in the document's order.

Waiting for an approval is answered by `governance.api.waiting` before Django sees it; its view here
describes it in the OpenAPI document and refuses what is not a GET.
"""

from django.urls import path
from drf_spectacular.views import SpectacularAPIView

import tickets.api.openapi  # noqa: F401 - registers itself
from aura.surfaces import plain
from governance.api.approvals import Approvals
from governance.api.events import Chain, Events, Journeys
from governance.api.policy import Governance

TITLE = {"TITLE": "auditd", "DESCRIPTION": "Audit events, approvals and governance of Aura."}

urlpatterns = [
    path("v1/events", Events.as_view({"post": "create", "get": "list"})),
    path("v1/events/<str:event_id>/outcome", Events.as_view({"post": "outcome"})),
    path("v1/events/<str:event_id>", Events.as_view({"get": "retrieve"})),
    path("v1/verify", Chain.as_view({"get": "verify"})),
    path("v1/approvals", Approvals.as_view({"post": "create", "get": "list"})),
    path("v1/approvals/pending", Approvals.as_view({"get": "pending"})),
    path("v1/approvals/<str:approval_id>", Approvals.as_view({"get": "retrieve"})),
    path("v1/approvals/<str:approval_id>/wait", Approvals.as_view({"get": "wait"})),
    path("v1/approvals/<str:approval_id>/approve", Approvals.as_view({"post": "approve"})),
    path("v1/approvals/<str:approval_id>/deny", Approvals.as_view({"post": "deny"})),
    path("v1/approvals/<str:approval_id>/cancel", Approvals.as_view({"post": "cancel"})),
    path("v1/approvals/<str:approval_id>/revoke", Approvals.as_view({"post": "revoke"})),
    path("v1/governance/info", Governance.as_view({"get": "info"})),
    path("v1/governance/policies", Governance.as_view({"get": "policies"})),
    path("v1/governance/explain", Governance.as_view({"get": "explain"})),
    path("v1/governance/check", Governance.as_view({"post": "check"})),
    path("v1/journeys", Journeys.as_view({"get": "list"})),
    path("v1/schema", SpectacularAPIView.as_view(urlconf=__name__, custom_settings=TITLE)),
    path("health", plain.health),
]

handler400 = plain.bad_request
handler404, handler500 = plain.not_found, plain.server_error
