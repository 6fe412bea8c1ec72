"""/mcp on the gateway's port: streamable HTTP without sessions, for everybody who may ask agents.

A request is admitted as on every other port; then the library speaks the protocol, in all of its
versions. `receive` gives the whole body first (`aura.asgi`).
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from agents.admission import CALLER, admit, in_thread
from aura.kernel.errors import MethodNotAllowed, Problem
from aura.kernel.http import as_problem, headers_of, plain
from governance.identity import scopes

if TYPE_CHECKING:
    from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

logger = logging.getLogger(__name__)


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers its one path, which its caller has matched."""
    headers = scopes.headers_of(scope)
    try:
        scope[CALLER] = await in_thread(admit, scope, headers)
        if scope["method"] != "POST":  # without sessions nothing would ever come on a stream
            raise MethodNotAllowed("Send MCP requests with POST")  # noqa: TRY301 - told as all are
        manager = await _manager()
    except Exception as raised:  # noqa: BLE001 - told apart in _problem, which logs bugs
        await _refuse(_problem(raised, scope), send)
        return
    await manager.handle_request(scope, receive, send)


async def _manager() -> StreamableHTTPSessionManager:
    """The library's own, one for each event loop: it holds the tasks of its requests."""
    loop = asyncio.get_running_loop()
    if loop not in _running:
        _running[loop] = _Running()
    return await _running[loop].started


class _Running:
    """A manager that runs until its event loop ends."""

    def __init__(self) -> None:
        self.started: asyncio.Future[StreamableHTTPSessionManager] = asyncio.Future()
        self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        from agents.mcp.server import manager  # noqa: PLC0415 - imports the library

        made = manager()
        async with made.run():
            self.started.set_result(made)
            await asyncio.Event().wait()


_running: WeakKeyDictionary[asyncio.AbstractEventLoop, _Running] = WeakKeyDictionary()


def _problem(raised: Exception, scope: Mapping[str, Any]) -> Problem:
    problem = as_problem(raised)
    if problem is None:
        logger.error("unexpected error at %s", scope["path"], exc_info=raised)
        return Problem("Unexpected server error")
    return problem


async def _refuse(problem: Problem, send: Send) -> None:
    body = json.dumps(plain(problem)).encode()
    told = {"content-type": "application/json", "content-length": str(len(body))}
    told |= {name.lower(): value for name, value in headers_of(problem).items()}
    if isinstance(problem, MethodNotAllowed):
        told["allow"] = "POST"
    pairs = [(name.encode(), value.encode("latin-1")) for name, value in told.items()]
    await send({"type": "http.response.start", "status": problem.status, "headers": pairs})
    await send({"type": "http.response.body", "body": body})
