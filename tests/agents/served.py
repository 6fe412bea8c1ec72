"""The product's ports over real HTTP, in a thread of the test; tasks are worked on in threads too.

The ports are free ones of this machine: the application is told those it is configured with.
"""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import uvicorn
from django.conf import settings
from django.db import connections

import aura.asgi
from agents import admission
from agents.helpdesk import drive, news

HOST = "127.0.0.1"


@dataclass(frozen=True, kw_only=True)
class Served:
    """Base URLs, by the port that the application is configured with."""

    urls: dict[int, str]

    def agent(self, index: int = 0) -> str:
        return self.urls[settings.AURA.ports.agents[index]]

    @property
    def gateway(self) -> str:
        return self.urls[settings.AURA.ports.gateway]


@contextmanager
def served(*ports: int) -> Iterator[Served]:
    """These ports; by default the agents' and the gateway's."""
    wanted = ports or (*settings.AURA.ports.agents, settings.AURA.ports.gateway)
    sockets = {port: _bound() for port in wanted}
    real = {each.getsockname()[1]: port for port, each in sockets.items()}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        host, port = scope["server"]
        await aura.asgi.application({**scope, "server": (host, real[port])}, receive, send)

    config = uvicorn.Config(app, lifespan="off", log_config=None, timeout_graceful_shutdown=3)
    server = uvicorn.Server(config)
    thread = threading.Thread(
        target=lambda: asyncio.run(server.serve(sockets=list(sockets.values())))
    )
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield Served(urls={port: f"http://{HOST}:{fake}" for fake, port in real.items()})
    finally:
        server.should_exit = True
        thread.join(10)
        _close_connections()


def _close_connections() -> None:
    """Those of the threads that ask for requests, of which as many wait as there may be."""
    all_there = threading.Barrier(admission.THREADS)

    def close() -> None:
        connections.close_all()
        all_there.wait(60)

    for done in [admission._threads.submit(close) for _ in range(admission.THREADS)]:
        done.result()


def _bound() -> socket.socket:
    found = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    found.bind((HOST, 0))
    return found


@contextmanager
def worked(monkeypatch: Any, work: Callable[[Any], Any] = drive.advance) -> Iterator[None]:
    """A worker that takes every task as soon as it is there."""
    threads = ThreadPoolExecutor(2, thread_name_prefix="worker")

    def run(key: Any) -> None:
        try:
            work(key)
        finally:
            connections.close_all()

    monkeypatch.setattr(news, "wake_now", lambda key: threads.submit(run, key))
    try:
        yield
    finally:
        threads.shutdown(wait=True)
