"""What can be raised, and what is raised. Frozen values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class AlertType(StrEnum):
    """The first five are named by the aiHelpDesk document (behaviour §5)."""

    HIGH_VOLUME = "high_volume"
    HASH_MISMATCH = "hash_mismatch"
    UNAUTHORIZED_DESTRUCTIVE = "unauthorized_destructive"
    SQL_INJECTION = "potential_sql_injection"
    COMMAND_INJECTION = "potential_command_injection"
    PROMPT_INJECTION = "potential_prompt_injection"
    LOG_BROKEN = "log_broken"
    OFF_HOURS_APPROVAL = "off_hours_approval"
    DENIAL_BURST = "denial_burst"
    BREAK_GLASS = "break_glass"


CRITICAL = frozenset(
    {AlertType.HASH_MISMATCH, AlertType.LOG_BROKEN, AlertType.UNAUTHORIZED_DESTRUCTIVE}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """`subject` is whom or what it is about: alerts of one type and subject repeat each other.

    `event` is the public id of the event that raised it, `place` its place in the log, `at` its
    time.
    """

    type: AlertType
    subject: str
    message: str
    at: datetime
    event: str = ""
    trace_id: str = ""
    place: int | None = None

    @property
    def severity(self) -> str:
        return "critical" if self.type in CRITICAL else "warning"
