"""A server that answers as it is told: for what a healthy auditd never says."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Stub:
    """`answers`: what each path answers, (status, JSON or raw text); several: one after another,
    the last one stays. `got`: (method, path, headers, JSON body) of each request.
    """

    answers: dict[str, list[tuple[int, Any]]] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    got: list[tuple[str, str, dict[str, str], Any]] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def says(self, path: str, *answers: tuple[int, Any]) -> None:
        self.answers[path] = list(answers)

    def take(self, handler: BaseHTTPRequestHandler) -> None:
        length = int(handler.headers.get("Content-Length", 0))
        body = handler.rfile.read(length)
        path = handler.path.partition("?")[0]
        headers = {name.lower(): value for name, value in handler.headers.items()}
        sent = json.loads(body) if body else None
        self.got.append((handler.command, handler.path, headers, sent))
        left = self.answers.get(path, [(404, {"error": f"no route for {path}"})])
        status, said = left.pop(0) if len(left) > 1 else left[0]
        raw = said.encode() if isinstance(said, str) else json.dumps(said).encode()
        handler.send_response(status)
        for name, value in self.headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(raw)))
        handler.end_headers()
        handler.wfile.write(raw)


@contextmanager
def serving(stub: Stub) -> Iterator[Stub]:
    """It runs; one that ran before comes back on the port it had."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            stub.take(self)

        def do_POST(self) -> None:
            stub.take(self)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        allow_reuse_address = True

    with Server(("127.0.0.1", stub.port), Handler) as server:
        stub.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield stub
        finally:
            server.shutdown()
            thread.join()
