"""Going on after the last event a client has seen, and filters."""

from __future__ import annotations

import asyncio

import pytest

from governance.audit.record import record
from governance.audit.sequence import sequence
from governance.types import SYSTEM
from tests.tickets.stream.conftest import Client, data, happen, off_loop
from tickets import lifecycle
from tickets.models import Status
from tickets.stream import log

pytestmark = pytest.mark.django_db(transaction=True)


def replayed(path: str, after: str, count: int) -> tuple[dict[str, object], list[str]]:
    """(payload of connected, ids that follow); nothing more comes."""

    async def scene() -> tuple[dict[str, object], list[str]]:
        async with Client(path, after=after) as client:
            first = data(await client.next())["payload"]
            ids = [frame.id for frame in await client.take(count)]
            assert await client.silent(0.1)
            return first, ids

    return asyncio.run(scene())


def test_without_an_id_only_new_events_come(ticket):
    happen(ticket)

    async def scene() -> None:
        async with Client("/api/stream") as client:
            await client.next()
            new = await off_loop(happen, ticket)
            assert (await client.next()).id == new

    asyncio.run(scene())


def test_the_answer_says_from_where_it_goes_on(ticket):
    """Who is cut off before an event came goes on from there."""
    seen, missed = happen(ticket), happen(ticket)

    async def begins(after: str = "") -> str:
        async with Client("/api/stream", after=after) as client:
            return client.headers["last-event-id"]

    assert asyncio.run(begins()) == missed
    assert asyncio.run(begins(seen)) == seen
    _, ids = replayed("/api/stream", seen, 1)
    assert ids == [missed]


def test_everything_after_an_id_comes_again_in_order(ticket, other):
    ids = [happen(ticket), happen(other), happen(ticket), happen(other)]
    connected, got = replayed("/api/stream", ids[0], 3)
    assert got == ids[1:]
    assert "replayFrom" not in connected


def test_the_streams_of_one_ticket_and_of_all_can_resume_each_other(ticket, other):
    ids = [happen(ticket), happen(other), happen(ticket)]
    assert replayed(f"/api/tickets/{ticket.pk}/stream", ids[1], 1)[1] == [ids[2]]


def test_the_last_id_leaves_nothing_to_replay(ticket):
    last = happen(ticket)
    assert replayed("/api/stream", last, 0) == ({"ticketId": None, "currentStatus": None}, [])


def test_an_id_in_the_query_serves_clients_that_cannot_send_the_header(ticket):
    first, second = happen(ticket), happen(ticket)
    assert replayed(f"/api/stream?lastEventId={first}", "", 1)[1] == [second]


def test_an_unknown_id_replays_from_the_oldest_and_says_so(ticket, other):
    ids = [happen(other), happen(ticket), happen(ticket)]
    foreign = [
        "evt_9999999999999999",
        "evt_abc123",
        "17",
        "evt_0000000000000000",
        "evt_" + "9" * 99,
    ]
    for unknown in foreign:
        connected, got = replayed(f"/api/tickets/{ticket.pk}/stream", unknown, 2)
        assert got == ids[1:]
        assert connected["replayFrom"] == ids[1]


def test_an_unknown_id_where_nothing_ever_happened(ticket):
    connected, _ = replayed(f"/api/tickets/{ticket.pk}/stream", "evt_7", 0)
    assert connected["replayFrom"] is None


def test_a_replay_longer_than_a_page_is_complete(ticket, monkeypatch):
    monkeypatch.setattr(log.LogStorage.page, "__defaults__", (3,))
    ids = [happen(ticket, turn=n) for n in range(8)]
    assert replayed("/api/stream", ids[0], 7)[1] == ids[1:]


def test_events_of_no_ticket_are_passed_over(ticket, monkeypatch):
    monkeypatch.setattr(log.LogStorage.page, "__defaults__", (2,))
    first = happen(ticket)
    for _ in range(5):
        record("tool_called", actor=SYSTEM, action="gateway", trace_id="tr_1", data={})
    sequence()
    last = happen(ticket)
    assert replayed("/api/stream", first, 1)[1] == [last]


def test_a_row_that_cannot_be_shown_does_not_stop_a_stream(ticket):
    first = happen(ticket)
    record("tool_called", actor=SYSTEM, action="x", data={"ticket": "no object", "payload": 1})
    sequence()
    last = happen(ticket)
    assert replayed("/api/stream", first, 1)[1] == [last]


# --- filters ---


def moved(ticket, *path: Status) -> None:
    for to in path:
        lifecycle.move(ticket, to, actor=SYSTEM)
    sequence()


def changes(path: str, after: str, count: int) -> list[str]:
    async def scene() -> list[str]:
        async with Client(path, after=after) as client:
            await client.next()
            frames = await client.take(count)
            assert await client.silent(0.1)
            return [data(frame)["payload"]["to"] for frame in frames]

    return asyncio.run(scene())


def test_a_status_filter_includes_the_transition_into_it_and_not_out_of_it(ticket):
    start = happen(ticket)
    moved(ticket, Status.PLANNING, Status.PENDING_PLAN_APPROVAL, Status.EXECUTING)
    assert changes("/api/stream?status=pending_plan_approval", start, 1) == [
        "pending_plan_approval"
    ]


def test_several_statuses_and_empty_elements(ticket):
    start = happen(ticket)
    moved(ticket, Status.PLANNING, Status.EXECUTING, Status.OBSERVING)
    path = "/api/stream?status=planning,,%20observing"
    assert changes(path, start, 2) == ["planning", "observing"]


def test_filters_hold_for_live_events_too(ticket, other):
    async def scene() -> None:
        async with Client("/api/stream?priority=critical&status=planning") as client:
            await client.next()
            await off_loop(moved, ticket, Status.PLANNING)
            await off_loop(moved, other, Status.PLANNING, Status.CANCELLED)
            frame = await client.next()
            assert data(frame)["ticketId"] == str(other.pk)
            assert data(frame)["payload"]["to"] == "planning"
            assert await client.silent()

    asyncio.run(scene())


def test_replay_and_live_events_meet_without_seam(ticket):
    ids = [happen(ticket) for _ in range(5)]

    async def scene() -> list[str]:
        async with Client("/api/stream", after=ids[0]) as client:
            await client.next()
            more = [await off_loop(happen, ticket) for _ in range(5)]
            assert [frame.id for frame in await client.take(9)] == ids[1:] + more
            assert await client.silent(0.1)
            return more

    asyncio.run(scene())


def test_a_filter_is_for_the_stream_of_all_tickets_only(ticket):
    first, second = happen(ticket), happen(ticket)
    path = f"/api/tickets/{ticket.pk}/stream?status=resolved"
    assert replayed(path, first, 1)[1] == [second]
