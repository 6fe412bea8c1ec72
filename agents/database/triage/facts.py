"""One row of a view, and one setting: what rules look at, and how a line of proof is made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from agents.database.report import cell
from agents.database.triage import values
from agents.triage.findings import Evidence

WIDEST = 160  # characters of one value in a line of proof


@dataclass(frozen=True, slots=True)
class Fact:
    """A row. A column that is not there is like NULL: a recording may lack any."""

    view: str
    row: Mapping[str, Any]

    @property
    def evidence(self) -> Evidence:
        return Evidence(source=self.view, line=self.line)

    @property
    def line(self) -> str:
        """The columns that say something, in the order of the row."""
        return " ".join(f"{key}={_shown(value)}" for key, value in self.row.items() if _says(value))

    def text(self, name: str) -> str:
        value = self.row.get(name)
        return "" if value is None else str(value)

    def number(self, name: str) -> float:
        """0 for NULL."""
        return values.number(self.row.get(name)) or 0.0

    def maybe(self, name: str) -> float | None:
        return values.number(self.row.get(name))

    def count(self, name: str) -> int:
        return int(self.number(name))

    def truth(self, name: str) -> bool | None:
        return values.truth(self.row.get(name))

    def moment(self, name: str) -> datetime | None:
        return values.moment(self.row.get(name))

    def seconds(self, name: str) -> float | None:
        return values.seconds(self.row.get(name))

    def lsn(self, name: str) -> int | None:
        return values.lsn(self.row.get(name))

    def listed(self, name: str) -> tuple[str, ...]:
        return values.listed(self.row.get(name))


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A setting as pg_settings has it, or `4MB` as SHOW says it, then without unit.

    `source` is where it comes from; empty where that is not known. `default` is the built-in one.
    """

    name: str
    value: str
    unit: str = ""
    source: str = ""
    default: str = ""
    file: str = ""
    pending: bool = False

    @property
    def evidence(self) -> Evidence:
        return Evidence(source="pg_settings", line=self.line)

    @property
    def line(self) -> str:
        unit = f" x {self.unit}" if self.unit else ""
        pending = ", changed in the file, waits for a restart" if self.pending else ""
        return (
            f"{self.name} = {self.value}{unit}{f' ({self.source})' if self.source else ''}{pending}"
        )

    @property
    def off(self) -> bool:
        return values.truth(self.value) is False

    @property
    def on(self) -> bool:
        return values.truth(self.value) is True

    @property
    def number(self) -> float | None:
        return values.number(self.value)

    @property
    def bytes(self) -> float | None:
        return values.bytes_of(self.value, self.unit)

    @property
    def seconds(self) -> float | None:
        return values.seconds_of(self.value, self.unit)

    @property
    def by_alter_system(self) -> bool:
        return self.file.endswith("postgresql.auto.conf")


def _says(value: Any) -> bool:
    return value is not None and value is not False and value not in ("", [])


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.0f}" if value.is_integer() else f"{value:.3f}"
    if isinstance(value, list | tuple):
        return "{" + ",".join(str(item) for item in value) + "}"
    shown = cell(value, WIDEST)
    return f'"{shown}"' if " " in shown else shown
