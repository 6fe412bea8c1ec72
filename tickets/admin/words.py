"""How the console words what the API has codes for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tickets.models import Status

STATUS: Final[Mapping[str, str]] = {
    Status.DRAFT: "Not started",
    Status.PLANNING: "The agent makes a plan",
    Status.PENDING_PLAN_APPROVAL: "The plan waits for a decision",
    Status.EXECUTING: "The agent works",
    Status.PENDING_APPROVAL: "An action waits for a decision",
    Status.PENDING_INPUT: "A question waits for an answer",
    Status.OBSERVING: "The agent watches the rollout",
    Status.PAUSED: "Paused",
    Status.RESOLVED: "Resolved",
    Status.FAILED: "Failed",
    Status.CANCELLED: "Cancelled",
}

# The same where there is little room.
SHORT: Final[Mapping[str, str]] = {
    **STATUS,
    Status.PLANNING: "Agent plans",
    Status.PENDING_PLAN_APPROVAL: "Plan waits",
    Status.EXECUTING: "Agent works",
    Status.PENDING_APPROVAL: "Action waits",
    Status.PENDING_INPUT: "Question waits",
    Status.OBSERVING: "Agent watches",
}


def status(code: str) -> str:
    """A status in words; one nobody knows is shown as it is."""
    return STATUS.get(code, code)


def short(code: str) -> str:
    """The same in a word or two."""
    return SHORT.get(code, code)
