"""Who may come in over raw asynchronous endpoints (A2A, MCP), and threads to ask the database.

Foreign hosts and origins, throttles, credentials and permissions are judged as on every other port.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, Final, TypeVar

from django.conf import settings
from django.db import close_old_connections

from aura.kernel.origins import ForeignHost, ForeignOrigin, refuse_foreign
from aura.kernel.throttling import count_request
from governance import refusals
from governance.identity import scopes
from governance.types import Principal

THREADS: Final = 4  # each may hold a connection
CALLER: Final = "aura.caller"  # of a scope that was let in: the `Principal` who asks

Scope = MutableMapping[str, Any]
Result = TypeVar("Result")

_threads = ThreadPoolExecutor(THREADS, thread_name_prefix="agents-door")


async def in_thread(work: Callable[..., Result], *arguments: Any) -> Result:
    """Do what asks the database, in the trace of the request."""
    loop, context = asyncio.get_running_loop(), copy_context()
    return await loop.run_in_executor(_threads, lambda: context.run(_work, work, *arguments))


def _work(work: Callable[..., Result], *arguments: Any) -> Result:
    close_old_connections()
    try:
        return work(*arguments)
    finally:
        close_old_connections()


def _check_origin(scope: Mapping[str, Any], headers: Mapping[str, str]) -> None:
    """Raises `ForeignHost` or `ForeignOrigin`, which the log is told."""
    host, origin = headers.get("host", ""), headers.get("origin")
    allowed = settings.AURA.server_cors_origin
    try:
        refuse_foreign(host, origin, hosts=settings.ALLOWED_HOSTS, origins=allowed)
    except (ForeignHost, ForeignOrigin) as problem:
        refusals.note_foreign(
            problem,
            address=scopes.Credentials.of(scope, headers).address,
            route=f"{scope['method']} {scope['path']}",
            host=host,
            origin=origin,
        )
        raise


def admit(scope: Mapping[str, Any], headers: Mapping[str, str]) -> Principal:
    """Who asks. Raises a `Problem`; asks Redis and the database, so call it in a thread."""
    credentials = scopes.Credentials.of(scope, headers)
    _check_origin(scope, headers)
    count_request(credentials.address)
    return credentials.caller(claimed=headers.get("x-user", ""))


def still_welcome(scope: Mapping[str, Any], headers: Mapping[str, str]) -> bool:
    """Would this request still be let in? Logins end while streams are open."""
    return scopes.Credentials.of(scope, headers).still_good()
