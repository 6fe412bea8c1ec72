"""Runs a cluster: its HTTP servers, and the engine between the requests."""

from __future__ import annotations

import asyncio
import socket
import ssl
import tempfile
from collections.abc import Generator
from contextlib import contextmanager, suppress

import uvicorn

from agents.sandbox.api.server import Application
from agents.sandbox.certificates import Pair
from agents.sandbox.cluster import Cluster

_BACKLOG = 512
_CLOSING_S = 1  # seconds that open watches get at the end


def listening(host: str, port: int) -> socket.socket:
    """A bound socket; port 0 is any free one. Raises OSError where it is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Said to be TCP, or asyncio leaves Nagle on and each answer waits 40 ms for an ACK.
    found = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((host, port))
    except OSError:
        found.close()
        raise
    found.listen(_BACKLOG)
    found.setblocking(False)  # noqa: FBT003 - the socket's own signature
    return found


def url_of(found: socket.socket, scheme: str = "http") -> str:
    host, port = found.getsockname()[:2]
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


class Server(uvicorn.Server):
    """uvicorn without its own ideas about signals: two of them share one loop."""

    def __init__(self, application: Application, pair: Pair | None = None) -> None:
        super().__init__(
            uvicorn.Config(
                application,
                log_config=None,
                access_log=False,
                lifespan="off",
                ws="none",
                timeout_graceful_shutdown=_CLOSING_S,
                server_header=False,
                ssl_context_factory=(lambda *_: _context(pair)) if pair else None,
            )
        )

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


def _context(pair: Pair) -> ssl.SSLContext:
    """Python reads certificates from files alone."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
        file.write(pair.certificate + pair.key)
        file.flush()
        context.load_cert_chain(file.name)
    return context


class Pump:
    """Gives the engine its turns: soon after a write, and when a timer is due."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._handle: asyncio.Handle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._soon = False

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._cluster.engine.wake = self._wake
        self._wake()

    def stop(self) -> None:
        self._cluster.engine.wake = lambda: None
        if self._handle:
            self._handle.cancel()

    def _wake(self) -> None:
        if self._soon or self._loop is None:
            return
        self._soon = True
        if self._handle:
            self._handle.cancel()
        with suppress(RuntimeError):  # the loop ended
            self._handle = self._loop.call_soon(self._turn)

    def _turn(self) -> None:
        if self._loop is None:
            return
        self._soon = True  # what the turn itself writes needs no other wake
        again = self._cluster.engine.turn()
        self._soon = False
        if again is not None:
            self._soon = again == 0.0
            self._handle = self._loop.call_later(again, self._turn)
