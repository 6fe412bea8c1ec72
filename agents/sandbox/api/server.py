"""The ASGI application: reads a request, asks the right API, writes the answer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from agents.sandbox import errors
from agents.sandbox.api import access, routes
from agents.sandbox.api.message import Request, Response, failure, parsed_query
from agents.sandbox.cluster import Cluster

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Answer = Callable[[Request], Response | Awaitable[Response]]

_log = logging.getLogger(__name__)
_LARGEST = 3 * 1024 * 1024  # bytes of a body, as etcd and the API server allow


class Application:
    """`others` are APIs under a prefix, such as Argo CD's; they see the path without it, and do
    their own authentication. The prefix "" is everything.
    """

    def __init__(self, cluster: Cluster, others: dict[str, Answer]) -> None:
        self._cluster = cluster
        self._others = others

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)
        else:  # a WebSocket: kubectl exec
            await send({"type": "websocket.close", "code": 1008})

    async def _http(self, scope: Message, receive: Receive, send: Send) -> None:
        try:
            found = self._answer(scope, await _body(receive))
            response = found if isinstance(found, Response) else await found
        except errors.ApiError as error:
            response = failure(error)
        except Exception as error:  # noqa: BLE001 - a fault of ours is a 500, not an end
            _log.exception("%s %s", scope["method"], scope["path"])
            response = failure(errors.internal(f"Internal error occurred: {error}"))
        await _send(response, receive, send)

    def _answer(self, scope: Message, body: bytes) -> Response | Awaitable[Response]:
        headers = {
            key.decode("latin-1").lower(): value.decode("latin-1")
            for key, value in scope["headers"]
        }
        request = Request(
            method=scope["method"],
            path=scope["path"],
            query=parsed_query(scope["query_string"]),
            headers=headers,
            body=body,
        )
        for prefix, answer in self._others.items():
            if not prefix or request.path == prefix or request.path.startswith(f"{prefix}/"):
                return answer(replace(request, path=request.path.removeprefix(prefix)))
        user = access.user_of(self._cluster, headers)
        return routes.answer(self._cluster, replace(request, user=user))


async def _body(receive: Receive) -> bytes:
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return b""
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > _LARGEST:
            raise errors.ApiError(413, "RequestEntityTooLarge", "limit is 3145728")
        if not message.get("more_body"):
            return b"".join(parts)


async def _send(response: Response, receive: Receive, send: Send) -> None:
    headers = [
        (b"content-type", response.media_type.encode()),
        *((name.encode(), value.encode()) for name, value in response.headers),
    ]
    if response.stream is None:
        headers.append((b"content-length", str(len(response.body)).encode()))
    await send({"type": "http.response.start", "status": response.code, "headers": headers})
    if response.stream is None:
        await send({"type": "http.response.body", "body": response.body})
        return
    await _stream(response, receive, send)


async def _stream(response: Response, receive: Receive, send: Send) -> None:
    """Until the stream ends or the client goes."""
    sending = asyncio.ensure_future(_lines(response, send))
    going = asyncio.ensure_future(_gone(receive))
    try:
        await asyncio.wait({sending, going}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (sending, going):
            task.cancel()
        await asyncio.gather(sending, going, return_exceptions=True)


async def _lines(response: Response, send: Send) -> None:
    stream: Any = response.stream
    await send({"type": "http.response.body", "body": b"", "more_body": True})
    async with aclosing(stream) as lines:
        async for line in lines:
            await send({"type": "http.response.body", "body": line, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        kind = (await receive())["type"]
        await send({"type": f"{kind}.complete"})
        if kind == "lifespan.shutdown":
            return
