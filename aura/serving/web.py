"""uvicorn on sockets of ours, under signals of ours."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn

from aura.serving.memory import give_back
from aura.serving.protocol import Protocol
from aura.serving.sockets import allow_many_connections
from aura.serving.streams import open_streams

GRACE_S = 2


class Server(uvicorn.Server):
    """Tells when it listens, ends streams when it stops, and leaves signals alone."""

    def __init__(self, on_ready: Callable[[], None], *, app: str = "application") -> None:
        super().__init__(
            uvicorn.Config(
                f"aura.asgi:{app}",  # imported when serving begins, beside the children
                http=Protocol,
                lifespan="on",
                ws="none",
                log_config=None,
                log_level="warning",
                access_log=False,
                proxy_headers=False,  # an address is that of the connection
                server_header=False,
                timeout_graceful_shutdown=GRACE_S,
            )
        )
        self._on_ready = on_ready

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield  # uvicorn would raise SIGTERM again after its own end, and we have more to end

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        allow_many_connections()
        give_back()
        await super().startup(sockets)
        self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        open_streams.close()
        await super().shutdown(sockets)
