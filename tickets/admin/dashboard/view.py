"""GET /admin/dashboard/?days=7|30|90."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from tickets.admin.dashboard import facts, health, numbers, panels
from tickets.admin.dashboard.shapes import RANGES, USUAL

PERMISSION = "tickets.view_ticket"


def dashboard(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """The page, for whoever may see tickets; `context` is that of every page."""
    if not request.user.has_perm(PERMISSION):
        raise PermissionDenied
    length = _length(request)
    found = facts.latest().within(length)
    shown = {
        "title": "Dashboard",
        "length": length,
        "ranges": RANGES,
        "faults": health.faults(found),
        "at_work": health.at_work(found),
        "numbers": numbers.numbers(found),
        "panels": panels.panels(found),
    }
    return TemplateResponse(request, "admin/dashboard/page.html", {**context, **shown})


def _length(request: HttpRequest) -> int:
    """The days that were asked for; the usual ones for what is none of the choices."""
    return next((n for n in RANGES if str(n) == request.GET.get("days")), USUAL)
