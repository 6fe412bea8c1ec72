"""An HTTP server on loopback that speaks Git, or answers what a test wants."""

from __future__ import annotations

import subprocess
import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.processes import command_lines


class GitServer(ThreadingHTTPServer):
    """`status` is the answer to everything; None serves `root` to whoever knows `login`.

    With `elsewhere` (a URL) everything is redirected to it.
    """

    elsewhere = ""

    daemon_threads = True

    def __init__(self, root: Path, *, login: str, status: int | None, pause_s: float) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.root, self.status, self.pause_s = root, status, pause_s
        self.wanted = "Basic " + b64encode(login.encode()).decode()
        self.logins: list[str] = []
        self.secrets_in_arguments: list[str] = []
        self.watched = login.partition(":")[2]

    def handle_error(self, *args: Any) -> None:
        """A client that has gone is part of the tests."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.0"
    server: GitServer

    def do_GET(self) -> None:
        given = self.headers.get("Authorization", "")
        self.server.logins.append(given)
        self.server.secrets_in_arguments += command_lines(self.server.watched)
        time.sleep(self.server.pause_s)
        if self.server.elsewhere:
            self.send_response(302)
            self.send_header("Location", self.server.elsewhere + self.path)
            self.end_headers()
        elif self.server.status:
            self._refuse(self.server.status)
        elif given != self.server.wanted:
            self._refuse(401)
        else:
            self._serve()

    do_POST = do_GET  # noqa: N815  the name http.server looks for

    def _refuse(self, status: int) -> None:
        self.send_response(status)
        if status == 401:
            self.send_header("WWW-Authenticate", 'Basic realm="git"')
        self.end_headers()
        self.wfile.write(b"no")

    def _serve(self) -> None:
        """The CGI program that comes with git."""
        path, _, query = self.path.partition("?")
        length = int(self.headers.get("Content-Length") or 0)
        answer = subprocess.run(
            ["git", "-c", "http.receivepack=true", "http-backend"],  # noqa: S607  the machine's git
            input=self.rfile.read(length),
            capture_output=True,
            check=True,
            env={
                "PATH": "/usr/local/bin:/usr/bin:/bin",
                "GIT_PROJECT_ROOT": str(self.server.root),
                "GIT_HTTP_EXPORT_ALL": "1",
                "PATH_INFO": path,
                "QUERY_STRING": query,
                "REQUEST_METHOD": self.command,
                "REMOTE_USER": "someone",
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "CONTENT_LENGTH": str(length),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                "HTTP_GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            },
        ).stdout
        head, _, body = answer.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        self.send_response(int(headers.pop("Status", "200").split()[0]))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Nothing is printed."""


@contextmanager
def serving(
    root: Path, *, login: str, status: int | None = None, pause_s: float = 0
) -> Iterator[GitServer]:
    server = GitServer(root, login=login, status=status, pause_s=pause_s)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
