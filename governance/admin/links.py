"""GET /admin/decide/:link/: where the links of messages lead."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse

from governance.notices.links import LinkRefused, follow


def from_notice(
    request: HttpRequest, signed: str, context: Callable[[HttpRequest], Mapping[str, Any]]
) -> HttpResponse:
    """To the page it was made for, which looks at rights itself; or a page that says why not."""
    if request.method != "GET":  # a look ahead (HEAD) must not use it up
        return HttpResponseNotAllowed(["GET"])
    try:
        return HttpResponseRedirect(follow(signed, person=request.user.get_username()))
    except LinkRefused as refused:
        return TemplateResponse(
            request,
            "admin/console/link_refused.html",
            {
                **context(request),
                "title": refused.title,
                "said": str(refused),
                "leads_to": refused.page,
            },
            status=refused.status,
        )
