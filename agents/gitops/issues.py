"""What a check finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Severity = Literal["error", "warning", "info"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """One finding. `rule` is `<validator>.<name>`; `line` counts from 1. Errors block."""

    severity: Severity
    message: str
    file: str
    line: int | None = None
    rule: str

    @property
    def validator(self) -> str:
        return self.rule.partition(".")[0]

    def as_json(self) -> dict[str, Any]:
        """Shape of the wire: severity, message, file, line (when known), rule."""
        shown: dict[str, Any] = {"severity": self.severity, "message": self.message}
        shown["file"] = self.file
        if self.line is not None:
            shown["line"] = self.line
        return shown | {"rule": self.rule}

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{place}: {self.message} [{self.rule}]"
