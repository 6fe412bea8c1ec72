"""Answers given before Django sees a request, in the error envelope of the port."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One whole HTTP response."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes

    async def send(self, send: Send, *, head: bool = False) -> None:
        """`head`: the request was HEAD, which gets the headers of the body and not the body."""
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
        await send({"type": "http.response.body", "body": b"" if head else self.body})


def refusal(status: int, code: str, message: str, *, api: bool) -> Answer:
    """`{"error": {code, message, details}}` on the API port, `{"error": "…"}` on all others.

    The connection is closed: part of the request may still be under way on it.
    """
    error: Any = {"code": code, "message": message, "details": {}} if api else message
    body = json.dumps({"error": error}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    return Answer(status=status, headers=headers, body=body)
