"""Django's WSGI handler behind ASGI, in threads: half the cost of Django's own ASGI handler.

Bodies are read whole before a thread is taken, and responses are joined: what streams does not
come through here. A view whose answer comes later (`aura.kernel.later`) gives its thread back.
"""

from __future__ import annotations

import asyncio
import io
import json
import logging
import re
import sys
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any

from aura.kernel.errors import Problem
from aura.kernel.http import headers_of, plain
from aura.kernel.later import LATER, Later
from aura.serving.answers import Answer, Receive, Scope, Send, refusal
from aura.serving.body import BodyRefused, Disconnected, read_body

# Each may hold one database connection, and is made only when all are busy. More of them would
# answer no more: they would wait for each other.
THREADS = 8

Environ = dict[str, Any]
Express = Callable[[Scope, bytes], Awaitable[Answer | None]]
Wsgi = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]
# Bodies are UTF-8; a charset that is none of text (`zlib`) makes Django fail before it can answer.
CHARSET = re.compile(r";\s*charset\b[^;]*", re.IGNORECASE)
_log = logging.getLogger(__name__)


class Bridge:
    """ASGI application that answers through a WSGI one. `api_port` has its own error envelope.

    `express` is asked first, and answers without a thread of Django's what it can.
    """

    def __init__(self, wsgi: Wsgi, *, api_port: int, express: Express | None = None) -> None:
        self.wsgi = wsgi
        self.express = express
        self.api_port = api_port
        self.threads = ThreadPoolExecutor(THREADS, thread_name_prefix="django")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        api = scope["server"][1] == self.api_port
        try:
            body = await read_body(scope, receive)
        except Disconnected:
            return
        except BodyRefused as error:
            answer = refusal(error.status, error.code, error.message, api=api)
        else:
            answer = await self._at_once(scope, body) or await self._in_a_thread(
                scope, body, api=api
            )
        await answer.send(send, head=scope["method"] == "HEAD")

    async def _at_once(self, scope: Scope, body: bytes) -> Answer | None:
        return await self.express(scope, body) if self.express is not None else None

    async def _in_a_thread(self, scope: Scope, body: bytes, *, api: bool) -> Answer:
        environ = environ_of(scope, body)
        loop = asyncio.get_running_loop()
        work = copy_context().run  # the thread belongs to the trace of the request
        answer = await loop.run_in_executor(self.threads, work, self._answer, environ, api)
        return await _completed(answer, environ[LATER]) if LATER in environ else answer

    def _answer(self, environ: Environ, api: bool) -> Answer:  # noqa: FBT001 - run_in_executor passes by position
        try:
            return call(self.wsgi, environ)
        except Exception:  # noqa: BLE001 - the last line: the log learns all, the client nothing
            _log.exception("%s %s failed", environ["REQUEST_METHOD"], environ["PATH_INFO"])
            return refusal(500, "INTERNAL_ERROR", "Internal server error", api=api)


async def _completed(begun: Answer, later: Later) -> Answer:
    """The answer that a view has only begun: its headers, with what has come of it."""
    try:
        status, said, more = await later()
    except Problem as problem:
        status, said, more = problem.status, plain(problem), headers_of(problem)
    body = json.dumps(said).encode() + b"\n"
    added = [(name.lower().encode(), value.encode("latin-1")) for name, value in more.items()]
    kept = [(name, value) for name, value in begun.headers if name != b"content-length"]
    length = (b"content-length", str(len(body)).encode())
    return Answer(status=status, headers=[*kept, *added, length], body=body)


def call(wsgi: Wsgi, environ: Environ) -> Answer:
    """Run the WSGI application and collect its response. Closes it in the same thread."""
    head: list[Any] = []

    def start_response(status: str, headers: list[tuple[str, str]], _error: Any = None) -> None:
        head[:] = [int(status.split(" ", 1)[0]), headers]

    result = wsgi(environ, start_response)
    try:
        body = b"".join(result)
    finally:
        if close := getattr(result, "close", None):
            close()
    status, pairs = head
    # Django begins each cookie with a space, which HTTP parsers refuse.
    headers = [(k.lower().encode("latin-1"), v.strip().encode("latin-1")) for k, v in pairs]
    if status not in {204, 304} and not any(name == b"content-length" for name, _ in headers):
        headers.append((b"content-length", str(len(body)).encode()))
    return Answer(status=status, headers=headers, body=body)


def environ_of(scope: Scope, body: bytes) -> Environ:
    """PEP 3333 environ. Ports and addresses are those of the connection, never of a header."""
    client = scope.get("client") or ("", 0)
    environ: Environ = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": scope["path"].encode().decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "SERVER_NAME": scope["server"][0],
        "SERVER_PORT": str(scope["server"][1]),
        "REMOTE_ADDR": client[0],
        "REMOTE_PORT": str(client[1]),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    environ |= _header_variables(scope["headers"])
    environ["CONTENT_LENGTH"] = str(len(body))  # honest for chunked bodies too
    return environ


def _header_variables(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    variables: dict[str, str] = {}
    for raw_name, raw_value in headers:
        if b"_" in raw_name or raw_name == b"transfer-encoding":
            continue  # X_Real would pass for X-Real; the body is no longer chunked
        name = raw_name.decode("latin-1").upper().replace("-", "_")
        key = name if name == "CONTENT_TYPE" else f"HTTP_{name}"
        value = raw_value.decode("latin-1")
        if key == "CONTENT_TYPE":
            value = CHARSET.sub("", value)
        if key in variables:
            value = f"{variables[key]}{'; ' if key == 'HTTP_COOKIE' else ','}{value}"
        variables[key] = value
    return variables
