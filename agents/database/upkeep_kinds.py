"""What the tools of upkeep share."""

from __future__ import annotations

from typing import Any

from agents.database.report import report
from agents.database.verifying import Finding, worded
from agents.runtime.tool import ToolResult

TAGS = ("postgresql", "maintenance", "remediation")


def outcome(found: Finding, retries: int, *parts: object, **data: Any) -> ToolResult:
    """The result of a repair that was looked at afterwards."""
    return report(
        worded(found), *parts, **data, verify_status=found.status.value, retry_count=retries
    )
