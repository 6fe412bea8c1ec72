"""Servers that are no cluster, or a bad one: silent, slow, talkative, or of another kind."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import yaml

Talk = Callable[[socket.socket], None]


@contextmanager
def listening(talk: Talk, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """A TCP server whose connections are given to `talk`; its host and port."""
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.05)

        def serve() -> None:
            held = []  # a silent server keeps its connections open
            while not stop.is_set():
                with suppress(OSError):
                    one = server.accept()[0]
                    held.append(one)
                    threading.Thread(target=_quietly, args=(talk, one, tls), daemon=True).start()
            for one in held:
                one.close()

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"127.0.0.1:{server.getsockname()[1]}"
        finally:
            stop.set()
            thread.join()


def _quietly(talk: Talk, one: socket.socket, tls: ssl.SSLContext | None) -> None:
    with suppress(OSError):
        talk(tls.wrap_socket(one, server_side=True) if tls else one)


def silent(one: socket.socket) -> None:
    """Takes the request and never answers."""
    del one


def trickling(one: socket.socket) -> None:
    """Sends a header that never ends, a byte at a time, each well within any socket time-out."""
    one.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while True:
        one.sendall(b"a")
        time.sleep(0.1)


def breaking(one: socket.socket) -> None:
    """Closes without a word."""
    one.recv(10_000)
    one.close()


def answering(status: int, body: bytes) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name above
            pass

    return Handler


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def kubeconfig(path: Path, server: str, *, name: str = "test", **user: object) -> str:
    """A kubeconfig of one context; its path."""
    said = {
        "current-context": name,
        "clusters": [{"name": name, "cluster": {"server": server}}],
        "users": [{"name": name, "user": user or {"token": "sesame-open-sesame"}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
    }
    path.write_text(yaml.safe_dump(said))
    return str(path)
