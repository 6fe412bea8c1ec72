"""The one outer ASGI application. The port of the connection picks the surface.

Event streams go to raw asynchronous code, everything else to Django through the bridge.
"""

from __future__ import annotations

import re
from importlib import import_module

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from aura.serving.answers import App, Receive, Scope, Send
from aura.serving.bridge import Bridge
from aura.serving.streams import open_streams
from aura.surfaces.table import tables

STREAM_PATH = re.compile(r"/api/(stream|tickets/[^/]+/stream)")

API_PORT: int = settings.AURA.ports.api
bridge = Bridge(get_wsgi_application(), api_port=API_PORT)


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    match scope["type"]:
        case "http" if _is_stream(scope):
            await open_streams.serve(_stream_app(), scope, receive, send)
        case "http":
            await bridge(scope, receive, send)
        case "lifespan":
            await _lifespan(receive, send)
        case "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1000})
        case unknown:
            raise NotImplementedError(f"ASGI scope {unknown}")


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
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            _warm()
            await send({"type": "lifespan.startup.complete"})
        elif message["type"] == "lifespan.shutdown":
            await send({"type": "lifespan.shutdown.complete"})
            return
