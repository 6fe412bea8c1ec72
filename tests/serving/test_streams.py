"""Event streams while the server stops."""

from __future__ import annotations

import asyncio

import pytest

from aura.serving.answers import Message, Receive, Scope, Send
from aura.serving.streams import Streams


async def endless(scope: Scope, receive: Receive, send: Send) -> None:
    del scope, receive
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await asyncio.sleep(3600)


async def nowhere() -> Message:
    raise AssertionError("nobody asks")


def test_a_stopping_server_ends_streams_with_a_whole_last_chunk() -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def scenario() -> None:
        streams = Streams()
        task = asyncio.create_task(streams.serve(endless, {}, nowhere, send))
        await asyncio.sleep(0)
        streams.close()
        await task

    asyncio.run(scenario())
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
    assert sent[-1]["more_body"] is False


def test_any_other_cancellation_stays_one() -> None:
    async def send(message: Message) -> None:
        del message

    async def scenario() -> None:
        task = asyncio.create_task(Streams().serve(endless, {}, nowhere, send))
        await asyncio.sleep(0)
        task.cancel()
        await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(scenario())
