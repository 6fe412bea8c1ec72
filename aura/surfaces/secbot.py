""":9091 — secbot: health, what all of the product counted, and the callback of a bundle."""

from django.urls import path

from aura.surfaces import plain
from aura.surfaces.metrics import Metrics
from governance.api.secbot import Callback

urlpatterns = [
    path("health", plain.health),
    path("metrics", Metrics.as_view()),
    path("callback", Callback.as_view({"post": "create"})),
]

handler400 = plain.bad_request
handler404, handler500 = plain.not_found, plain.server_error
