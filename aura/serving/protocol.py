"""HTTP/1.1 as uvicorn speaks it with httptools, and what that leaves to its user.

httptools refuses what could smuggle a request (two lengths, a length beside chunks, bare line
feeds); here come the one Host, the bounds of what is no body, no trailers, and refusals in our
envelopes.
"""

from __future__ import annotations

import asyncio
from typing import Any

from django.conf import settings
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from aura.serving.answers import refusal
from aura.serving.headers import SecureHeaders

HEAD_BYTES = 64 * 1024  # method, path and headers; also what may come between bytes of a body
HEAD_S = 20.0  # from the connection, or from the first byte of a further request


class Protocol(HttpToolsProtocol):
    """One connection. Holds nothing of a client but its buffers: no thread, no database."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._in_head = False
        self._head_bytes = 0  # received since a head, a body's last byte or a message was complete
        self._head_timer: asyncio.TimerHandle | None = None

    # --- the head of a request, in time and size, and what else is no body ---

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget_head()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        self._in_head = True
        super().on_message_begin()

    def data_received(self, data: bytes) -> None:
        self._head_bytes += len(data)
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._head_bytes > HEAD_BYTES:
            self._refuse_head()
        elif self._in_head and self._head_timer is None:
            self._wait_for_head()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Of the head alone: a trailer would pass for a header that a proxy of ours wrote."""
        if self._in_head:
            super().on_header(name, value)

    def on_body(self, body: bytes) -> None:
        self._head_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._head_bytes = 0
        super().on_message_complete()

    def on_headers_complete(self) -> None:
        self._forget_head()
        if len(self.url) + sum(len(n) + len(v) for n, v in self.headers) > HEAD_BYTES:
            self._refuse_head()
            raise ValueError("too large a head")  # the parser stops here
        self._check_head()
        super().on_headers_complete()
        if self.parser.should_upgrade():  # to what we do not speak; the parser reads no further
            self.cycle.keep_alive = False

    def _check_head(self) -> None:
        """Raises `ValueError`, which becomes an error of the parser."""
        version = self.parser.get_http_version()
        names = [name for name, _ in self.headers]
        hosts = names.count(b"host")
        if version not in {"1.0", "1.1"} or hosts > 1 or (not hosts and version == "1.1"):
            raise ValueError("HTTP/1.1 with one Host is spoken here")
        if self.parser.should_upgrade() and {b"content-length", b"transfer-encoding"} & {*names}:
            raise ValueError("the parser would lose the body")

    def _wait_for_head(self) -> None:
        self._head_timer = self.loop.call_later(HEAD_S, self._head_is_late)

    def _forget_head(self) -> None:
        self._in_head, self._head_bytes = False, 0
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _head_is_late(self) -> None:
        if self._head_bytes:
            self._refuse(408, "REQUEST_TIMEOUT", f"No request arrived within {HEAD_S:g} seconds")
        else:
            self.transport.close()  # opened and never used

    def _refuse_head(self) -> None:
        message = f"The head of the request is larger than {HEAD_BYTES} bytes"
        self._refuse(431, "REQUEST_HEADERS_TOO_LARGE", message)

    # --- refusals before there is a request ---

    def send_400_response(self, msg: str) -> None:
        """uvicorn's call for what is no HTTP."""
        self._refuse(400, "VALIDATION_ERROR", msg)

    def _refuse(self, status: int, code: str, message: str) -> None:
        self._forget_head()
        if self.transport.is_closing():
            return
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is None or cycle.response_complete:
            self.transport.write(self._refusal(status, code, message))
        elif cycle.more_body and not cycle.response_started:  # it was the body that is refused
            self.transport.write(self._refusal(status, code, message))
            cycle.disconnected = True
            cycle.message_event.set()
        self.transport.close()  # without a word where it would mix with the answer under way

    def _refusal(self, status: int, code: str, message: str) -> bytes:
        api = self.server is not None and self.server[1] == settings.AURA.ports.api
        answer = refusal(status, code, message, api=api)
        secure = SecureHeaders(hsts_s=settings.SECURE_HSTS_SECONDS)
        headers = secure.added(answer.headers, private=api)
        lines = b"".join(name + b": " + value + b"\r\n" for name, value in headers)
        return STATUS_LINE[status] + lines + b"\r\n" + answer.body
