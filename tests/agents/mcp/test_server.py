"""Our tools over MCP, with the official client over real HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx
import httpx2
import pytest
from mcp import Client, ClientSession
from mcp.client.streamable_http import streamable_http_client

from agents.mcp import server
from agents.models import HelpdeskTask
from governance import approvals
from governance.types import ActorKind, Principal, Role
from tests.agents import standin
from tests.agents.served import Served, served, worked
from tests.people import headers_of, person

pytestmark = pytest.mark.django_db(transaction=True)

ADA = Principal(kind=ActorKind.USER, name="ada", roles=frozenset({"approver"}))


@pytest.fixture
def ours(monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    standin.in_place(monkeypatch)
    server.offers.cache_clear()
    with worked(monkeypatch), served() as ports:
        yield ports
    server.offers.cache_clear()


def visit(ours: Served, work: Any, *, user: Any = None, **more: Any) -> Any:
    """Do something with a client that is connected."""
    headers = {"Authorization": headers_of(user)["HTTP_AUTHORIZATION"]} if user else {}

    async def visiting() -> Any:
        async with httpx2.AsyncClient(headers=headers, timeout=60) as http:
            transport = streamable_http_client(f"{ours.gateway}/mcp", http_client=http)
            async with Client(transport, **more) as client:
                return await work(client)

    return asyncio.run(visiting())


def call(ours: Served, tool: str, arguments: Any, **more: Any) -> Any:
    return visit(ours, lambda client: client.call_tool(tool, arguments), **more)


def test_every_tool_is_listed_with_its_schema_and_how_much_harm_it_can_do(ours):
    listed = visit(ours, lambda client: client.list_tools()).tools
    assert [tool.name for tool in listed] == [
        *("echo", "fail", "wait", "write_down", "burn"),
        server.RESULT,
    ]
    echo, write, burn = listed[0], listed[3], listed[4]
    assert echo.title == "Echo a Text"
    assert echo.input_schema["properties"]["text"]["description"] == "What to say"
    assert echo.annotations.read_only_hint is True
    hints = [
        (one.read_only_hint, one.destructive_hint) for one in (write.annotations, burn.annotations)
    ]
    assert hints == [(False, False), (False, True)]


def test_a_call_is_a_task_behind_the_same_door(ours):
    done = call(ours, "echo", {"text": "hi"})
    task = HelpdeskTask.objects.get()
    assert (task.tool, task.agent) == ("echo", "postgres_database_agent")
    assert done.content[0].text == "echo: hi"
    assert done.structured_content["results"] == [{"said": "hi"}]
    assert not done.is_error
    for tool, arguments, sentence in (
        ("fail", {"text": "db-1"}, "ERROR — fail failed for db-1"),
        ("echo", {"no": "such"}, "the arguments of echo do not fit"),
        ("fly", {}, "There is no tool fly"),
        (server.RESULT, {"task_id": 7}, "takes a task_id"),
        (server.RESULT, {"task_id": "task-none"}, "was not found"),
    ):
        refused = call(ours, tool, arguments)
        assert refused.is_error
        assert sentence in refused.content[0].text


def test_what_needs_an_approval_says_so_and_its_result_is_fetched_afterwards(ours, settings):
    asked = call(ours, "burn", {"text": "x"})
    about = asked.structured_content
    assert not asked.is_error
    assert (about["state"], about["approvalId"] in asked.content[0].text) == (
        "input-required",
        True,
    )
    approvals.approve(about["approvalId"], by=ADA, reason="it may burn")
    done = call(ours, server.RESULT, {"task_id": about["taskId"]})
    assert done.content[0].text == "echo: x"
    settings.AURA = settings.AURA.model_copy(update={"tool_result_chars": 4})
    cut = call(ours, server.RESULT, {"task_id": about["taskId"]})
    assert cut.content[0].text.startswith("echo\n[cut: characters 0 to 4 of 7")
    rest = call(ours, server.RESULT, {"task_id": about["taskId"], "offset": 4})
    assert rest.content[0].text == ": x"


def test_clients_of_every_version_are_served(ours):
    modern = visit(ours, lambda client: client.call_tool("echo", {"text": "a"}))
    assert modern.content[0].text == "echo: a"

    async def legacy(version: str) -> tuple[str, str]:
        async with (
            streamable_http_client(f"{ours.gateway}/mcp") as (read, write, *_),
            ClientSession(read, write) as session,
        ):
            told = await session.initialize()
            done = await session.call_tool("echo", {"text": "b"})
            return told.protocol_version, done.content[0].text

    assert asyncio.run(legacy("")) == ("2025-11-25", "echo: b")
    for version in ("2024-11-05", "2025-03-26", "2025-06-18"):
        about: dict[str, Any] = {"protocolVersion": version, "capabilities": {}}
        about |= {"clientInfo": {"name": "old", "version": "1"}}
        request = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": about}
        headers = {"Accept": "application/json, text/event-stream"}
        answer = httpx.post(f"{ours.gateway}/mcp", json=request, headers=headers, timeout=60)
        assert answer.json()["result"]["protocolVersion"] == version


def test_only_operators_call_tools_and_fetch_their_own_results(ours, settings):
    settings.AURA = settings.AURA.model_copy(update={"auth": "on"})
    answer = httpx.post(f"{ours.gateway}/mcp", json={"jsonrpc": "2.0", "id": 1})
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    vera = headers_of(person("vera", Role.VIEWER))["HTTP_AUTHORIZATION"]
    refused = httpx.post(f"{ours.gateway}/mcp", headers={"Authorization": vera})
    assert (refused.status_code, "agents.ask_agents" in refused.json()["error"]) == (403, True)
    foreign = {"Origin": "https://evil.example"}
    assert httpx.post(f"{ours.gateway}/mcp", headers=foreign).status_code == 403
    olga, otto = person("olga", Role.OPERATOR), person("otto", Role.OPERATOR)
    done = call(ours, "echo", {"text": "mine"}, user=olga)
    assert HelpdeskTask.objects.get().asked_by == "olga"
    about: dict[str, Any] = {"task_id": done.structured_content["taskId"]}
    assert call(ours, server.RESULT, about, user=otto).is_error
    assert call(ours, server.RESULT, about, user=olga).content[0].text == "echo: mine"
