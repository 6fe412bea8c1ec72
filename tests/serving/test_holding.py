"""A client holds its connection alone, however it behaves: no thread, and that not for ever."""

from __future__ import annotations

import asyncio
import resource
import socket
import threading
from collections.abc import Iterable
from contextlib import ExitStack
from typing import Any

import pytest

from aura.serving import bridge as bridges
from aura.serving import sockets
from aura.serving.bridge import Bridge
from tests.serving.instance import eventually
from tests.serving.wire import GET, HOST, Wire

THREADS, CLIENTS = 2, 12
LONG = 2_000_000


def wsgi(environ: Any, start_response: Any) -> Iterable[bytes]:
    """/long answers more than any buffer on the way takes."""
    body = b"x" * LONG if environ["PATH_INFO"] == "/long" else b"here"
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]


@pytest.fixture
def few_threads(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(bridges, "THREADS", THREADS)
    with Wire(Bridge(wsgi, api_port=1)) as wire:
        yield wire


def small_window(wire: Wire) -> socket.socket:
    one = socket.socket()
    one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    one.connect(("127.0.0.1", wire.port))
    return one


def test_clients_that_send_their_bodies_slowly_hold_no_thread(few_threads: Wire) -> None:
    with ExitStack() as stack:
        for _ in range(CLIENTS):
            slow = stack.enter_context(few_threads.connection())
            slow.sendall(b"POST /x HTTP/1.1\r\n" + HOST + b"Content-Length: 10\r\n\r\nab")
        assert few_threads.ask(GET).endswith(b"here")


def test_clients_that_do_not_read_hold_no_thread(few_threads: Wire) -> None:
    with ExitStack() as stack:
        for _ in range(CLIENTS):
            deaf = stack.enter_context(small_window(few_threads))
            deaf.sendall(GET.replace(b"/x", b"/long"))
        assert few_threads.ask(GET).endswith(b"here")


def test_idle_connections_hold_no_thread(few_threads: Wire) -> None:
    with ExitStack() as stack:
        for _ in range(CLIENTS):
            idle = stack.enter_context(few_threads.connection())
            idle.sendall(GET)
            assert idle.recv(65536)
        assert few_threads.ask(GET).endswith(b"here")


class Flood:
    """An endless answer, as a stream would be to a client that never reads."""

    def __init__(self) -> None:
        self.ended = threading.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            gone = asyncio.create_task(self._gone(receive))
            while not gone.done():
                await send({"type": "http.response.body", "body": b"x" * 4096, "more_body": True})
                await asyncio.sleep(0)
        finally:
            self.ended.set()

    async def _gone(self, receive: Any) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="Linux has it")
def test_a_client_that_takes_nothing_for_long_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "SILENT_S", 1)
    flood = Flood()
    with Wire(flood) as wire, small_window(wire) as deaf:
        deaf.sendall(GET)
        assert flood.ended.wait(60)
        eventually(lambda: not wire.server.server_state.connections)


def test_the_limit_of_open_files_is_raised_and_never_lowered() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (512, before[1]))
        sockets.allow_many_connections()
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        assert hard == before[1]
        assert soft == (min(hard, 65_536) if hard != resource.RLIM_INFINITY else 65_536)
        sockets.allow_many_connections()
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == soft
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
