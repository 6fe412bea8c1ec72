"""A form that was sent after its session had ended, or from a page of an earlier login."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse

from governance import kept

FORBIDDEN = 403


def session_ended(request: HttpRequest, context: dict[str, Any]) -> TemplateResponse:
    """The login, which leads back to the form: nothing was done, and what was typed is kept."""
    typed = kept.of_form(request)
    login = reverse("admin:login")
    login_form = admin.site.login_form
    assert login_form is not None  # noqa: S101 - set in governance.admin; for the types
    own = {
        "title": "Log in",
        "form": login_form(request),
        "ended": True,
        "action": login,
        "next": reverse("admin:index") if request.path == login else request.path,
        "kept": typed.as_json() if typed else "",
    }
    return TemplateResponse(request, "admin/login.html", {**context, **own}, status=FORBIDDEN)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """CSRF_FAILURE_VIEW. Texts are kept where the browser says that a page of ours sent them;
    `aura.surfaces.middleware` has refused those of others.
    """
    del reason
    context = admin.site.each_context(request)
    if not admin.site.has_permission(request):
        return session_ended(request, context).render()
    typed = kept.of_form(request) if "Origin" in request.headers else None
    kept.keep(request, typed)
    own = {"title": "Not sent", "back": request.path, "typed": typed}
    answer = TemplateResponse(
        request, "admin/console/stale_form.html", {**context, **own}, status=FORBIDDEN
    )
    return answer.render()
