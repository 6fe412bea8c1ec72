"""The witness over HTTP: two routes, no framework."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qs

from governance.witness.server import BAD, UNKNOWN, Answer, Witness

MOST_BYTES = 64 * 1024
TOO_LARGE, NOT_ALLOWED = 413, 405
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


def application(witness: Witness) -> Callable[[Message, Receive, Send], Awaitable[None]]:
    """An ASGI application."""

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await _send(send, await _answer(witness, scope, receive))

    return app


async def _answer(witness: Witness, scope: Message, receive: Receive) -> Answer:
    match scope["path"], scope["method"]:
        case "/add-checkpoint", "POST":
            body = await _body(receive)
            if body is None:
                return Answer(TOO_LARGE, "too large\n")
            return await asyncio.to_thread(witness.add_checkpoint, body)
        case "/checkpoint", "GET":
            origin = parse_qs(scope["query_string"].decode("ascii", "replace")).get("origin")
            if not origin:
                return Answer(BAD, "origin is required\n")
            return await asyncio.to_thread(witness.checkpoint, origin[0])
        case "/add-checkpoint" | "/checkpoint", _:
            return Answer(NOT_ALLOWED, "method not allowed\n")
    return Answer(UNKNOWN, "not found\n")


async def _body(receive: Receive) -> bytes | None:
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            return b""
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > MOST_BYTES:
            return None
    return body


async def _send(send: Send, answer: Answer) -> None:
    body = answer.text.encode()
    headers = [
        (b"content-type", answer.content_type.encode()),
        (b"content-length", str(len(body)).encode()),
    ]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
