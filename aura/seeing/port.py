"""`/metrics` of a process without a web server: a worker or beat in a container of its own."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable, Iterable
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from django.db import Error, close_old_connections
from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from aura.config import Settings
from aura.kernel.clients import bearer
from aura.kernel.errors import Problem
from aura.kernel.telemetry import shared

TIMEOUT_S = 10.0

logger = logging.getLogger(__name__)

Allowed = Callable[[str], bool]


def serve_metrics(config: Settings, allowed: Allowed) -> None:
    """Serve on AURA_METRICS_PORT in the background; `allowed` judges a bearer token.

    A port that is taken is logged: no reason to do no work.
    """
    server_class = _IPv6Server if ":" in config.server_host else _Server
    try:
        server = make_server(
            config.server_host, config.metrics_port, _app(config, allowed), server_class, _Handler
        )
    except OSError as error:
        logger.warning("AURA_METRICS_PORT %d: %s", config.metrics_port, error.strerror)
        return
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _IPv6Server(_Server):
    address_family = socket.AF_INET6


class _Handler(WSGIRequestHandler):
    timeout = TIMEOUT_S  # a client that says nothing keeps no thread

    def log_message(self, *_: Any) -> None:
        """Asked every few seconds, for ever."""


def _app(config: Settings, allowed: Allowed) -> Callable[..., Iterable[bytes]]:
    registry = shared.registry(config.data)

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        status, body, kind = _answer(environ)
        headers = [("Content-Type", kind), ("Content-Length", str(len(body)))]
        if status.startswith("401"):
            headers.append(("WWW-Authenticate", "Bearer"))
        start_response(status, headers)
        return [body]

    def _answer(environ: dict[str, Any]) -> tuple[str, bytes, str]:
        if environ["PATH_INFO"] != "/metrics" or environ["REQUEST_METHOD"] not in {"GET", "HEAD"}:
            return "404 Not Found", b"there is GET /metrics\n", "text/plain"
        if config.auth == "on" and not _known(environ, allowed):
            return "401 Unauthorized", b"a viewer's bearer token is required\n", "text/plain"
        return "200 OK", generate_latest(registry), CONTENT_TYPE_PLAIN_0_0_4

    return app


def _known(environ: dict[str, Any], allowed: Allowed) -> bool:
    token = bearer(str(environ.get("HTTP_AUTHORIZATION", "")))
    try:
        return token is not None and allowed(token)
    except (Problem, Error):
        return False
    finally:
        close_old_connections()
