"""The ASGI application of the agents' ports: cards, and JSON-RPC on `/` and `/invoke`.

Errors of the protocol are HTTP 200, as it says; who may not come in gets 400, 401, 403 or 429 with
the same body. `receive` gives the whole body first (`aura.asgi`).
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from contextlib import aclosing
from email.utils import formatdate
from functools import cache
from time import time
from typing import Any, Final

from django.conf import settings
from django.http import QueryDict

from agents.a2a import methods, rpc
from agents.a2a.cards import Card, Flavour, card, flavour
from agents.a2a.desk import Desk
from agents.a2a.errors import InvalidRequest, RpcError
from agents.a2a.methods import Asked
from agents.a2a.rpc import Call
from agents.admission import admit, in_thread, still_welcome
from agents.definition import HelpdeskAgent
from agents.external.protocol import Protocol
from agents.helpdesk import catalogue
from aura.kernel.errors import Problem, Unavailable
from aura.kernel.http import as_problem, headers_of
from aura.kernel.routes import A2A_CARDS
from governance.identity import scopes

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

CARD_FRESH_S: Final = 300
STARTED: Final = formatdate(time(), usegmt=True)  # cards change with a start alone
REFUSED: Final = -32000  # JSON-RPC leaves the code to the server
STREAM_HEADERS: Final = {
    "content-type": "text/event-stream",
    "cache-control": "no-cache",
    "x-accel-buffering": "no",
}

logger = logging.getLogger(__name__)


class Left(Exception):
    """The client has gone."""


class Refused(RpcError):
    """Not let in, for what the problem says."""

    code = REFUSED

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers the paths of cards and calls on the ports of the agents."""
    agent = catalogue.agents()[settings.AURA.ports.agents.index(scope["server"][1])]
    headers = scopes.headers_of(scope)
    if scope["path"] in A2A_CARDS:
        await _show_card(agent, scope, headers, send)
    else:
        await _answer(agent, scope, headers, receive, send)


async def _show_card(
    agent: HelpdeskAgent, scope: Scope, headers: Mapping[str, str], send: Send
) -> None:
    """Open to everybody, pages of other sites included."""
    told = {"access-control-allow-origin": "*"}
    if scope["method"] == "OPTIONS":
        told["access-control-allow-methods"] = "GET, HEAD, OPTIONS"
        await _send(send, 204, b"", told | {"access-control-allow-headers": "*"})
        return
    if scope["method"] not in {"GET", "HEAD"}:
        body = json.dumps({"error": "Cards are read with GET"}).encode()
        await _send(send, 405, body, told | {"allow": "GET, HEAD, OPTIONS"})
        return
    found = _card(agent.name, flavour(scope["path"], _version(scope, headers), settings.AURA))
    told |= {
        "cache-control": f"public, max-age={CARD_FRESH_S}",
        "etag": found.etag,
        "last-modified": STARTED,
        "vary": "A2A-Version",
    }
    if headers.get("if-none-match") == found.etag:
        await _send(send, 304, b"", told)
    else:
        await _send(send, 200, found.body, told, head=scope["method"] == "HEAD")


@cache
def _card(name: str, shape: Flavour) -> Card:
    agent = next(agent for agent in catalogue.agents() if agent.name == name)
    return card(agent, settings.AURA, shape)


async def _answer(
    agent: HelpdeskAgent,
    scope: Scope,
    headers: Mapping[str, str],
    receive: Receive,
    send: Send,
) -> None:
    request: Mapping[str, Any] = {}
    protocol = Protocol.OLD
    try:
        caller = await in_thread(admit, scope, headers)
        protocol = rpc.protocol_of(_version(scope, headers))
        if scope["method"] != "POST":
            raise InvalidRequest("Send JSON-RPC requests with POST")  # noqa: TRY301 - told as all are
        body = (await receive()).get("body", b"")
        request = rpc.parsed(body, headers.get("content-type", ""))
        call = rpc.call_of(request, protocol)
        methods.check(call)
        asked = Asked(call=call, desk=Desk(agent=agent, caller=caller, protocol=protocol))
        if work := methods.STREAMING[protocol].get(call.method):
            await _stream(await work(asked), call, scope, headers, receive, send)
            return
        content = rpc.result(call.id, await _unless_left(asked, receive))
        status, told = 200, dict[str, str]()
    except Left:
        return
    except Exception as raised:  # noqa: BLE001 - told apart in _told, which logs bugs
        error = _told(raised, scope)
        content = rpc.failure(rpc.id_of(request), error, protocol)
        status, told = _status(error)
        if status == 200 and _wants_stream(request, protocol, headers):  # noqa: PLR2004 - HTTP's
            await _start(send, status, STREAM_HEADERS)
            await _body(send, _data(content), more=False)
            return
    await _send(send, status, json.dumps(content).encode(), told)


