"""Questions to agents and direct calls of tools. A view makes the task; the answer comes later."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from django.conf import settings
from pydantic import AliasChoices
from rest_framework.exceptions import ParseError
from rest_framework.request import Request
from rest_framework.response import Response

from agents.definition import HelpdeskAgent
from agents.helpdesk import cards, catalogue, envelopes, tasks, waiting
from agents.helpdesk.api import bodies
from agents.models import ENDED_TASK, HelpdeskTask, TaskState
from aura.kernel import durations
from aura.kernel.errors import NotFound, ValidationFailed
from aura.kernel.later import answer_later
from aura.kernel.telemetry import context
from governance.api.base import HelpdeskViewSet, documented, parameter
from governance.identity import caller

WAIT: Final = parameter(
    "wait", "How long to wait for the answer, e.g. 30s; then the task is told as it stands"
)
agent_call = partial(
    documented, answer=bodies.Envelope, failures=(400, 413, 415, 422, 502), parameters=[WAIT]
)
ALIASES: Final = "database, db, k8s, incident, research"
LIST_LIMIT: Final = 50
LIST_MOST: Final = 500
LIMIT: Final = re.compile(r"[0-9]{1,9}")
CREATE, LIST = "create_incident_bundle", "list_incidents"


class AgentViewSet(HelpdeskViewSet):
    """What every call of an agent shares."""

    def spoken(self, request: Request) -> Any:
        """The body as it was sent. Raises `ValidationFailed` where it is no JSON."""
        try:
            data = request.data
        except ParseError as error:
            raise ValidationFailed(f"invalid JSON body: {error.detail}") from None
        if not request.META.get("CONTENT_LENGTH", "0").strip("0"):
            raise ValidationFailed("invalid JSON body: it is empty")
        return data

    def object(self, request: Request) -> dict[str, Any]:
        """The same, which must be an object; `null` is one without keys."""
        data = self.spoken(request)
        if data is None:
            return {}
        if not isinstance(data, dict):
            raise ValidationFailed("invalid JSON body: it must be an object")
        return dict(data)

    def begun(self, request: Request, task: HelpdeskTask) -> Response:
        """Answers once the task is settled, or as it stands when the wait is over."""
        wait_s = _wait_s(request)
        answer_later(request._request, partial(_settled, task.key, wait_s))  # noqa: SLF001 - DRF's own way
        headers = {"X-Trace-ID": task.trace_id, "X-Task-ID": task.key}
        return Response(envelopes.envelope(task), headers=headers)

    def call(
        self, request: Request, agent: HelpdeskAgent, tool: str, arguments: Mapping[str, Any]
    ) -> Response:
        """Call a tool directly for whoever asks."""
        task = tasks.call(
            agent.name, tool, arguments, by=caller(request), **_about(request, origin=tasks.DIRECT)
        )
        return self.begun(request, task)


async def _settled(key: str, wait_s: float) -> tuple[int, Any, dict[str, str]]:
    task = await waiting.settled(key, wait_s)
    if task is None:
        raise NotFound("task not found")
    return *envelopes.answered(task), envelopes.headers(task)


class Agents(AgentViewSet):
    """The agents and their tools."""

    @documented(answer=bodies.Agent(many=True))
    def list(self, request: Request) -> Response:
        """GET /api/v1/agents"""
        del request
        return Response(cards.listed())

    @documented(answer=bodies.ToolShown(many=True))
    def tools(self, request: Request) -> Response:
        """GET /api/v1/tools"""
        del request
        return Response(cards.tools())

    @documented(answer=bodies.ToolShown, failures=(404,))
    def tool(self, request: Request, name: str) -> Response:
        """GET /api/v1/tools/{name}"""
        del request
        found = next((tool for tool in cards.tools() if tool["name"] == name), None)
        if found is None:
            raise NotFound(f"unknown tool: {name}")
        return Response(found)

    @agent_call(body=bodies.QueryBody)
    def query(self, request: Request) -> Response:
        """POST /api/v1/query"""
        body = self.object(request)
        message = _text(body, "message") or _text(body, "query")
        if not message:
            raise ValidationFailed('"message" (or "query") is required')
        alias = _text(body, "agent")
        agent = catalogue.by_alias(alias)
        if agent is None:
            raise ValidationFailed(f'unknown agent "{alias}" (valid: {ALIASES})')
        return self._ask(request, agent, message, body)

    @agent_call(body=bodies.ResearchBody)
    def research(self, request: Request) -> Response:
        """POST /api/v1/research"""
        body = self.object(request)
        question = _text(body, "query")
        if not question:
            raise ValidationFailed("query is required")
        return self._ask(request, _agent("research"), question, body)

    def _ask(
        self, request: Request, agent: HelpdeskAgent, question: str, body: Mapping[str, Any]
    ) -> Response:
        task = tasks.ask(
            agent.name,
            question,
            by=caller(request, claimed=request.headers.get("X-User") or _text(body, "user")),
            context_id=_text(body, "context_id"),
            **_about(request, body, origin=tasks.QUESTION),
        )
        return self.begun(request, task)


class Tools(AgentViewSet):
    """Direct calls: no model in between, the same door."""

    @agent_call(body=bodies.AnyObject)
    def database(self, request: Request, tool: str) -> Response:
        """POST /api/v1/db/{tool}"""
        return self._direct(request, _agent("db"), tool)

    @agent_call(body=bodies.AnyObject)
    def kubernetes(self, request: Request, tool: str) -> Response:
        """POST /api/v1/k8s/{tool}"""
        return self._direct(request, _agent("k8s"), tool)

    def _direct(self, request: Request, agent: HelpdeskAgent, tool: str) -> Response:
        if catalogue.toolset(agent.name).get(tool) is None:
            raise ValidationFailed(f"unknown tool: {tool}")
        return self.call(request, agent, tool, self.object(request))


class Incidents(AgentViewSet):
    """Diagnostic bundles."""

    @agent_call(body=bodies.AnyObject)
    def create(self, request: Request) -> Response:
        """POST /api/v1/incidents"""
        known = _names(CREATE)
        said = {key: value for key, value in self.object(request).items() if key in known}
        return self.call(request, _agent("incident"), CREATE, said)

    @documented(parameters=[WAIT], answer=bodies.Envelope, failures=(422, 502))
    def list(self, request: Request) -> Response:
        """GET /api/v1/incidents"""
        return self.call(request, _agent("incident"), LIST, {})


class Tasks(AgentViewSet):
    """What came of questions and calls: `working` and `input-required` ones are asked after."""

    @documented(
        answer=bodies.TaskList,
        failures=(400,),
        parameters=[
            parameter("agent", "Of this agent alone"),
            parameter("state", "In this state alone"),
            parameter("trace_id", "Of this trace alone"),
            parameter("limit", f"At most this many, {LIST_LIMIT} if omitted", int),
        ],
    )
    def list(self, request: Request) -> Response:
        """GET /api/v1/tasks"""
        query = request.query_params
        found = HelpdeskTask.objects.all()
        for name in ("agent", "state", "trace_id"):
            if value := query.get(name, ""):
                found = found.filter(**{name: value.replace("\0", "")})
        limit = query.get("limit", "")
        number = LIMIT.fullmatch(limit) is not None
        most = min(int(limit), LIST_MOST) if number else LIST_LIMIT
        shown = [envelopes.envelope(task) for task in found[:most]]
        return Response({"tasks": shown, "count": len(shown)})

    @documented(answer=bodies.Envelope, failures=(404,), parameters=[WAIT])
    def retrieve(self, request: Request, task_id: str) -> Response:
        """GET /api/v1/tasks/{id}"""
        task = tasks.find(task_id)
        if task is None:
            raise NotFound("task not found")
        if request.query_params.get("wait") and task.state not in ENDED_TASK:
            told = task.approval if task.state == TaskState.INPUT_REQUIRED else ""
            later = partial(_as_it_is, task.key, _wait_s(request), told)
            answer_later(request._request, later)  # noqa: SLF001 - DRF's own way
        headers = {"X-Trace-ID": task.trace_id, "X-Task-ID": task.key}
        return Response(envelopes.envelope(task), headers=headers | envelopes.headers(task))

    @documented(answer=bodies.Envelope, failures=(404, 409))
    def cancel(self, request: Request, task_id: str) -> Response:
        """POST /api/v1/tasks/{id}/cancel"""
        task = tasks.cancel(task_id, by=caller(request))
        if task is None:
            raise NotFound("task not found")
        return Response(envelopes.envelope(task), headers={"X-Trace-ID": task.trace_id})


async def _as_it_is(key: str, wait_s: float, told: str) -> tuple[int, Any, dict[str, str]]:
    """`told`: the approval that is known to be waited for, so its decision is waited for too."""
    task = await waiting.decided(key, told, wait_s)
    if task is None:
        raise NotFound("task not found")
    return 200, envelopes.envelope(task), envelopes.headers(task)


def _agent(family: str) -> HelpdeskAgent:
    agent = catalogue.by_family(family)
    assert agent is not None, family  # noqa: S101 - ours
    return agent


def _names(tool: str) -> frozenset[str]:
    """Every name that an argument of this incident tool goes by."""
    found = catalogue.toolset(_agent("incident").name).get(tool)
    fields = found.parameters.model_fields if found else {}
    others = (field.validation_alias for field in fields.values())
    aliases = (alias.choices for alias in others if isinstance(alias, AliasChoices))
    return frozenset(fields) | {str(name) for choices in aliases for name in choices}


def _wait_s(request: Request) -> float:
    """How long whoever asks wants to wait; what is no duration counts as not said."""
    most: float = settings.AURA.agent_wait_s
    wanted = durations.seconds(request.query_params.get("wait", ""))
    return most if wanted is None else min(wanted, most)


def _about(
    request: Request, body: Mapping[str, Any] | None = None, *, origin: str
) -> dict[str, Any]:
    """What a task keeps of its request; headers win."""
    said = body or {}
    trace = context.current()
    return {
        "trace_id": trace.id if trace else tasks.new_trace(origin),
        "purpose": request.headers.get("X-Purpose") or _text(said, "purpose"),
        "purpose_note": request.headers.get("X-Purpose-Note") or _text(said, "purpose_note"),
    }


def _text(body: Mapping[str, Any], name: str) -> str:
    """A text of the body; what is none counts as not said."""
    value = body.get(name, "")
    return value.strip() if isinstance(value, str) else ""
