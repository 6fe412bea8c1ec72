"""What each method of either protocol does with a caller's desk.

A method of the first table answers once, one of the second with a stream.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings

from agents.a2a.desk import Desk
from agents.a2a.errors import InvalidParams, MethodNotFound, NoExtendedCard, UnsupportedOperation
from agents.a2a.follow import follow
from agents.a2a.incoming import number_of, said, text_of, wishes
from agents.a2a.outgoing import Json, Shown, task_of
from agents.a2a.rpc import Call
from agents.admission import in_thread
from agents.external.protocol import Protocol
from agents.helpdesk.waiting import settled
from agents.models import ENDED_TASK
from aura.kernel.telemetry import context


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A call, and the desk it is made at."""

    call: Call
    desk: Desk

    @property
    def new(self) -> bool:
        return self.call.protocol is Protocol.NEW

    def key(self, name: str = "id") -> str:
        """The task that is meant."""
        return text_of(self.call.params, name, needed=True)


Answering = Callable[[Asked], Awaitable[Any]]
Streaming = Callable[[Asked], Awaitable[AsyncIterator[Json | None]]]


async def send(asked: Asked) -> Any:
    """Answers when the task has ended or waits for somebody, and after a while as it stands."""
    shown, wanted = await _sent(asked)
    if not wanted.at_once and shown.task.state not in ENDED_TASK:
        task = await settled(shown.task.key, settings.AURA.agent_wait_s)
        shown = Shown(task=task or shown.task, messages=shown.messages)
    content = task_of(shown, asked.call.protocol, history=wanted.history)
    return {"task": content} if asked.new else content


async def stream(asked: Asked) -> AsyncIterator[Json | None]:
    shown, _ = await _sent(asked)
    return follow(shown, asked.call.protocol, new=True)


async def subscribe(asked: Asked) -> AsyncIterator[Json | None]:
    shown = await in_thread(asked.desk.open_task, asked.key())
    return follow(shown, asked.call.protocol, new=False)


async def get(asked: Asked) -> Any:
    history = number_of(asked.call.params, "historyLength")
    shown = await in_thread(asked.desk.find, asked.key())
    return task_of(shown, asked.call.protocol, history=history)


async def cancel(asked: Asked) -> Any:
    return task_of(await in_thread(asked.desk.cancel, asked.key()), asked.call.protocol)


async def listed(asked: Asked) -> Any:
    return await in_thread(asked.desk.listed, asked.call.params)


async def set_push(asked: Asked) -> Any:
    params = asked.call.params
    config = params if asked.new else params.get("pushNotificationConfig")
    if not isinstance(config, dict):
        raise InvalidParams('"pushNotificationConfig" must be an object with a url')
    return await in_thread(asked.desk.set_push, asked.key("taskId"), config)


async def get_push(asked: Asked) -> Any:
    return await in_thread(asked.desk.get_push, *_push_ids(asked))


async def list_push(asked: Asked) -> Any:
    found = await in_thread(asked.desk.list_push, asked.key("taskId" if asked.new else "id"))
    return {"configs": found, "nextPageToken": ""} if asked.new else found


async def delete_push(asked: Asked) -> Any:
    await in_thread(asked.desk.delete_push, *_push_ids(asked))
    return {} if asked.new else None


async def extended_card(asked: Asked) -> Any:
    """There is none: what a card says is for everybody."""
    sentence = "There is no extended card; the card at the well-known path says everything"
    raise UnsupportedOperation(sentence) if asked.new else NoExtendedCard(sentence)


ANSWERING: Final[dict[Protocol, dict[str, Answering]]] = {
    Protocol.NEW: {
        "SendMessage": send,
        "GetTask": get,
        "ListTasks": listed,
        "CancelTask": cancel,
        "CreateTaskPushNotificationConfig": set_push,
        "GetTaskPushNotificationConfig": get_push,
        "ListTaskPushNotificationConfigs": list_push,
        "DeleteTaskPushNotificationConfig": delete_push,
        "GetExtendedAgentCard": extended_card,
    },
    Protocol.OLD: {
        "message/send": send,
        "tasks/get": get,
        "tasks/cancel": cancel,
        "tasks/pushNotificationConfig/set": set_push,
        "tasks/pushNotificationConfig/get": get_push,
        "tasks/pushNotificationConfig/list": list_push,
        "tasks/pushNotificationConfig/delete": delete_push,
        "agent/getAuthenticatedExtendedCard": extended_card,
    },
}
STREAMING: Final[dict[Protocol, dict[str, Streaming]]] = {
    Protocol.NEW: {"SendStreamingMessage": stream, "SubscribeToTask": subscribe},
    Protocol.OLD: {"message/stream": stream, "tasks/resubscribe": subscribe},
}


def check(call: Call) -> None:
    """Raises `MethodNotFound`."""
    known = {**ANSWERING[call.protocol], **STREAMING[call.protocol]}
    if call.method not in known:
        other = Protocol.OLD if call.protocol is Protocol.NEW else Protocol.NEW
        hint = ""
        if call.method in {**ANSWERING[other], **STREAMING[other]}:
            hint = f"; it is one of A2A {other}, which the header A2A-Version asks for"
        raise MethodNotFound(f"A2A {call.protocol} has no method {call.method[:100]}{hint}")


async def _sent(asked: Asked) -> tuple[Shown, Any]:
    message = said(asked.call.params, asked.call.protocol)
    wanted = wishes(asked.call.params, asked.call.protocol)
    trace = context.current()
    send_it = asked.desk.send
    shown = await in_thread(lambda: send_it(message, wanted, trace_id=trace.id if trace else ""))
    return shown, wanted


def _push_ids(asked: Asked) -> tuple[str, str]:
    """(task, configuration); 0.3 calls them by other names, and takes the first one unnamed."""
    params = asked.call.params
    if asked.new:
        return asked.key("taskId"), text_of(params, "id", needed=True)
    return asked.key(), text_of(params, "pushNotificationConfigId")
