"""Direct calls in the event loop: no thread of Django's, no router, no DRF.

What is answered is what `agents.helpdesk.api.views` answers to the same request. Whatever is not
plain about one (an unknown tool, a bad body) is left to them: None.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from django.conf import settings

from agents.helpdesk import catalogue, envelopes, tasks, waiting
from aura.kernel.errors import NotFound, Problem, ValidationFailed
from aura.kernel.http import headers_of, plain
from aura.kernel.telemetry import context
from governance.types import Principal

FAMILIES: Final = frozenset({"db", "k8s"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A direct call of somebody known who may make it."""

    by: Principal
    family: str
    tool: str
    body: bytes
    purpose: str = ""
    purpose_note: str = ""


class Said(NamedTuple):
    """The answer: `content` is JSON."""

    status: int
    content: Any
    headers: dict[str, str]


async def called(asked: Asked) -> Said | None:
    """POST /api/v1/db/{tool} and /api/v1/k8s/{tool}"""
    agent, arguments = catalogue.by_family(asked.family), _arguments(asked.body)
    if agent is None or arguments is None or catalogue.toolset(agent.name).get(asked.tool) is None:
        return None
    trace = context.current()
    try:
        task = tasks.direct(
            agent.name,
            asked.tool,
            arguments,
            by=asked.by,
            trace_id=trace.id if trace else "",
            purpose=asked.purpose,
            purpose_note=asked.purpose_note,
        )
    except ValidationFailed:
        return None
    headers = {"X-Trace-ID": task.trace_id, "X-Task-ID": task.key}
    try:
        found = await waiting.begun(task, settings.AURA.agent_wait_s)
        if found is None:
            raise NotFound("task not found")
    except Problem as problem:
        return Said(problem.status, plain(problem), headers | headers_of(problem))
    return Said(*envelopes.answered(found), headers)


def _arguments(body: bytes) -> dict[str, Any] | None:
    """As `views.AgentViewSet.object` reads them; None where it would refuse them."""
    try:
        said = json.loads(body.decode(), parse_constant=_no_number)
    except (ValueError, RecursionError):
        return None
    if said is None:
        return {}
    return said if isinstance(said, dict) else None


def _no_number(name: str) -> Any:
    raise ValueError(name)
