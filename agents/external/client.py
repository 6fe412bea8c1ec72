"""A short visit to an MCP server: connect, do one thing, leave. For threads of workers.

The operator named the URL, so it may be anywhere; redirects to other places are not followed, and
proxies of the environment are not used.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from agents.external.servers import Server, pin
from agents.runtime.tool import NeedsPerson, ToolFailure, TransientFailure
from aura.config import VERSION, variable
from aura.kernel.secrets import remember

if TYPE_CHECKING:
    from mcp import Client
    from mcp_types import CallToolResult

T = TypeVar("T")


def definitions(server: Server) -> dict[str, dict[str, Any]]:
    """What the server says of each of its tools. Raises `ToolFailure`."""
    return _visit(server, _definitions)


def call(server: Server, tool: str, arguments: Mapping[str, Any]) -> CallToolResult:
    """Call a listed tool, if it still is what was pinned. Raises `ToolFailure`."""

    async def work(client: Client) -> CallToolResult:
        found = (await _definitions(client)).get(tool)
        if found is None:
            raise ToolFailure(f"{server.name} has no tool {tool} any more; nothing was called")
        if pin(found) != server.tools[tool].pin:
            raise NeedsPerson(
                f"{server.name} describes {tool} otherwise than when it was allowed; nothing was"
                f" called. Look at it with `manage.py mcp_pin {server.name}` and pin it anew"
            )
        return await client.call_tool(tool, dict(arguments))

    return _visit(server, work)


async def _definitions(client: Client) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    cursor = None
    while True:
        page = await client.list_tools(cursor=cursor)
        for tool in page.tools:
            found[tool.name] = tool.model_dump(by_alias=True, exclude_none=True, mode="json")
        cursor = page.next_cursor
        if not cursor:
            return found


def _visit(server: Server, work: Callable[[Client], Awaitable[T]]) -> T:
    try:
        return asyncio.run(_within(server, work))
    except TimeoutError:
        raise TransientFailure(
            f"{server.name} did not answer within {server.timeout_s:g} s"
        ) from None
    except BaseExceptionGroup as several:
        raise _failure(server, several) from None
    except ToolFailure:
        raise
    except Exception as error:  # noqa: BLE001 - whatever another server makes the library raise
        raise _failure(server, error) from None


async def _within(server: Server, work: Callable[[Client], Awaitable[T]]) -> T:
    import httpx2  # noqa: PLC0415 - workers alone talk to such servers
    from mcp import Client  # noqa: PLC0415
    from mcp.client.streamable_http import streamable_http_client  # noqa: PLC0415

    headers = {"User-Agent": f"Aura/{VERSION}"}
    if server.token_env:
        token = variable(server.token_env)
        if not token:
            raise NeedsPerson(f"{server.name} wants a token, and {server.token_env} is not set")
        remember(token)
        headers["Authorization"] = f"Bearer {token}"
    async with asyncio.timeout(server.timeout_s):
        http = httpx2.AsyncClient(headers=headers, timeout=server.timeout_s, trust_env=False)
        async with http, Client(streamable_http_client(server.url, http_client=http)) as client:
            return await work(client)


def _failure(server: Server, raised: BaseException) -> ToolFailure:
    """The first cause that says something, in words."""
    while isinstance(raised, BaseExceptionGroup):
        raised = raised.exceptions[0]
    if isinstance(raised, ToolFailure):
        return raised
    if isinstance(raised, KeyboardInterrupt | SystemExit):
        raise raised
    return TransientFailure(f"{server.name} was not reached: {type(raised).__name__}: {raised}")
