"""The events of a task, one after another, until it has ended."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

from agents.a2a.outgoing import Json, Shown, events_of, whole
from agents.external.protocol import Protocol
from agents.helpdesk.waiting import changed
from agents.models import ENDED_TASK, TaskState

BEAT_S = 15.0
LONGEST_S = 3600.0  # then the client subscribes again


async def follow(shown: Shown, protocol: Protocol, *, new: bool) -> AsyncIterator[Json | None]:
    """Frames: the task, then its events; None is a beat of silence.

    `new`: the client has just sent the message. In protocol 0.3 its stream ends when the task waits
    for somebody, and who subscribes then sees what comes of it.
    """
    yield whole(shown, protocol)
    task, began = shown.task, time.monotonic()
    ends = {*ENDED_TASK}
    if new and protocol is Protocol.OLD:
        ends.add(TaskState.INPUT_REQUIRED)
    while task.state not in ends and time.monotonic() - began < LONGEST_S:
        after = await changed(task.key, task.version, BEAT_S)
        if after is None:
            return
        for event in events_of(task, after, protocol):
            yield event
        if after.version == task.version:
            yield None
        task = after
