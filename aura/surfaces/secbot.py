""":9091 — secbot. Its detections come with the Governance issue."""

from django.urls import path

from aura.surfaces import plain
from aura.surfaces.metrics import Metrics

urlpatterns = [path("health", plain.health), path("metrics", Metrics.as_view())]

handler400 = plain.bad_request
handler404, handler500 = plain.not_found, plain.server_error
