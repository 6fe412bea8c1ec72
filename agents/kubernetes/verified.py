"""How a change came out, once somebody has looked: the words and the data of its result."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from agents.runtime.tool import ToolResult


class Verdict(StrEnum):
    """`verify_status` of the document."""

    OK = "ok"
    WARNING = "warning"
    ESCALATION = "escalation_required"


_PREFIX = {
    Verdict.OK: "",
    Verdict.WARNING: "VERIFICATION WARNING: ",
    Verdict.ESCALATION: "VERIFICATION FAILED — ESCALATION REQUIRED: ",
}


def result(verdict: Verdict, words: str, *, looks: int, data: Mapping[str, Any]) -> ToolResult:
    """`looks`: how often the cluster was asked after the change."""
    return ToolResult(
        content=f"{_PREFIX[verdict]}{words}",
        data={**data, "verify_status": verdict.value, "retry_count": max(0, looks - 1)},
    )
