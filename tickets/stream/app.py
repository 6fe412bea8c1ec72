"""The ASGI application of the streams. The outer application sends it the two paths alone."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

from django.db import Error

from aura.kernel.errors import MethodNotAllowed, Problem, Unavailable
from aura.kernel.http import as_problem, envelope, headers_of
from aura.kernel.ids import event_id
from aura.kernel.origins import ForeignHost, ForeignOrigin
from tickets.stream.door import METHODS, Asked, Opening, check, opening, tell_foreign
from tickets.stream.hub import Hub, visit
from tickets.stream.reader import StreamReader

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

STREAM_HEADERS = {
    "content-type": "text/event-stream",
    "cache-control": "no-cache",
    "x-accel-buffering": "no",
    "x-content-type-options": "nosniff",
}

logger = logging.getLogger(__name__)


class Left(Exception):
    """The client has gone."""


async def app(scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
    """GET /api/tickets/:id/stream and GET /api/stream"""
    asked = Asked.of(scope)
    async with AsyncExitStack() as stack:
        hub = stack.enter_context(visit())
        try:
            check(asked)
            await stack.enter_async_context(hub.places.held(asked.credentials.address))
            opened = await hub.lanes.ask(partial(opening, asked))
        except Exception as raised:  # noqa: BLE001 - told apart in _problem, which logs bugs
            await _refuse(_problem(raised, asked), asked, send)
            if isinstance(raised, ForeignHost | ForeignOrigin):
                await hub.lanes.ask(partial(tell_foreign, raised, asked))
            return
        # No frame may say it: `connected` has no id. Who is cut off before an event came needs it.
        place = {"last-event-id": event_id(opened.cursor)}
        await _start(send, 200, STREAM_HEADERS | place | asked.cors)
        if asked.method == "HEAD":
            await _body(send, more=False)
        else:
            await _stream(opened, hub, receive, send)


async def _stream(opened: Opening, hub: Hub, receive: Receive, send: Send) -> None:
    """Write the stream until its client leaves, or may no longer read it."""
    reader = StreamReader(opened, hub, partial(_body, send))
    try:
        async with asyncio.TaskGroup() as group:
            watch = group.create_task(_until_left(receive))
            with hub.joined(reader, head=opened.head):
                await reader.run()
            await _body(send, more=False)
            watch.cancel()
    except* (Left, OSError):  # a server may tell by an error that the client has gone
        pass


async def _until_left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    raise Left


def _problem(raised: Exception, asked: Asked) -> Problem:
    if isinstance(raised, Error):
        logger.warning("%s was not opened: %s", asked.path, raised)
        return Unavailable("The database does not answer")
    problem = as_problem(raised)
    if problem is None:
        logger.error("unexpected error at %s", asked.path, exc_info=raised)
        return Problem("Unexpected server error")
    return problem


async def _refuse(problem: Problem, asked: Asked, send: Send) -> None:
    body = json.dumps(envelope(problem)).encode()
    headers = {"content-type": "application/json", "content-length": str(len(body)), **asked.cors}
    headers |= {name.lower(): value for name, value in headers_of(problem).items()}
    if isinstance(problem, MethodNotAllowed):
        headers["allow"] = ", ".join(METHODS)
    await _start(send, problem.status, headers)
    await _body(send, b"" if asked.method == "HEAD" else body, more=False)


async def _start(send: Send, status: int, headers: Mapping[str, str]) -> None:
    pairs = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": pairs})


async def _body(send: Send, body: bytes = b"", *, more: bool = True) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": more})
