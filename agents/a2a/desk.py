"""The tasks of one agent, as one caller may see and change them. Asks the database.

A caller sees their own tasks: what is not theirs does not exist for them. With authentication off
everybody on this machine is one caller.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.dateparse import parse_datetime

from agents.a2a import push
from agents.a2a.errors import (
    InvalidParams,
    TaskNotCancelable,
    TaskNotFound,
    UnsupportedOperation,
)
from agents.a2a.incoming import Said, Wishes, number_of, text_of
from agents.a2a.outgoing import Json, Shown, task_of
from agents.definition import HelpdeskAgent
from agents.external.protocol import Protocol
from agents.helpdesk import catalogue, tasks
from agents.models import ENDED_TASK, HelpdeskTask, TaskMessage, TaskState
from governance.types import Principal

USUAL_PAGE, MOST_PAGE = 50, 100
MOST_MESSAGES = 100  # that a task takes after its first


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Every verb raises `RpcError`; an id of somebody else's task is one that is not there."""

    agent: HelpdeskAgent
    caller: Principal
    protocol: Protocol

    def send(self, said: Said, wishes: Wishes, *, trace_id: str) -> Shown:
        """A new task, or a further message to one that has not ended."""
        if said.task_id:
            return self._further(said, wishes)
        self._check_skill(said.tool)
        config = push.wanted(wishes.push, self.protocol) if wishes.push else None
        about: tasks.Asked = {
            "by": self.caller,
            "trace_id": said.trace_id or trace_id,
            "context_id": said.context_id,
            "message": said.message,
            "purpose": said.purpose,
            "purpose_note": said.purpose_note,
        }
        with transaction.atomic():
            if said.tool:
                task = tasks.call(self.agent.name, said.tool, said.arguments, **about)
            else:
                task = tasks.ask(self.agent.name, said.question, **about)
            if config:
                push.keep(task, config)
        return Shown.of(task)

    def find(self, key: str) -> Shown:
        task = self._task(key)
        return Shown.of(task, [one.message for one in task.messages.all()])

    def cancel(self, key: str) -> Shown:
        task = self._task(key)
        try:
            tasks.cancel(task.key, by=self.caller)
        except tasks.NotCancelable as refusal:
            raise TaskNotCancelable(str(refusal), taskId=key) from None
        return self.find(key)

    def listed(self, params: Mapping[str, Any]) -> Json:
        """`ListTasks` of protocol 1.0: newest change first, in pages."""
        size = number_of(params, "pageSize", most=MOST_PAGE) or USUAL_PAGE
        history = number_of(params, "historyLength")
        found = self._filtered(params)
        page = list(_behind(found, params.get("pageToken"))[: size + 1])
        more = len(page) > size
        artifacts = params.get("includeArtifacts") is True
        shown = [
            Shown.of(task, [one.message for one in task.messages.all()]) for task in page[:size]
        ]
        return {
            "tasks": [
                task_of(one, self.protocol, history=history, artifacts=artifacts) for one in shown
            ],
            "nextPageToken": _token(page[size - 1]) if more else "",
            "pageSize": size,
            "totalSize": found.count(),
        }

    def open_task(self, key: str) -> Shown:
        """A task that can be followed."""
        shown = self.find(key)
        if shown.task.state in ENDED_TASK:
            state = shown.task.state
            raise UnsupportedOperation(f"The task has ended ({state}); get it", taskId=key)
        return shown

    def set_push(self, key: str, config: Mapping[str, Any]) -> Json:
        task = self._task(key)
        return push.shown(push.keep(task, push.wanted(config, self.protocol)), self.protocol)

    def get_push(self, key: str, name: str) -> Json:
        return push.shown(push.find(self._task(key), name), self.protocol)

    def list_push(self, key: str) -> list[Json]:
        found = self._task(key).push_configs.order_by("pk")
        return [push.shown(config, self.protocol) for config in found]

    def delete_push(self, key: str, name: str) -> None:
        """One that is not there is gone already."""
        self._task(key).push_configs.filter(name=name or push.UNNAMED).delete()

    def _further(self, said: Said, wishes: Wishes) -> Shown:
        """It is kept with the task; what the task waits for (an approval) it does not replace."""
        with transaction.atomic():
            task = self._own().select_for_update(of=("self",)).filter(key=said.task_id).first()
            if task is None:
                raise TaskNotFound(f"Task {said.task_id} was not found", taskId=said.task_id)
            if said.context_id not in {"", task.context_id}:
                raise InvalidParams('"contextId" is not that of the task')
            if task.state in ENDED_TASK:
                raise UnsupportedOperation(
                    f"The task has ended ({task.state}); send a new message with its contextId",
                    taskId=task.key,
                )
            if task.messages.count() >= MOST_MESSAGES:
                raise InvalidParams(f"A task takes {MOST_MESSAGES} further messages")
            TaskMessage.objects.create(task=task, message=said.message)
            if wishes.push:
                push.keep(task, push.wanted(wishes.push, self.protocol))
        return self.find(task.key)

    def _check_skill(self, tool: str) -> None:
        if tool and catalogue.toolset(self.agent.name).get(tool) is None:
            raise InvalidParams(f"There is no skill {tool}; the card lists those there are")

    def _task(self, key: str) -> HelpdeskTask:
        task = self._own().filter(key=key).prefetch_related("messages").first()
        if task is None:
            raise TaskNotFound(f"Task {key} was not found", taskId=key)
        return task

    def _own(self) -> QuerySet[HelpdeskTask]:
        found = HelpdeskTask.objects.filter(agent=self.agent.name)
        if settings.AURA.auth == "off":
            return found
        return found.filter(asked_by=self.caller.name, asked_kind=self.caller.kind)

    def _filtered(self, params: Mapping[str, Any]) -> QuerySet[HelpdeskTask]:
        found = self._own().prefetch_related("messages").order_by("-updated_at", "-pk")
        if context_id := text_of(params, "contextId"):
            found = found.filter(context_id=context_id)
        if status := params.get("status"):
            found = found.filter(state=_state(status))
        if (after := params.get("statusTimestampAfter")) is not None:
            found = found.filter(updated_at__gte=_moment(after, "statusTimestampAfter"))
        return found


def _state(status: Any) -> str:
    name = str(status).removeprefix("TASK_STATE_").lower().replace("_", "-")
    if name not in TaskState.values or not str(status).startswith("TASK_STATE_"):
        raise InvalidParams('"status" must be a state such as TASK_STATE_WORKING')
    return name


def _moment(text: Any, name: str) -> datetime:
    try:
        found = parse_datetime(text) if isinstance(text, str) else None
        if found is not None and found.tzinfo is not None:
            return found.astimezone(UTC)
    except (ValueError, OverflowError):
        pass  # told below
    raise InvalidParams(f'"{name}" must be a time such as 2026-01-15T14:30:00Z')


def _token(task: HelpdeskTask) -> str:
    return urlsafe_b64encode(
        json.dumps([task.updated_at.isoformat(), str(task.pk)]).encode()
    ).decode()


def _behind(found: QuerySet[HelpdeskTask], token: Any) -> QuerySet[HelpdeskTask]:
    """What comes after the page that ended with this token."""
    if token in (None, ""):
        return found
    try:
        text, key = json.loads(urlsafe_b64decode(token))
        moment, last = _moment(text, "pageToken"), UUID(key)
    except (ValueError, TypeError, AttributeError, RecursionError):
        raise InvalidParams('"pageToken" must be the nextPageToken of an answer') from None
    return found.filter(Q(updated_at__lt=moment) | Q(updated_at=moment, pk__lt=last))
