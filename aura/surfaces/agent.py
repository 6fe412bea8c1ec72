""":1100-:1106 — the helpdesk agents. Their A2A endpoints come with the Agents issue."""

from django.urls import URLPattern

from aura.surfaces import plain

urlpatterns: list[URLPattern] = []

handler400 = plain.bad_request
handler404, handler500 = plain.not_found, plain.server_error
