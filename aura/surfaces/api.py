""":3000 — the Aura API in its document's order, its OpenAPI document, and the admin console.

The two streams are answered by `tickets.stream` before Django sees them; the views here describe
them in the OpenAPI document and refuse what is not a GET.
"""

from django.contrib import admin
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.urls import path
from django.urls.base import reverse
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

import tickets.api.openapi  # noqa: F401 - registers itself
from aura.kernel import http
from tickets.api.alerts import Alerts
from tickets.api.audit import Audit
from tickets.api.infrastructure import Argo, Cluster
from tickets.api.status import Health, Server
from tickets.api.streams import Streams
from tickets.api.views import Tickets


def home(request: HttpRequest) -> HttpResponseBase:
    """GET / leads to the console."""
    return redirect(reverse("admin:index", urlconf=__name__))


urlpatterns = [
    path("api/tickets", Tickets.as_view({"post": "create", "get": "list"})),
    path("api/tickets/<str:id>", Tickets.as_view({"get": "retrieve", "patch": "partial_update"})),
    path("api/tickets/<str:id>/cancel", Tickets.as_view({"post": "cancel"})),
    path("api/tickets/<str:id>/approve-plan", Tickets.as_view({"post": "approve_plan"})),
    path("api/tickets/<str:id>/reject-plan", Tickets.as_view({"post": "reject_plan"})),
    path("api/tickets/<str:id>/approve", Tickets.as_view({"post": "approve"})),
    path("api/tickets/<str:id>/answer", Tickets.as_view({"post": "answer"})),
    path("api/tickets/<str:id>/secrets/<str:name>", Tickets.as_view({"put": "secret_values"})),
    path("api/tickets/<str:id>/resume", Tickets.as_view({"post": "resume"})),
    path("api/tickets/<str:id>/run", Tickets.as_view({"post": "run"})),
    path("api/tickets/<str:id>/audit", Audit.as_view({"get": "of_ticket"})),
    path("api/audit", Audit.as_view({"get": "everything"})),
    path("api/tickets/<str:id>/stream", Streams.as_view({"get": "of_ticket"})),
    path("api/stream", Streams.as_view({"get": "everything"})),
    path("api/health", Health.as_view({"get": "retrieve"})),
    path("api/info", Server.as_view({"get": "info"})),
    path("api/stats", Server.as_view({"get": "stats"})),
    path("api/cluster/namespaces", Cluster.as_view({"get": "namespaces"})),
    path("api/cluster/pods", Cluster.as_view({"get": "pods"})),
    path("api/cluster/services", Cluster.as_view({"get": "services"})),
    path("api/cluster/deployments", Cluster.as_view({"get": "deployments"})),
    path("api/cluster/events", Cluster.as_view({"get": "events"})),
    path("api/argo/apps", Argo.as_view({"get": "list"})),
    path("api/argo/apps/<str:name>", Argo.as_view({"get": "retrieve"})),
    path("api/alerts", Alerts.as_view({"get": "list"})),
    path("api/alerts/<str:source>", Alerts.as_view({"post": "take"})),
    path("api/schema", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs", SpectacularSwaggerSplitView.as_view(url_name="schema"), name="docs"),
    path("", home),
    path("admin/", admin.site.urls),
]

handler400, handler403 = http.bad_request, http.forbidden
handler404, handler500 = http.not_found, http.server_error
