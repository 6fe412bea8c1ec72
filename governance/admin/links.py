"""GET /admin/decide/:link/: where the links of notices lead."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import reverse

from governance.approvals.links import LinkRefused, follow


def from_notice(request: HttpRequest, signed: str) -> HttpResponse:
    """To the page of the request; a link that is over leads to the list, with a sentence."""
    if request.method not in {"GET", "HEAD"}:
        return HttpResponseNotAllowed(["GET", "HEAD"])
    if not request.user.has_perm("governance.view_approval"):
        raise PermissionDenied
    try:
        key = follow(signed)
    except LinkRefused as refused:
        messages.warning(request, str(refused))
        return HttpResponseRedirect(reverse("admin:governance_approval_changelist"))
    return HttpResponseRedirect(reverse("admin:governance_approval_change", args=[key]))
