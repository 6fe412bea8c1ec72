""":1199 — auditd. Its audit, approval and governance endpoints come with the Governance issue."""

from django.urls import path

from aura.surfaces import plain

urlpatterns = [path("health", plain.health)]

handler400 = plain.bad_request
handler404, handler500 = plain.not_found, plain.server_error
