"""The way to `agents.helpdesk.api.express`, as `aura.serving.express` is the API's."""

from __future__ import annotations

import json
import logging
from typing import Final

from agents.helpdesk.api.express import FAMILIES, Asked, Said, called
from aura.kernel.errors import Problem
from aura.kernel.http import as_problem
from aura.kernel.telemetry import context
from aura.serving.answers import Answer, Scope, refusal
from aura.serving.express import token_of
from aura.surfaces.access import needed
from governance.identity import Verified, known_caller

TABLE: Final = "aura.surfaces.gateway"
PREFIX: Final = "/api/v1/"
ALLOW: Final = (b"allow", b"POST, OPTIONS")
TYPE: Final = (b"content-type", b"application/json")
PURPOSE, NOTE = b"x-purpose", b"x-purpose-note"

_log = logging.getLogger(__name__)


async def direct(scope: Scope, body: bytes) -> Answer | None:
    """The answer to a plain direct call on the gateway's port, or None."""
    family, _, tool = scope["path"].removeprefix(PREFIX).partition("/")
    if scope["method"] != "POST" or family not in FAMILIES or not tool or "/" in tool:
        return None
    token = await token_of(scope) if not scope["query_string"] else None
    route = f"api/v1/{family}/<str:tool>"
    purposes = [(n, v.decode("latin-1")) for n, v in scope["headers"] if n in (PURPOSE, NOTE)]
    said = dict(purposes)
    if token is None or len(said) < len(purposes) or not _may(token, route):
        return None
    asked = Asked(
        by=known_caller(token),
        family=family,
        tool=tool,
        body=body,
        purpose=said.get(PURPOSE, ""),
        purpose_note=said.get(NOTE, ""),
    )
    try:
        answer = await called(asked)
    except Exception as raised:  # noqa: BLE001 - as the bridge: the client learns nothing of a bug
        return _failed(raised, scope["path"])
    if answer is None:
        return None
    if (exchange := context.exchange()) is not None:
        exchange.route, exchange.user = route, token.user.get_username()
    return _whole(answer)


def _may(token: Verified, route: str) -> bool:
    return needed(TABLE, route, "POST") in token.permissions


def _whole(said: Said) -> Answer:
    body = json.dumps(said.content).encode() + b"\n"
    told = [
        (name.lower().encode(), value.encode("latin-1")) for name, value in said.headers.items()
    ]
    size = (b"content-length", str(len(body)).encode())
    return Answer(status=said.status, headers=[TYPE, ALLOW, *told, size], body=body)


def _failed(raised: Exception, path: str) -> Answer:
    problem = as_problem(raised)
    if problem is None:
        _log.error("unexpected error at POST %s", path, exc_info=raised)
        problem = Problem("Unexpected server error")
    return refusal(problem.status, problem.code, problem.message, api=False)
