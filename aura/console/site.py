"""The admin site: Django's, with the inbox, and what the frame of every page shows."""

from __future__ import annotations

from functools import update_wrapper
from typing import Any

from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, path
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache

from aura.console import catalogue, ended, navigation, roles
from aura.console.inbox import listing
from aura.console.inbox.views import inbox
from aura.console.inbox.wanted import Wanted
from governance import kept
from governance.access import role_of
from tickets.events import STREAMED, WAITING_CHANGED

STREAM = "/api/stream?waiting=1"
FIRST = 10  # of the inbox, on the first page


class ConsoleSite(AdminSite):
    """What pages may show of the person and of what waits comes from `each_context`."""

    def get_urls(self) -> list[URLPattern | URLResolver]:
        return [
            path("inbox/", self.admin_view(self.inbox_view), name="inbox"),
            path("inbox/counts/", self.admin_view(self.counts_view), name="inbox_counts"),
            path("dashboard/", self.admin_view(self.dashboard_view), name="dashboard"),
            path("tools/", self.admin_view(self.tools_view), name="tools"),
            path("tools/<str:agent>/<str:name>/", self.admin_view(self.tool_view), name="tool"),
            path("decide/<str:signed>/", self.admin_view(self.from_notice), name="from_notice"),
            path("roles/", self.admin_view(self.roles_view), name="roles"),
            path("inventory/", self.admin_view(self.inventory_view), name="inventory"),
            *super().get_urls(),
        ]

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:  # noqa: FBT001, FBT002 - Django's
        """Django's, but for forms that arrive when their session has ended."""
        inner = super().admin_view(view, cacheable)

        def asked(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            if kept.of_form(request) and not request.user.is_authenticated:
                return ended.session_ended(request, self.each_context(request))
            return inner(request, *args, **kwargs)

        return update_wrapper(asked, inner)

    @method_decorator(never_cache)
    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """/admin/login/, which brings along what was typed when a session had ended."""
        context = {**(extra_context or {}), "kept": request.POST.get(kept.FIELD, "")}
        answer = super().login(request, context)
        if request.method == "POST" and self.has_permission(request):
            kept.keep_over_login(request)
        return answer

    def inbox_view(self, request: HttpRequest) -> HttpResponse:
        """GET /admin/inbox/"""
        context = self.each_context(request)
        return inbox(request, context, context["waiting"])

    def dashboard_view(self, request: HttpRequest) -> HttpResponse:
        """GET /admin/dashboard/"""
        # tickets.admin registers its pages with this site when it is imported.
        from tickets.admin.dashboard.view import dashboard  # noqa: PLC0415

        return dashboard(request, self.each_context(request))

    def tools_view(self, request: HttpRequest) -> HttpResponse:
        """GET /admin/tools/"""
        # As above: its figures are the dashboard's.
        from aura.console.tools.views import tools  # noqa: PLC0415

        return tools(request, self.each_context(request))

    def tool_view(self, request: HttpRequest, agent: str, name: str) -> HttpResponse:
        """GET, POST /admin/tools/:agent/:name/"""
        from aura.console.tools.views import tool  # noqa: PLC0415 - likewise

        return tool(request, self.each_context(request), agent, name)

    def inventory_view(self, request: HttpRequest) -> HttpResponse:
        """GET /admin/inventory/"""
        return catalogue.inventory(request, self.each_context(request))

    def roles_view(self, request: HttpRequest) -> HttpResponse:
        """GET /admin/roles/"""
        return roles.roles(request, self.each_context(request))

    def from_notice(self, request: HttpRequest, signed: str) -> HttpResponse:
        """GET /admin/decide/:signed/"""
        # As above, of governance.admin.
        from governance.admin import links  # noqa: PLC0415

        return links.from_notice(request, signed, self.each_context)

    def counts_view(self, request: HttpRequest) -> HttpResponse:
        """GET /admin/inbox/counts/: for pages that stay as they are while things happen."""
        return TemplateResponse(request, "admin/inbox/counts.html", self.each_context(request))

    def index(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        """GET /admin/"""
        context = self.each_context(request)
        first = listing.page(Wanted.everything(request), 1, context["waiting"]).items[:FIRST]
        return TemplateResponse(
            request,
            "admin/index.html",
            {**context, "title": "Home", **(extra_context or {}), "first": first},
        )

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """For every page. Somebody who may not be here is told nothing."""
        context = super().each_context(request)
        if not context["has_permission"]:
            return context
        waiting = listing.counts(Wanted.everything(request))
        return {
            **context,
            "waiting": waiting,
            "waiting_total": waiting.asked,
            "rooms": navigation.links(request, waiting.by_room),
            "role": _role(request.user),
            "kept": kept.shown(request),
            "stream_url": STREAM,
            "stream_events": " ".join(sorted({*STREAMED.values(), WAITING_CHANGED})),
        }


def _role(user: Any) -> str:
    return "superuser" if user.is_superuser else role_of(user) or "no role"
