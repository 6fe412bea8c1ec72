"""The one outer ASGI application. The port of the connection picks the surface.

Event streams go to raw asynchronous code, everything else to Django through the bridge.
"""

from __future__ import annotations

import re
from importlib import import_module

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from aura.kernel.ids import parse_uuid
from aura.kernel.telemetry import context
from aura.seeing import see
from aura.serving.answers import App, Receive, Scope, Send, refusal
from aura.serving.bridge import Bridge
from aura.serving.headers import SecureHeaders
from aura.serving.observed import Observed
from aura.serving.streams import open_streams
from aura.surfaces.access import stream_permission
from aura.surfaces.table import tables

STREAM_PATH = re.compile(r"/api/(stream|tickets/[^/]+/stream)")
HEALTH_PATH = "/api/health"
LINK_EVERY_S = 0.02  # of a burst of requests, all that came meanwhile are linked together

API_PORT: int = settings.AURA.ports.api
bridge = Bridge(get_wsgi_application(), api_port=API_PORT)
secure = SecureHeaders(hsts_s=settings.SECURE_HSTS_SECONDS)


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    match scope["type"]:
        case "http":
            await observed(scope, receive, secure.on(scope, send))
        case "lifespan":
            await _lifespan(receive, send)
        case "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1000})
        case unknown:
            raise NotImplementedError(f"ASGI scope {unknown}")


async def _http(scope: Scope, receive: Receive, send: Send) -> None:
    if _is_stream(scope):
        _note_stream(scope["path"])
        scope["aura.permission"] = stream_permission(scope["path"])
        await open_streams.serve(_stream_app(), scope, receive, send)
    else:
        await bridge(scope, receive, send)


observed = Observed(_http, {port: name for name, _, port in settings.AURA.ports.listed()})


def _note_stream(path: str) -> None:
    """Streams pass no router that could tell the access line where they belong."""
    if (exchange := context.exchange()) is None:
        return
    _, _, _, *rest = path.split("/")
    exchange.route = "api/tickets/<str:id>/stream" if rest else "api/stream"
    exchange.ticket = str(parse_uuid(rest[0]) or "") if rest else ""


async def streams_only(scope: Scope, receive: Receive, send: Send) -> None:
    """For a process that serves streams alone: of all else on the API's port only its health."""
    if scope["type"] == "http" and not _is_of_streams(scope):
        answer = refusal(404, "NOT_FOUND", "This process serves event streams alone", api=True)
        await answer.send(secure.on(scope, send), head=scope["method"] == "HEAD")
    else:
        await application(scope, receive, send)


def _is_of_streams(scope: Scope) -> bool:
    path = scope["path"]
    on_api = scope["server"][1] == API_PORT
    return not on_api or path == HEALTH_PATH or STREAM_PATH.fullmatch(path) is not None


def _is_stream(scope: Scope) -> bool:
    on_api = scope["server"][1] == API_PORT and scope["method"] in {"GET", "HEAD"}
    return on_api and STREAM_PATH.fullmatch(scope["path"]) is not None


def _stream_app() -> App:
    from tickets.stream import app  # noqa: PLC0415 - needs the models, so after django.setup()

    return app


def _warm() -> None:
    """Import what the first request would otherwise wait for."""
    for table in {*tables(settings.AURA).values()}:
        import_module(table)
    _stream_app()


async def _lifespan(receive: Receive, send: Send) -> None:
    """A lifespan is two messages: startup and shutdown."""
    from governance.audit.background import in_background  # noqa: PLC0415 - needs the models

    await receive()
    see("web")
    _warm()
    with in_background(every_s=LINK_EVERY_S):
        await send({"type": "lifespan.startup.complete"})
        await receive()
    await send({"type": "lifespan.shutdown.complete"})
