"""The inbox's page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.template.response import TemplateResponse

from aura.console.inbox import listing
from aura.console.inbox.items import FILTERS
from aura.console.inbox.wanted import Wanted

NO_QUERY = "?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tab:
    """A filter as a link."""

    name: str
    query: str
    current: bool
    waiting: int


def inbox(request: HttpRequest, context: dict[str, Any], counts: listing.Counts) -> HttpResponse:
    """GET /admin/inbox/ with `show`, `mine`, `q` and `page`, all optional."""
    if request.method not in {"GET", "HEAD"}:
        return HttpResponseNotAllowed(["GET", "HEAD"])
    if not listing.may_look(request.user):
        raise PermissionDenied
    wanted = Wanted.of(request)
    asked = request.GET.get("page", "")
    number = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 10 else 1  # noqa: PLR2004 - digits
    page = listing.page(wanted, number, counts)
    shown = {
        "title": "Inbox",
        "page": page,
        "wanted": wanted,
        "tabs": _tabs(wanted, counts),
        "mine": _query(wanted, mine=not wanted.mine),
        "newer": _query(wanted, page=page.number - 1) if page.number > 1 else "",
        "older": _query(wanted, page=page.number + 1) if page.number < page.of else "",
    }
    return TemplateResponse(request, "admin/inbox/page.html", {**context, **shown})


def _tabs(wanted: Wanted, counts: listing.Counts) -> list[Tab]:
    everything = Tab(
        name="All",
        query=_query(wanted, show=""),
        current=not wanted.show,
        waiting=counts.total(),
    )
    return [everything] + [
        Tab(
            name=name,
            query=_query(wanted, show=show),
            current=wanted.show == show,
            waiting=counts.total(kinds),
        )
        for show, (name, kinds) in FILTERS.items()
    ]


def _query(wanted: Wanted, **changed: Any) -> str:
    said = {"show": wanted.show, "mine": wanted.mine, "q": wanted.q, **changed}
    kept = {name: 1 if value is True else value for name, value in said.items() if value}
    return NO_QUERY + urlencode(kept)
