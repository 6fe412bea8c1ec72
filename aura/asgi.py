"""The one outer ASGI application. The port of the connection picks the surface.

Event streams, waiting for an approval, A2A and MCP go to raw asynchronous code, everything else to
Django through the bridge.
"""

from __future__ import annotations

import gc
from importlib import import_module

from django.conf import settings

from aura.kernel.ids import parse_uuid
from aura.kernel.routes import (
    A2A_CALLS,
    A2A_CARDS,
    MCP_PATHS,
    SCOPE_KEY,
    STREAM_PATH,
    WAIT_PATH,
    WAIT_ROUTE,
    StreamRoute,
)
from aura.kernel.telemetry import context
from aura.seeing import see
from aura.serving.answers import Answer, App, Receive, Scope, Send, refusal
from aura.serving.body import with_body
from aura.serving.bridge import Bridge
from aura.serving.headers import SecureHeaders
from aura.serving.observed import Observed
from aura.serving.streams import open_streams
from aura.surfaces.access import ASK_AGENTS, needed, stream_permission
from aura.surfaces.handlers import get_wsgi_application
from aura.surfaces.table import tables

HEALTH_PATH = "/api/health"
LINK_EVERY_S = 0.02  # of a burst of requests, all that came in twice this are linked together

API_PORT: int = settings.AURA.ports.api
AUDITD, AUDITD_PORT = "aura.surfaces.auditd", settings.AURA.ports.auditd
GATEWAY_PORT, AGENT_PORTS = settings.AURA.ports.gateway, settings.AURA.ports.agents


async def _express(scope: Scope, body: bytes) -> Answer | None:
    from aura.serving.direct import direct  # noqa: PLC0415 - as below
    from aura.serving.express import express  # noqa: PLC0415 - as below

    port = scope["server"][1]
    if port == API_PORT:
        return await express(scope, body)
    return await direct(scope, body) if port == GATEWAY_PORT else None


bridge = Bridge(get_wsgi_application(), api_port=API_PORT, express=_express)
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
    stream = _stream_of(scope)
    if _is_wait(scope):
        if (exchange := context.exchange()) is not None:
            exchange.route = WAIT_ROUTE
        scope["aura.permission"] = needed(AUDITD, WAIT_ROUTE, "GET")
        await open_streams.serve(_wait_app(), scope, receive, send)
    elif stream is not None:
        _note_stream(stream)
        scope[SCOPE_KEY] = stream
        scope["aura.permission"] = stream_permission(stream)
        await open_streams.serve(_stream_app(), scope, receive, send)
    elif (asking := _asking_app(scope)) is not None:
        if (exchange := context.exchange()) is not None:
            exchange.route = scope["path"]
        scope["aura.permission"] = ASK_AGENTS
        await open_streams.serve(with_body(asking), scope, receive, send)
    else:
        await bridge(scope, receive, send)


observed = Observed(_http, {port: name for name, _, port in settings.AURA.ports.listed()})


def _note_stream(stream: StreamRoute) -> None:
    """Streams pass no router that could tell the access line where they belong."""
    if (exchange := context.exchange()) is None:
        return
    exchange.route = stream.route
    exchange.ticket = str(parse_uuid(stream.ticket or "") or "")


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


def _is_wait(scope: Scope) -> bool:
    on_auditd = scope["server"][1] == AUDITD_PORT and scope["method"] in {"GET", "HEAD"}
    return on_auditd and WAIT_PATH.fullmatch(scope["path"]) is not None


def _wait_app() -> App:
    from governance.api.waiting import app  # noqa: PLC0415 - as below

    return app


def _asking_app(scope: Scope) -> App | None:
    """A2A or MCP, by port and path. MCP's library is imported with its first request."""
    port, path = scope["server"][1], scope["path"]
    if port in AGENT_PORTS and path in {*A2A_CALLS, *A2A_CARDS}:
        return _a2a_app()
    if port == GATEWAY_PORT and path in MCP_PATHS:
        from agents.mcp.app import app  # noqa: PLC0415 - see above

        return app
    return None


def _a2a_app() -> App:
    from agents.a2a.app import app  # noqa: PLC0415 - as below

    return app


def _stream_of(scope: Scope) -> StreamRoute | None:
    on_api = scope["server"][1] == API_PORT and scope["method"] in {"GET", "HEAD"}
    return StreamRoute.of(scope["path"]) if on_api else None


def _stream_app() -> App:
    from tickets.stream import app  # noqa: PLC0415 - needs the models, so after django.setup()

    return app


def _warm() -> None:
    """Import what the first request would otherwise wait for."""
    for table in {*tables(settings.AURA).values()}:
        import_module(table)
    _stream_app()
    _wait_app()
    _a2a_app()
    # What is there now stays: no collection needs to look at it again, which would take 0.1 s.
    gc.collect()
    gc.freeze()


async def _lifespan(receive: Receive, send: Send) -> None:
    """A lifespan is two messages: startup and shutdown."""
    from aura.serving import express  # noqa: PLC0415 - needs the models
    from governance.audit.background import in_background  # noqa: PLC0415 - likewise

    await receive()
    see("web")
    _warm()
    with in_background(every_s=LINK_EVERY_S):
        await send({"type": "lifespan.startup.complete"})
        await receive()
    await express.close()
    await send({"type": "lifespan.shutdown.complete"})
