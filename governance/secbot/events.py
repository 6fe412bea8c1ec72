"""An event of the log, as far as the detectors care. Pure.

Two dialects are read: our own events, and what others posted to auditd (`posted.…`), which is a
claim and kept apart in `told`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from governance.types import ActorKind, Principal

NAME: Final = "secbot"
SECBOT: Final = Principal(kind=ActorKind.SYSTEM, name=NAME)
POSTED: Final = "posted."  # as `governance.helpdesk.words` has it
EXECUTED: Final = "tool_execution"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """`data` is what we recorded; `told` what somebody posted, empty for events of ours.

    `problem`: why the event is not what was written once; empty when it is.
    """

    place: int
    key: str
    type: str
    at: datetime
    actor: str
    action: str = ""
    trace_id: str = ""
    agent: str = ""
    action_class: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    told: Mapping[str, Any] = field(default_factory=dict)
    problem: str = ""

    @property
    def own(self) -> bool:
        """Told by secbot itself."""
        return self.actor == str(SECBOT)

    @property
    def principal(self) -> str:
        """Who acted: the agent where one is named, else whoever recorded it."""
        return f"agent:{self.agent}" if self.agent else self.actor

    @property
    def payload(self) -> Mapping[str, Any]:
        return part(self.data, "payload")

    @property
    def call(self) -> Mapping[str, Any]:
        """Of our own tool events: which call it is, and what the policy said to it."""
        return part(self.data, "call")


def read(place: int, body: bytes, *, problem: str = "") -> Event:
    """The event in canonical bytes. Raises ValueError, KeyError or TypeError for other bytes."""
    said = json.loads(body)
    actor, data = said["actor"], said["data"]
    kind, told = str(said["type"]), data.get("event")
    ours = not kind.startswith(POSTED)
    return Event(
        place=place,
        key=str(said.get("key") or said["id"]),
        type=kind,
        at=datetime.fromisoformat(said["timestamp"]),
        actor=f"{actor['kind']}:{actor['name']}",
        action=str(said["action"]),
        trace_id=str(said["traceId"]),
        agent=str(said.get("agent", "")),
        action_class=str(said.get("actionClass", "")),
        data=data if ours else {},
        told=told if isinstance(told, dict) else {},
        problem=problem,
    )


def part(whole: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """An object inside; an empty one when it is not there or something else."""
    inside = whole.get(name)
    return inside if isinstance(inside, dict) else {}
