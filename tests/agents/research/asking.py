"""Questions to the research agent, worked on as a worker does."""

from __future__ import annotations

import json
from typing import Any

from agents.helpdesk import drive, tasks
from agents.models import HelpdeskTask
from agents.runtime.llm import LanguageModel
from governance.types import ActorKind, Principal, Role

ADA = Principal(kind=ActorKind.USER, name="ada", roles=frozenset({Role.OPERATOR.value}))


def asked(question: str, model: LanguageModel | None = None) -> HelpdeskTask:
    return _worked(tasks.ask("research_agent", question, by=ADA), model)


def called(tool: str, **arguments: Any) -> HelpdeskTask:
    return _worked(tasks.call("research_agent", tool, arguments, by=ADA))


def data_of(task: HelpdeskTask) -> dict[str, Any]:
    """What the only call returned."""
    (artifact,) = task.artifacts
    data: dict[str, Any] = json.loads(artifact["parts"])
    return data


def _worked(task: HelpdeskTask, model: LanguageModel | None = None) -> HelpdeskTask:
    drive.advance(task.run_id, model)
    found = tasks.find(task.key)
    assert found is not None
    return found
