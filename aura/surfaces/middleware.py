"""The first middleware: picks the surface by port and turns foreign origins away."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import set_urlconf
from django.utils.cache import patch_vary_headers

from aura.kernel.errors import Forbidden, ValidationFailed
from aura.kernel.http import problem_response
from aura.kernel.origins import own_host, own_origin
from aura.surfaces.table import EMPTY, tables

CORS_METHODS = "GET, HEAD, POST, PATCH"
CORS_HEADERS = "Authorization, Content-Type, Last-Event-ID"


class SurfaceMiddleware:
    """`request.urlconf` by the port of the socket; origin checks; CORS for the allow-list."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        self.tables = tables(settings.AURA)
        self.origins = settings.AURA.server_cors_origin

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        port = str(request.META.get("SERVER_PORT", ""))
        urlconf = self.tables.get(int(port) if port.isdigit() else 0, EMPTY)
        request.urlconf = urlconf
        set_urlconf(urlconf)
        host = request.META.get("HTTP_HOST", "")
        if host and not own_host(host, settings.ALLOWED_HOSTS):
            return problem_response(ValidationFailed("The Host header names another host"))
        if request.path.startswith("/admin") and "%00" in request.META.get("QUERY_STRING", ""):
            return problem_response(ValidationFailed("The query holds a NUL"))  # no text has one
        origin = request.headers.get("Origin")
        if not own_origin(origin, host=host, allowed=self.origins):
            return problem_response(Forbidden("Requests from other origins are not allowed"))
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
