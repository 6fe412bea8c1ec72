"""Waiting for a task, by as many as want to: it holds neither a thread nor a connection."""

from __future__ import annotations

from functools import partial

from agents.admission import in_thread
from agents.helpdesk.news import CHANNEL
from agents.helpdesk.tasks import begin
from agents.models import ENDED_TASK, HelpdeskTask, TaskState
from aura.kernel import rows
from aura.kernel.longpoll import LongPoll
from governance.audit.canonical import storable

LINGER_S = 30.0  # somebody asks again soon
SETTLED = ENDED_TASK | {TaskState.INPUT_REQUIRED}


async def settled(key: str, timeout_s: float) -> HelpdeskTask | None:
    """The task once it has ended or waits for a person, or as it stands after `timeout_s`.

    None: there is none. Raises `Unavailable` when the database does not answer then.
    """
    return await _polls.wait(str(storable(key)), _is_settled, timeout_s)


async def begun(task: HelpdeskTask, timeout_s: float) -> HelpdeskTask | None:
    """Begin a task that is not written yet (`tasks.begin`), and wait as `settled` does."""
    return await _polls.begun(task.key, partial(in_thread, begin, task), _is_settled, timeout_s)


async def decided(key: str, approval: str, timeout_s: float) -> HelpdeskTask | None:
    """As `settled`, for somebody who has been told that it waits for this approval (its key)."""

    def is_further(task: HelpdeskTask) -> bool:
        waits_still = task.state == TaskState.INPUT_REQUIRED and task.approval == approval
        return task.state in SETTLED and not waits_still

    return await _polls.wait(str(storable(key)), is_further, timeout_s)


async def changed(key: str, after_version: int, timeout_s: float) -> HelpdeskTask | None:
    """The task once it is of a later version, or as it stands after `timeout_s`; as `settled`."""
    return await _polls.wait(
        str(storable(key)), lambda task: task.version > after_version, timeout_s
    )


def _is_settled(task: HelpdeskTask) -> bool:
    return task.state in SETTLED


def _rows(keys: list[str]) -> dict[str, HelpdeskTask]:
    if len(keys) == 1:
        task = rows.find_by(HelpdeskTask, "key", keys[0])
        return {} if task is None else {task.key: task}
    return {task.key: task for task in HelpdeskTask.objects.filter(key__in=keys)}


_polls = LongPoll(CHANNEL, _rows, linger_s=LINGER_S)
