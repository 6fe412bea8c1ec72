"""Tasks and events as each protocol writes them. Pure.

A `Shown` holds what a task's row and its messages say; parts are kept in the shape of 1.0.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from agents.external.protocol import Protocol
from agents.models import ENDED_TASK, HelpdeskTask, TaskState
from aura.kernel.ids import iso

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A task with the messages that were sent to it, oldest first."""

    task: HelpdeskTask
    messages: Sequence[Mapping[str, Any]]

    @classmethod
    def of(cls, task: HelpdeskTask, follow_ups: Sequence[Mapping[str, Any]] = ()) -> Self:
        first = task.message if task.message.get("messageId") else _spoken(task)
        return cls(task=task, messages=(first, *follow_ups))


def task_of(
    shown: Shown, protocol: Protocol, *, history: int | None = None, artifacts: bool = True
) -> Json:
    """The task. `history`: at most so many of the newest messages; None: all."""
    task = shown.task
    messages = shown.messages if history is None else shown.messages[-history:]
    answer: Json = {
        "id": task.key,
        "contextId": task.context_id,
        "status": status_of(task, protocol),
        "metadata": _metadata(task),
    }
    if artifacts:
        answer["artifacts"] = [artifact_of(one, protocol) for one in artifacts_of(task)]
    if history != 0:
        answer["history"] = [_message(one, task, protocol) for one in messages]
    return answer if protocol is Protocol.NEW else {"kind": "task", **answer}


def status_of(task: HelpdeskTask, protocol: Protocol) -> Json:
    """The status; it has a message where there is more to say than the artifacts do."""
    begun = task.state == TaskState.SUBMITTED and task.tool_calls  # reads move no task
    state = TaskState.WORKING if begun else task.state
    answer: Json = {"state": _state(state, protocol), "timestamp": iso(task.updated_at)}
    silent = task.state == TaskState.COMPLETED or not task.text
    return answer if silent else answer | {"message": _said(task, task.text, protocol)}


def artifacts_of(task: HelpdeskTask) -> list[Mapping[str, Any]]:
    """What came of the task: the answer in words first, then what its tools returned."""
    if task.state != TaskState.COMPLETED or not task.text:
        return list(task.artifacts)
    answer = {"id": f"{task.key}-answer", "name": "answer", "parts": [{"text": task.text}]}
    return [answer, *task.artifacts]


def artifact_of(artifact: Mapping[str, Any], protocol: Protocol) -> Json:
    """`parts` is kept as one text, which may be JSON, or as a list of parts in the shape of 1.0."""
    parts = artifact["parts"]
    kept = [_parsed(parts)] if isinstance(parts, str) else parts
    answer = {"artifactId": artifact["id"], "parts": [part_of(one, protocol) for one in kept]}
    return answer | ({"name": artifact["name"]} if artifact.get("name") else {})


def _parsed(text: str) -> Json:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    return {"data": found} if isinstance(found, dict | list) else {"text": text}


def part_of(part: Mapping[str, Any], protocol: Protocol) -> Json:
    """A part that is kept in the shape of 1.0."""
    if protocol is Protocol.NEW:
        return dict(part)
    if "text" in part:
        return {"kind": "text", "text": part["text"]}
    if "data" in part:
        return {"kind": "data", "data": part["data"]}
    file = {"bytes": part["raw"]} if "raw" in part else {"uri": part["url"]}
    names = {"filename": "name", "mediaType": "mimeType"}
    named = {old: part[new] for new, old in names.items() if new in part}
    return {"kind": "file", "file": file | named}


def events_of(before: HelpdeskTask, after: HelpdeskTask, protocol: Protocol) -> list[Json]:
    """What happened to a task between two looks at it, in the order it happened.

    What a look came too late for is told all the same, so that all readers are told the same.
    """
    had = {one["id"] for one in artifacts_of(before)}
    moved = (after.state, after.approval) != (before.state, before.approval)
    stopped = after.state in {TaskState.CANCELED, TaskState.REJECTED}
    statuses = []
    if moved and before.state != TaskState.WORKING and not stopped:
        statuses.append(_working(after, protocol))
    called = after.tool_calls[len(before.tool_calls) :]
    statuses += [_working(after, protocol, saying=f"Called {tool}") for tool in called]
    answers = [_status_event(after, status, protocol) for status in statuses]
    new = [one for one in artifacts_of(after) if one["id"] not in had]
    answers += [_artifact_event(after, one, protocol) for one in new]
    if moved and after.state != TaskState.WORKING:
        answers.append(_status_event(after, status_of(after, protocol), protocol))
    return answers


def whole(shown: Shown, protocol: Protocol) -> Json:
    """The task as the first frame of a stream, and as what a push notification says."""
    content = task_of(shown, protocol)
    return {"task": content} if protocol is Protocol.NEW else content


def _status_event(task: HelpdeskTask, status: Json, protocol: Protocol) -> Json:
    about = {"taskId": task.key, "contextId": task.context_id, "status": status}
    if protocol is Protocol.NEW:
        return {"statusUpdate": about}
    final = status["state"] in {*ENDED_TASK, TaskState.INPUT_REQUIRED}
    return {"kind": "status-update", **about, "final": final}


def _artifact_event(task: HelpdeskTask, artifact: Mapping[str, Any], protocol: Protocol) -> Json:
    about = {
        "taskId": task.key,
        "contextId": task.context_id,
        "artifact": artifact_of(artifact, protocol),
        "append": False,
        "lastChunk": True,
    }
    new = protocol is Protocol.NEW
    return {"artifactUpdate": about} if new else {"kind": "artifact-update", **about}


def _working(task: HelpdeskTask, protocol: Protocol, *, saying: str = "") -> Json:
    answer: Json = {
        "state": _state(TaskState.WORKING, protocol),
        "timestamp": iso(task.updated_at),
    }
    return answer | ({"message": _said(task, saying, protocol)} if saying else {})


def _said(task: HelpdeskTask, text: str, protocol: Protocol) -> Json:
    reply = {
        "messageId": f"{task.key}-{task.version}",
        "role": "ROLE_AGENT",
        "parts": [{"text": text}],
    }
    return _message(reply, task, protocol)


def _message(message: Mapping[str, Any], task: HelpdeskTask, protocol: Protocol) -> Json:
    answer: Json = {
        "messageId": message["messageId"],
        "role": message["role"],
        "parts": [part_of(part, protocol) for part in message["parts"]],
        "taskId": task.key,
        "contextId": task.context_id,
    }
    if message.get("metadata"):
        answer["metadata"] = message["metadata"]
    if protocol is Protocol.NEW:
        return answer
    role = answer["role"].removeprefix("ROLE_").lower()
    return {"kind": "message", **answer, "role": role}


def _spoken(task: HelpdeskTask) -> Json:
    """The message of a task that did not come by A2A."""
    called = {"data": {"skill": task.tool, "arguments": task.arguments}}
    part = called if task.tool else {"text": task.question}
    return {"messageId": f"{task.key}-0", "role": "ROLE_USER", "parts": [part]}


def _metadata(task: HelpdeskTask) -> Json:
    told = {"traceId": task.trace_id, "toolCalls": task.tool_calls, "approvalId": task.approval}
    return {name: value for name, value in told.items() if value}


def _state(state: str, protocol: Protocol) -> str:
    if protocol is Protocol.OLD:
        return str(state)
    return "TASK_STATE_" + state.upper().replace("-", "_")
