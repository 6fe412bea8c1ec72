"""An API server with one pod, in which programs seem to run: `exec` over a real websocket."""

from __future__ import annotations

import base64
import hashlib
import json
import struct
from collections.abc import Callable, Mapping
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.agents.kubernetes.objects import pod

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
Send = Callable[[int, bytes], None]
Program = Callable[[Send], None]

OUT, ERR, END = 1, 2, 3
SUCCESS = {"metadata": {}, "status": "Success"}


def ended(code: int) -> bytes:
    """The Status at the end of a program."""
    if not code:
        return json.dumps(SUCCESS).encode()
    cause = {"reason": "ExitCode", "message": str(code)}
    said = {"status": "Failure", "reason": "NonZeroExitCode", "details": {"causes": [cause]}}
    return json.dumps(said).encode()


def running(
    program: Program, asked: list[list[tuple[str, str]]], spec: Mapping[str, Any] | None = None
) -> type[BaseHTTPRequestHandler]:
    """A handler that runs `program` for every `exec`; `asked` gets the query of each. `spec` is
    what the one pod has more.
    """

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if self.headers.get("Authorization") != "Bearer sesame-open-sesame":
                self._json(401, {"kind": "Status", "message": "Unauthorized", "code": 401})
            elif urlsplit(self.path).path.endswith("/exec"):
                self._exec()
            else:
                found = pod("web-1", "shop", metadata={"uid": "u-1"})
                found["spec"] |= spec or {}
                self._json(200, found)

        def _json(self, status: int, said: object) -> None:
            body = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _exec(self) -> None:
            asked.append(parse_qsl(urlsplit(self.path).query))
            key = self.headers["Sec-WebSocket-Key"].encode()
            accept = base64.b64encode(hashlib.sha1(key + _GUID).digest())  # noqa: S324 - RFC 6455
            self.send_response(101)
            self.send_header("Upgrade", "websocket")
            self.send_header("Connection", "Upgrade")
            self.send_header("Sec-WebSocket-Accept", accept.decode())
            self.send_header("Sec-WebSocket-Protocol", "v4.channel.k8s.io")
            self.end_headers()
            self.close_connection = True
            with suppress(OSError):
                program(self._send)
                self.wfile.write(b"\x88\x02\x03\xe8")  # closed, 1000

        def _send(self, channel: int, data: bytes) -> None:
            payload = bytes([channel]) + data
            head = b"\x82" + (
                bytes([len(payload)])
                if len(payload) < 126
                else b"\x7e" + struct.pack(">H", len(payload))
            )
            self.wfile.write(head + payload)
            self.wfile.flush()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name above
            pass

    return Handler