def _version(scope: Scope, headers: Mapping[str, str]) -> str:
    said = headers.get("a2a-version")
    return QueryDict(scope["query_string"]).get("A2A-Version", "") if said is None else said


async def _unless_left(asked: Asked, receive: Receive) -> Any:
    """The answer, unless the client goes before it is there. A stopping server says so."""
    work = methods.ANSWERING[asked.call.protocol][asked.call.method]
    answer = asyncio.ensure_future(work(asked))
    left = asyncio.ensure_future(_until_left(receive))
    try:
        await asyncio.wait({left, answer}, return_when=asyncio.FIRST_COMPLETED)
    except asyncio.CancelledError:
        raise Unavailable("The server stops; ask for the task again in a moment") from None
    finally:
        left.cancel()
        if not answer.done():
            answer.cancel()
    if not answer.done():
        raise Left
    return answer.result()


async def _until_left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _stream(
    events: AsyncIterator[Any],
    call: Call,
    scope: Scope,
    headers: Mapping[str, str],
    receive: Receive,
    send: Send,
) -> None:
    """Write events until there are no more, their reader has gone or may no longer read them."""
    await _start(send, 200, STREAM_HEADERS)

    async def write() -> None:
        async with aclosing(events) as frames:  # type: ignore[type-var]
            async for event in frames:
                if event is None and not await _welcome(scope, headers):
                    return
                await _body(send, _frame(call, event))

    writing = asyncio.ensure_future(write())
    left = asyncio.ensure_future(_until_left(receive))
    try:
        await asyncio.wait({writing, left}, return_when=asyncio.FIRST_COMPLETED)
        if writing.done() and (raised := writing.exception()):
            error = _told(raised, scope)
            await _body(send, _data(rpc.failure(call.id, error, call.protocol)))
    finally:
        left.cancel()
        writing.cancel()
    await _body(send, b"", more=False)


async def _welcome(scope: Scope, headers: Mapping[str, str]) -> bool:
    return settings.AURA.auth == "off" or await in_thread(still_welcome, scope, headers)


def _frame(call: Call, event: Any) -> bytes:
    if event is None:
        return b":\n\n"  # a comment: silence is no broken connection
    return _data(rpc.result(call.id, event))


def _data(content: Mapping[str, Any]) -> bytes:
    return b"data: " + json.dumps(content).encode() + b"\n\n"


def _wants_stream(
    request: Mapping[str, Any], protocol: Protocol, headers: Mapping[str, str]
) -> bool:
    """Clients of 0.3 that asked for a stream may read nothing else; those of 1.0 expect JSON."""
    asked = protocol is Protocol.OLD and request.get("method") in methods.STREAMING[protocol]
    return asked and "text/event-stream" in headers.get("accept", "")


def _told(raised: BaseException, scope: Scope) -> RpcError:
    """What the client is told of a failure; a bug tells nothing more."""
    if isinstance(raised, RpcError):
        return raised
    if isinstance(raised, RecursionError):
        return InvalidRequest("The request is nested too deeply")
    problem = as_problem(raised) if isinstance(raised, Exception) else None
    if problem is None:
        logger.error("unexpected error at %s", scope["path"], exc_info=raised)
        return RpcError("Unexpected server error")
    return Refused(problem)


def _status(error: RpcError) -> tuple[int, dict[str, str]]:
    """(HTTP status, headers)"""
    if isinstance(error, Refused):
        return error.problem.status, headers_of(error.problem)
    return 200, {}


async def _start(send: Send, status: int, headers: Mapping[str, str]) -> None:
    pairs = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": pairs})


async def _body(send: Send, body: bytes, *, more: bool = True) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": more})


async def _send(
    send: Send, status: int, body: bytes, headers: Mapping[str, str], *, head: bool = False
) -> None:
    about = {"content-type": "application/json", "content-length": str(len(body))}
    await _start(send, status, {**(about if status not in {204, 304} else {}), **headers})
    await _body(send, b"" if head else body, more=False)
