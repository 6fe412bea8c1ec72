"""What a stream looks like, byte for byte."""

from __future__ import annotations

import asyncio
import json
import re

import pytest

from governance.types import SYSTEM
from tests.tickets.stream.conftest import Client, ask, data, happen, off_loop
from tickets import services
from tickets.events import STREAMED
from tickets.models import Status

pytestmark = pytest.mark.django_db

MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
DOCUMENT = [
    "connected",
    "status_changed",
    "turn_started",
    "turn_completed",
    "tool_called",
    "plan_generated",
    "approval_needed",
    "question_asked",
    "commit_created",
    "push_completed",
    "argo_sync_started",
    "argo_health_update",
    "error",
    "resolved",
    "heartbeat",
]


def test_a_stream_begins_with_its_headers_and_connected(ticket):
    async def scene() -> None:
        async with Client(f"/api/tickets/{ticket.pk}/stream") as client:
            assert client.status == 200
            assert client.headers["content-type"] == "text/event-stream"
            assert client.headers["cache-control"] == "no-cache"
            assert client.headers["x-accel-buffering"] == "no"
            first = await client.next()
            assert (first.id, first.event) == ("", "connected")
            content = data(first)
            assert list(content) == ["type", "ticketId", "timestamp", "payload"]
            assert content["type"] == "connected"
            assert content["ticketId"] == str(ticket.pk)
            assert MOMENT.fullmatch(content["timestamp"])
            assert content["payload"] == {"ticketId": str(ticket.pk), "currentStatus": "draft"}

    asyncio.run(scene())


def test_the_stream_of_all_tickets_is_connected_to_none():
    async def scene() -> None:
        async with Client("/api/stream") as client:
            content = data(await client.next())
            assert content["ticketId"] is None
            assert content["payload"] == {"ticketId": None, "currentStatus": None}

    asyncio.run(scene())


def test_an_event_is_written_as_the_document_shows_it(ticket):
    async def scene() -> None:
        async with Client(f"/api/tickets/{ticket.pk}/stream") as client:
            await client.next()
            change = {"from": "planning", "to": "pending_plan_approval"}
            event_id = await off_loop(happen, ticket, **change)
            piece = (await client.piece()).decode()
            told = re.search(MOMENT, piece)
            assert told
            assert piece == (
                f"id: {event_id}\n"
                "event: status_changed\n"
                f'data: {{"type":"status_changed","ticketId":"{ticket.pk}",'
                f'"timestamp":"{told[0]}",'
                '"payload":{"from":"planning","to":"pending_plan_approval"}}\n'
                "\n"
            )
            assert re.fullmatch(r"evt_\d{16}", event_id)

    asyncio.run(scene())


def test_text_of_any_kind_stays_on_one_line(ticket):
    text = "a\nb\r\nc\u2028d\u0085e \x0c 😀 é"

    async def scene() -> None:
        async with Client("/api/stream") as client:
            await client.next()
            await off_loop(happen, ticket, "error_occurred", message=text)
            piece = (await client.piece()).decode()
            assert len(piece.splitlines()) == 4
            assert json.loads(piece.split("data: ")[1])["payload"]["message"] == text

    asyncio.run(scene())


def test_numbers_of_any_size_pass(ticket):
    async def scene() -> None:
        async with Client("/api/stream") as client:
            await client.next()
            await off_loop(happen, ticket, "tool_called", args={"n": 2**80})
            assert data(await client.next())["payload"] == {"args": {"n": 2**80}}

    asyncio.run(scene())


def test_all_fifteen_names_of_the_document_are_sent_and_no_others(ticket, monkeypatch):
    monkeypatch.setattr("tickets.stream.reader.HEARTBEAT_S", 1.0)

    async def scene() -> set[str]:
        async with Client(f"/api/tickets/{ticket.pk}/stream") as client:
            for event_type in STREAMED:
                await off_loop(happen, ticket, event_type)
            seen: set[str] = set()
            while len(seen) < len(DOCUMENT):
                seen.add((await client.next()).event)
            return seen

    assert len(STREAMED) == 13
    assert asyncio.run(scene()) == set(DOCUMENT)


def test_what_is_logged_but_not_in_the_document_is_not_sent(ticket):
    async def scene() -> None:
        async with Client(f"/api/tickets/{ticket.pk}/stream") as client:
            await client.next()
            await off_loop(happen, ticket, "ticket_created")
            await off_loop(happen, ticket, "validation_failed")
            event_id = await off_loop(happen, ticket, "ticket_resolved", summary="done")
            frame = await client.next()
            assert (frame.id, frame.event) == (event_id, "resolved")

    asyncio.run(scene())


def test_heartbeats_have_no_id_and_come_by_the_clock(ticket, monkeypatch):
    monkeypatch.setattr("tickets.stream.reader.HEARTBEAT_S", 0.1)

    async def scene() -> None:
        began = asyncio.get_running_loop().time()
        async with Client(f"/api/tickets/{ticket.pk}/stream") as client:
            _, first, second = await client.take(3)
            assert 0.19 < asyncio.get_running_loop().time() - began < 20
            assert (first.event, first.id, second.event) == ("heartbeat", "", "heartbeat")
            content = data(first)
            assert content["ticketId"] == str(ticket.pk)
            assert content["payload"] == {"timestamp": content["timestamp"]}

    asyncio.run(scene())


def test_a_stream_stays_open_after_the_end_of_its_ticket(ticket):
    async def scene() -> None:
        async with Client(f"/api/tickets/{ticket.pk}/stream") as client:
            await client.next()
            await off_loop(services.cancel_ticket, ticket, actor=SYSTEM)
            cancelled = await client.next()
            assert data(cancelled)["payload"]["to"] == Status.CANCELLED
            assert await client.silent()
            assert not client.ended

    asyncio.run(scene())


def test_other_tickets_are_not_heard_of(ticket, other):
    async def scene() -> None:
        async with Client(f"/api/tickets/{ticket.pk}/stream") as client:
            await client.next()
            await off_loop(happen, other)
            mine = await off_loop(happen, ticket)
            assert (await client.next()).id == mine

    asyncio.run(scene())


def test_a_ticket_is_found_however_its_id_is_written(ticket):
    async def scene() -> None:
        async with Client(f"/api/tickets/{str(ticket.pk).upper()}/stream") as client:
            assert data(await client.next())["ticketId"] == str(ticket.pk)
            mine = await off_loop(happen, ticket)
            assert (await client.next()).id == mine

    asyncio.run(scene())


def test_head_answers_the_headers_alone(ticket):
    answer = asyncio.run(ask(f"/api/tickets/{ticket.pk}/stream", method="HEAD"))
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/event-stream"
    assert answer.sent_bytes == 0


def test_a_page_of_an_allowed_origin_may_read_the_stream(settings):
    origin = "https://desk.example"
    settings.AURA = settings.AURA.model_copy(update={"server_cors_origin": (origin,)})
    answer = asyncio.run(ask("/api/stream", method="HEAD", headers={"origin": origin}))
    assert answer.headers["access-control-allow-origin"] == origin
    assert answer.headers["vary"] == "origin"


def test_our_own_pages_need_no_permission():
    own = {"origin": "http://localhost:3000"}
    answer = asyncio.run(ask("/api/stream", method="HEAD", headers=own))
    assert answer.status == 200
    assert "access-control-allow-origin" not in answer.headers
