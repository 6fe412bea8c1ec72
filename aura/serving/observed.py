"""Every HTTP request gets a trace, an access line, a place in the metrics and a span."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from typing import Any

from prometheus_client import Counter, Histogram

from aura.kernel.clients import address_of_scope
from aura.kernel.secrets import redact
from aura.kernel.telemetry import context, metrics, tracing
from aura.kernel.telemetry.context import Exchange, Trace
from aura.kernel.telemetry.logs import ACCESS
from aura.serving.answers import App, Message, Receive, Scope, Send

HEADER = b"x-trace-id"
GATEWAY = "gateway"
CLIENT_LEFT = 499  # as nginx writes it: no answer was begun
FIRST_ERROR, FIRST_FAULT, UNAVAILABLE = 400, 500, 503
METHODS = frozenset({"GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS"})
QUIET = frozenset({"/health", "/api/health", "/metrics"})  # asked every few seconds, for ever
PATH_CHARS = 200

_access = logging.getLogger(ACCESS)
_PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")


class Observed:
    """ASGI middleware for HTTP scopes. `surfaces`: port -> name."""

    def __init__(self, app: App, surfaces: Mapping[int, str]) -> None:
        self.app = app
        self.surfaces = surfaces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        surface = self.surfaces.get(scope["server"][1], "other")
        trace = _trace_of(scope, surface)
        request = Exchange(began=time.perf_counter())
        with context.using(trace, request):
            try:
                if tracing.started():
                    await self._traced(scope, receive, _tell(request, trace, surface, send), trace)
                else:
                    await self.app(scope, receive, _tell(request, trace, surface, send))
            except Exception:
                request.status = request.status or FIRST_FAULT
                raise
            finally:
                _ended(scope, request, surface)

    async def _traced(self, scope: Scope, receive: Receive, send: Send, trace: Trace) -> None:
        """Named by its route, which is known only at the end."""
        method = _method(scope)
        with tracing.span(method, kind="server", parent=trace, http_request_method=method) as span:
            try:
                await self.app(scope, receive, send)
            finally:
                request = context.exchange()
                assert request is not None  # noqa: S101 - set by our only caller
                span.rename(f"{method} {_route(scope, request)}")
                span.set("http_response_status_code", request.status)
                if request.ticket:
                    span.set("ticket", request.ticket)
                if request.status >= FIRST_FAULT:
                    span.fail(str(request.status))


def _trace_of(scope: Scope, surface: str) -> Trace:
    traceparent = pinned = ""
    for name, value in scope["headers"]:
        if name == b"traceparent":
            traceparent = value.decode("latin-1")
        elif name == HEADER:
            pinned = value.decode("latin-1")
    prefix = _prefix(scope["path"]) if surface == GATEWAY else ""
    return context.incoming(traceparent=traceparent, pinned=pinned, prefix=prefix)


def _prefix(path: str) -> str:
    """How the ids of traces begin that the gateway makes (aiHelpDesk behaviour §1.1)."""
    return "dt_" if path.startswith(("/api/v1/db/", "/api/v1/k8s/")) else "tr_"


def _tell(request: Exchange, trace: Trace, surface: str, send: Send) -> Callable[[Message], Any]:
    """`send` that notes the status and says the trace's id."""

    async def tell(message: Message) -> None:
        if message["type"] == "http.response.start":
            request.status = message["status"]
            headers = list(message["headers"])
            if any(n == b"content-type" and v == b"text/event-stream" for n, v in headers):
                request.stream = True
                metrics.STREAMS_OPEN.labels(surface).inc()
            if all(name != HEADER for name, _ in headers):  # it may name one made on the way
                headers.append((HEADER, trace.id.encode()))
            message = {**message, "headers": headers}
        await send(message)

    return tell


def _ended(scope: Scope, request: Exchange, surface: str) -> None:
    seconds = time.perf_counter() - request.began
    status, method, route = request.status or CLIENT_LEFT, _method(scope), _route(scope, request)
    _requests(surface, route, method, status).inc()
    if request.stream:
        metrics.STREAMS_OPEN.labels(surface).dec()
    else:
        _seconds(surface, route, method).observe(seconds)
    level = _level(scope["path"], status)
    if not _access.isEnabledFor(level):
        return
    line = {
        "surface": surface,
        "method": method,
        "route": route,
        "status": status,
        "duration_ms": round(seconds * 1000, 2),
        "client": _client(scope),
    }
    if not request.route:
        line["path"] = redact(scope["path"][:PATH_CHARS])
    if request.ticket:
        line["ticket"] = request.ticket
    if request.user:
        line["user"] = request.user
    _access.log(level, "request", extra={"access": line})


# Labels are bounded (`metrics`), so these are too; to look a metric up takes longer than to count.
@cache
def _requests(surface: str, route: str, method: str, status: int) -> Counter:
    return metrics.HTTP_REQUESTS.labels(surface, route, method, str(status))


@cache
def _seconds(surface: str, route: str, method: str) -> Histogram:
    return metrics.HTTP_SECONDS.labels(surface, route, method)


def _client(scope: Scope) -> str:
    """Only what came through a proxy needs a closer look."""
    if any(name == b"x-forwarded-for" for name, _ in scope["headers"]):
        return address_of_scope(scope)
    return str(scope["client"][0]) if scope.get("client") else ""


def _level(path: str, status: int) -> int:
    if status >= FIRST_FAULT and status != UNAVAILABLE:  # of which the cause is told, once
        return logging.ERROR
    return logging.DEBUG if path in QUIET and status < FIRST_ERROR else logging.INFO


def _method(scope: Scope) -> str:
    return scope["method"] if scope["method"] in METHODS else "OTHER"


def _route(scope: Scope, request: Exchange) -> str:
    """The route as the documents write it; a path that no table knows is no label."""
    if request.route:
        return _written(request.route)
    return "static" if scope["path"].startswith("/static/") else "unmatched"


@lru_cache(512)
def _written(route: str) -> str:
    return "/" + _PARAMETER.sub(r":\1", route).lstrip("/")
