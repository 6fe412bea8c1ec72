"""A real uvicorn with our protocol in a thread, and raw connections to it."""

from __future__ import annotations

import asyncio
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import uvicorn
import uvloop

from aura.serving.protocol import Protocol
from aura.serving.sockets import bind_all
from tests.serving.instance import eventually, free_ports

HOST = b"Host: localhost\r\n"
LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")
IDLE_LOOKS = 10
GET = b"GET /x HTTP/1.1\r\n" + HOST + b"\r\n"


class Application:
    """Answers with the body it got. `/slow` waits first, `/open` answers for ever."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.headers: list[Any] = []  # of each request, as they are once its body was read
        self.release = threading.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message.get("body", b"")
            more = message.get("more_body", False)
        self.bodies.append(body)
        self.headers.append(scope["headers"])
        while scope["path"] == "/slow" and not self.release.is_set():
            await asyncio.sleep(0.01)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while scope["path"] == "/open" and not self.release.is_set():
            await send({"type": "http.response.body", "body": b"piece", "more_body": True})
            await asyncio.sleep(0.01)
        await send({"type": "http.response.body", "body": body})


class Wire:
    """A server on a port of its own, and raw connections to it."""

    def __init__(self, application: Any = None) -> None:
        self.application = application or Application()
        self.port = free_ports()["AURA_SERVER_PORT"]
        (self.listener,) = bind_all("127.0.0.1", [("api", "AURA_SERVER_PORT", self.port)])
        config = uvicorn.Config(self.application, http=Protocol, lifespan="off", log_config=None)
        self.server = uvicorn.Server(config)
        self.server.config.load()
        serve = self.server.serve([self.listener])
        self.thread = threading.Thread(target=lambda: uvloop.run(serve), daemon=True)

    @contextmanager
    def connection(self) -> Iterator[socket.socket]:
        with socket.create_connection(("127.0.0.1", self.port), 10) as one:
            yield one

    def ask(self, *pieces: bytes) -> bytes:
        """All that comes back until the server closes, or for a moment after it answered."""
        with self.connection() as one:
            for piece in pieces:
                one.sendall(piece)
            return read(one)

    def status(self, *pieces: bytes) -> int:
        """Of the first answer."""
        return int(self.ask(*pieces).split(b" ", 2)[1])

    def __enter__(self) -> Wire:
        self.server.capture_signals = _nothing  # type: ignore[method-assign]
        self.thread.start()
        eventually(lambda: self.server.started)
        return self

    def __exit__(self, *_: object) -> None:
        if isinstance(self.application, Application):
            self.application.release.set()
        self.server.should_exit = self.server.force_exit = True
        self.thread.join(10)
        self.listener.close()


@contextmanager
def _nothing() -> Iterator[None]:
    yield


def read(one: socket.socket, *, within_s: float = 30.0) -> bytes:
    """Until the other end closes, or nothing follows a whole answer for 0.2 s."""
    got, idle = b"", 0
    with suppress(ConnectionResetError):
        while idle < IDLE_LOOKS:  # many short looks: a machine that stalls spoils one of them
            one.settimeout(0.2 / IDLE_LOOKS if _whole(got) else within_s)
            try:
                piece = one.recv(65536)
            except TimeoutError:
                idle = idle + 1 if _whole(got) else IDLE_LOOKS
                continue
            if not piece:
                break
            got, idle = got + piece, 0
    return got


def _whole(answers: bytes) -> bool:
    """Does it end where an answer ends?"""
    head, separator, body = answers.partition(b"\r\n\r\n")
    if not separator:
        return False
    if b"chunked" in head:
        return body.endswith(b"0\r\n\r\n")
    length = int(found[1]) if (found := LENGTH.search(head)) else 0
    return len(body) == length or (len(body) > length and _whole(body[length:]))


def closed(one: socket.socket, within_s: float = 30.0) -> bool:
    one.settimeout(within_s)
    try:
        while one.recv(65536):
            pass
    except TimeoutError:
        return False
    except ConnectionResetError:
        return True
    return True
