"""The first middleware: picks the surface by port and turns foreign origins away."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import set_urlconf
from django.utils.cache import patch_vary_headers

from aura.kernel.clients import address
from aura.kernel.errors import ValidationFailed
from aura.kernel.http import problem_response
from aura.kernel.origins import ForeignHost, ForeignOrigin, refuse_foreign
from aura.surfaces.table import EMPTY, tables
from governance import refusals

CORS_METHODS = "GET, HEAD, POST, PATCH"
CORS_HEADERS = "Authorization, Content-Type, Last-Event-ID"


class SurfaceMiddleware:
    """`request.urlconf` by the port of the socket; origin checks; CORS for the allow-list."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        self.tables = tables(settings.AURA)
        self.api = self.tables[settings.AURA.ports.api]
        self.origins = settings.AURA.server_cors_origin

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        port = str(request.META.get("SERVER_PORT", ""))
        urlconf = self.tables.get(int(port) if port.isdigit() else 0, EMPTY)
        request.urlconf = urlconf
        set_urlconf(urlconf)
        host, origin = request.META.get("HTTP_HOST", ""), request.headers.get("Origin")
        try:
            refuse_foreign(host, origin, hosts=settings.ALLOWED_HOSTS, origins=self.origins)
        except (ForeignHost, ForeignOrigin) as problem:
            refusals.note_foreign(
                problem,
                address=address(request.META),
                route=f"{request.method} {request.path}",
                host=host,
                origin=origin,
            )
            return problem_response(problem, api=urlconf == self.api)
        if request.path.startswith("/admin") and "%00" in request.META.get("QUERY_STRING", ""):
            return problem_response(ValidationFailed("The query holds a NUL"))  # no text has one
        return self._answer(request, origin)

    def _answer(self, request: HttpRequest, origin: str | None) -> HttpResponseBase:
        if origin is None or origin not in self.origins:
            return self.get_response(request)
        asks = request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers
        # A browser asks without credentials, so no view that wants a login may answer it.
        response = HttpResponse(status=204) if asks else self.get_response(request)
        response["Access-Control-Allow-Origin"] = origin
        response["Access-Control-Allow-Methods"] = CORS_METHODS
        response["Access-Control-Allow-Headers"] = CORS_HEADERS
        patch_vary_headers(response, ["Origin"])
        return response
