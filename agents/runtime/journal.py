"""What the owner of a run is told, and asked, while a worker has it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from agents.models import ToolExecution, Turn
from agents.runtime.tool import ToolResult


class Journal(Protocol):
    """The owner of a run, told of everything inside the transaction that records it."""

    def opened(self, *, afresh: bool = False) -> None:
        """Start of a commit: lock the owner, and read what others may have changed.

        `afresh`: the run was another's meanwhile, so read everything.
        """

    def running(self) -> bool:
        """May the run go on? False once the owner has ended or waits for a person."""

    def position(self) -> tuple[int, str]:
        """(number, phase) of the next turn."""

    def answered(self, turn: Turn) -> None:
        """The model answered: count the turn."""

    def holds_back(self, call: ToolExecution) -> float:
        """Seconds until this effect may begin, 0 for now; may move the owner's status instead."""

    def begins(self, call: ToolExecution) -> None:
        """The intent of a call is recorded."""

    def waits(self, call: ToolExecution) -> None:
        """A call waits for a person from now on."""

    def ended(self, call: ToolExecution, result: ToolResult | None, *, unknown: bool) -> None:
        """A call has its result; `result` is None when it failed or was refused."""

    def late(self, call: ToolExecution, result: ToolResult | None) -> None:
        """A call ended after the run was taken away: only the log can still be told."""

    def completed(self, turn: Turn, calls: Sequence[ToolExecution]) -> None:
        """Every call of the turn has its result or waits."""

    def proceed(self) -> bool:
        """Nothing is pending: may the model be asked? False after moving the owner's status."""

    def shortened(self, cut_turns: int) -> None:
        """From now on the model is told the outline alone of so many of the oldest turns."""

    def gave_up(self, call: ToolExecution, reason: str) -> None:
        """The outside did not answer in all tries: the call stays open, the owner pauses."""

    def closed(self) -> None:
        """End of a commit: save what changed."""


def identity(call: ToolExecution) -> dict[str, Any]:
    """Which call it is, and what the policy said to it: the same in its intent and its outcome."""
    identity: dict[str, Any] = {
        "id": str(call.pk),
        "actionClass": call.action_class,
        "resource": call.resource,
        "fingerprint": call.fingerprint,
        "policy": call.policy,
    }
    if call.decision:
        identity["decision"] = call.decision
    if call.approval_id is not None:
        identity["approvalId"] = str(call.approval_id)
    return identity
