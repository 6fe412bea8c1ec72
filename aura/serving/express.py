"""The way to `tickets.api.express`: for who brings a token that is known to be good and enough.

All that Django's handlers and DRF ask of a request is asked here too. Where the answer would be
anything but yes, None: then Django answers, and says why.
"""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from django.conf import settings
from django.db import Error, OperationalError, close_old_connections, connections
from django.http import HttpResponse

from aura.kernel.clients import bearer
from aura.kernel.database.lines import Lines
from aura.kernel.errors import Problem
from aura.kernel.http import as_problem
from aura.kernel.ids import parse_uuid
from aura.kernel.origins import own_host
from aura.kernel.telemetry import context
from aura.serving.answers import Answer, Scope, refusal
from aura.surfaces.access import needed
from governance.identity import Verified, known, known_again, was_known
from tickets.api.express import EXPRESS, Asked

TABLE: Final = "aura.surfaces.api"
LIST: Final = "/api/tickets"
LINES: Final = 8  # connections: as many as the bridge has threads
JSON: Final = frozenset({"application/json", "application/json; charset=utf-8"})
ALLOW: Final = {
    "api/tickets": b"GET, POST, HEAD, OPTIONS",
    "api/tickets/<str:id>": b"GET, PATCH, HEAD, OPTIONS",
}

LOOKED_AT: Final = frozenset({b"authorization", b"content-type", b"host", b"origin"})

lines = Lines(LINES)
_looking: dict[str, asyncio.Future[Verified | None]] = {}
_looker = ThreadPoolExecutor(1, thread_name_prefix="credentials")
_log = logging.getLogger(__name__)


async def express(scope: Scope, body: bytes) -> Answer | None:
    """The answer to a plain request on the API's port, or None."""
    method, (route, ticket) = scope["method"], _route(scope["path"])
    answering = EXPRESS.get(route, {}).get(method)
    token = await token_of(scope) if answering is not None else None
    if answering is None or token is None or needed(TABLE, route, method) not in token.permissions:
        return None
    asked = Asked(token=token, query=scope["query_string"], body=body, id=ticket)
    try:
        response = await answering(lines, asked)
    except Exception as raised:  # noqa: BLE001 - as the bridge: the client learns nothing of a bug
        if method == "GET" and isinstance(raised, OperationalError):
            return None
        return _failed(raised, f"{method} {scope['path']}")
    if response is None:
        return None
    _note(route, ticket, token)
    return _whole(response, ALLOW[route])


async def close() -> None:
    """End the connections, at the end of the loop."""
    await lines.close()
    await asyncio.get_running_loop().run_in_executor(_looker, connections.close_all)


def _route(path: str) -> tuple[str, str]:
    """(route, id in it); the route is empty where another one is asked for."""
    if path == LIST:
        return "api/tickets", ""
    below = path.removeprefix(f"{LIST}/")
    return ("api/tickets/<str:id>", below) if parse_uuid(below) else ("", "")


async def token_of(scope: Scope) -> Verified | None:
    """What the request may do, if there is nothing about it that another would have to look at."""
    said: dict[bytes, bytes] = {}
    for name, value in scope["headers"]:
        if name in LOOKED_AT and said.setdefault(name, value) is not value:
            return None  # said twice
    kind = said.get(b"content-type", b"").decode("latin-1").lower()
    if b"origin" in said or settings.AURA.throttle == "on":
        return None
    if scope["method"] == "POST" and kind not in JSON:
        return None
    if not own_host(said.get(b"host", b"").decode("latin-1"), settings.ALLOWED_HOSTS):
        return None
    token = bearer(said.get(b"authorization", b"").decode("latin-1"))
    if not token:
        return None
    return known(token) or (await _known_again(token) if was_known(token) else None)


async def _known_again(token: str) -> Verified | None:
    """All requests that come meanwhile wait for one look."""
    looking = _looking.get(token)
    if looking is None:
        loop = asyncio.get_running_loop()
        looking = _looking[token] = loop.run_in_executor(_looker, _look, token)
        looking.add_done_callback(lambda _: _looking.pop(token, None))
    return await asyncio.shield(looking)


def _look(token: str) -> Verified | None:
    close_old_connections()
    try:
        return known_again(token)
    except (Error, Problem):  # Django asks once more, and says what is wrong
        return None


def _note(route: str, ticket: str, token: Verified) -> None:
    """What `NotingMiddleware` notes."""
    if (exchange := context.exchange()) is not None:
        exchange.route, exchange.user = route, token.user.get_username()
        exchange.ticket = ticket.lower() or exchange.ticket


def _whole(response: HttpResponse, allow: bytes) -> Answer:
    headers = [(k.lower().encode("latin-1"), v.encode("latin-1")) for k, v in response.items()]
    size = str(len(response.content)).encode()
    headers += [(b"allow", allow), (b"content-length", size)]
    return Answer(status=response.status_code, headers=headers, body=response.content)


def _failed(raised: Exception, what: str) -> Answer:
    problem = as_problem(raised)
    if problem is None:
        _log.error("unexpected error at %s", what, exc_info=raised)
        problem = Problem("Unexpected server error")
    return refusal(problem.status, problem.code, problem.message, api=True)
