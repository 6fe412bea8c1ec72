"""GET /v1/approvals/{approvalID}/wait, answered by raw asynchronous code: a thousand may wait."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from contextvars import copy_context
from typing import Any, Final

from django.conf import settings
from django.db import Error, close_old_connections
from django.http import QueryDict

from aura.kernel import durations
from aura.kernel.errors import Problem, Unavailable
from aura.kernel.http import as_problem, headers_of, plain
from aura.kernel.origins import ForeignHost, ForeignOrigin, refuse_foreign
from aura.kernel.routes import WAIT_PATH
from aura.kernel.throttling import count_request
from governance import approvals, refusals
from governance.approvals import ApprovalNotFound
from governance.helpdesk.requests import shown
from governance.identity import scopes
from governance.models import Approval

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

USUAL_S: Final = 30.0
MOST_S: Final = 120.0
THREADS: Final = 2  # they look who asks, which a busy process remembers

logger = logging.getLogger(__name__)
_threads = ThreadPoolExecutor(THREADS, thread_name_prefix="approvals-door")


class Left(Exception):
    """The client has gone."""


async def app(scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
    """Answers the one path, which its caller has matched."""
    headers = scopes.headers_of(scope)
    match = WAIT_PATH.fullmatch(scope["path"])
    assert match is not None  # noqa: S101 - for the types
    try:
        await _in_thread(_admit, scope, headers)
        approval = await _answer(match[1], timeout_s(scope), receive)
        status, content, more = 200, _rendered(approval), dict[str, str]()
    except Left:
        return
    except asyncio.CancelledError:
        problem: Problem = Unavailable("the server stops; ask again")
        status, content, more = problem.status, _json(plain(problem)), {"Retry-After": "1"}
    except Exception as raised:  # noqa: BLE001 - told apart in _problem, which logs bugs
        problem = _problem(raised, scope)
        status, content, more = problem.status, _json(plain(problem)), headers_of(problem)
    await _send(send, status, content, more, head=scope["method"] == "HEAD")
    await asyncio.sleep(0)  # what is noted about this request follows the answers to all others


def timeout_s(scope: Mapping[str, Any]) -> float:
    """How long the client wants to wait, in seconds; what is no duration counts as not said."""
    wanted = durations.seconds(QueryDict(scope["query_string"]).get("timeout", ""))
    return min(USUAL_S if wanted is None else wanted, MOST_S)


async def _answer(key: str, wait_s: float, receive: Receive) -> Approval:
    """The request once it is answered, or as it stands then. Raises `ApprovalNotFound`, `Left`."""
    async with _while_there(receive):
        approval = await approvals.wait(key, wait_s)
    if approval is None:
        raise ApprovalNotFound("approval not found")
    return approval


@asynccontextmanager
async def _while_there(receive: Receive) -> AsyncIterator[None]:
    """Within, whoever is answered is still there; else `Left` is raised where it waits.

    The request's own task waits: each step more of the loop is one for all thousand.
    """
    waiting, over = asyncio.current_task(), False
    assert waiting is not None  # noqa: S101 - for the types

    def leave(left: asyncio.Future[None]) -> None:
        if not over and not left.cancelled():
            waiting.cancel()

    left = asyncio.ensure_future(_until_left(receive))
    left.add_done_callback(leave)
    try:
        yield
    except asyncio.CancelledError:
        if left.done() and not left.cancelled():
            waiting.uncancel()
            raise Left from None
        raise
    finally:
        over = True
        left.cancel()


async def _until_left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _in_thread(work: Callable[..., None], *arguments: Any) -> None:
    loop, context = asyncio.get_running_loop(), copy_context()
    await loop.run_in_executor(_threads, lambda: context.run(work, *arguments))


def _admit(scope: Mapping[str, Any], headers: Mapping[str, str]) -> None:
    """May this request be answered? Raises a `Problem`. Asks Redis and the database."""
    close_old_connections()
    credentials = scopes.Credentials.of(scope, headers)
    host, origin = headers.get("host", ""), headers.get("origin")
    try:
        refuse_foreign(
            host,
            origin,
            hosts=settings.ALLOWED_HOSTS,
            origins=settings.AURA.server_cors_origin,
        )
        count_request(credentials.address)
        credentials.check()
    except (ForeignHost, ForeignOrigin) as problem:
        route = f"{scope['method']} {scope['path']}"
        refusals.note_foreign(
            problem, address=credentials.address, route=route, host=host, origin=origin
        )
        raise
    finally:
        close_old_connections()


def _problem(raised: Exception, scope: Mapping[str, Any]) -> Problem:
    if isinstance(raised, Error):
        logger.warning("%s was not answered: %s", scope["path"], raised)
        return Unavailable("The database does not answer")
    problem = as_problem(raised)
    if problem is None:
        logger.error("unexpected error at %s", scope["path"], exc_info=raised)
        return Problem("Unexpected server error")
    return problem


_last: tuple[Approval, bytes] | None = None


def _rendered(approval: Approval) -> bytes:
    """Rendered once for all who waited for the same request: they are given the same row."""
    global _last  # noqa: PLW0603 - used by the event loop's thread alone
    if _last is None or _last[0] is not approval:
        _last = approval, _json(shown(approval))
    return _last[1]


def _json(body: Mapping[str, Any]) -> bytes:
    return json.dumps(body).encode()


async def _send(
    send: Send, status: int, content: bytes, headers: Mapping[str, str], *, head: bool
) -> None:
    told = {"content-type": "application/json", "content-length": str(len(content)), **headers}
    pairs = [(name.lower().encode(), value.encode("latin-1")) for name, value in told.items()]
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    await send({"type": "http.response.body", "body": b"" if head else content})
