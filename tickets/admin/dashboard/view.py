"""GET /admin/dashboard/."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from tickets.admin.dashboard import facts, panels

PERMISSION = "tickets.view_ticket"


def dashboard(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """The page, for whoever may see tickets; `context` is that of every page."""
    if not request.user.has_perm(PERMISSION):
        raise PermissionDenied
    found = facts.latest()
    shown = {
        "title": "Dashboard",
        "numbers": panels.numbers(found),
        "panels": panels.panels(found),
    }
    return TemplateResponse(request, "admin/dashboard/page.html", {**context, **shown})
