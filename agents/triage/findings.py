"""What a rule says is wrong, and the lines that show it: frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Any


class Severity(IntEnum):
    """How much it hurts now: down, impaired, or worth knowing."""

    INFO = 1
    WARNING = 2
    CRITICAL = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One line that is in the data, as it stands there.

    `source` names the part of the snapshot it is from (`pod/shop/web-1 status`, `events`,
    `log/shop/web-1/app previous`, `pg_stat_activity`); a snapshot has the text of each.
    """

    source: str
    line: str


class RemedyKind(StrEnum):
    """Where a cause is mended: in Git, by one of our tools, or by a person elsewhere."""

    GITOPS = "gitops"
    TOOL = "tool"
    MANUAL = "manual"


@dataclass(frozen=True, slots=True, kw_only=True)
class Remedy:
    """What would mend it. It is a proposal: whoever carries it out passes the door.

    `request`: the change in the words a ticket has (the offline planner reads them), for GITOPS.
    `tool`, `arguments`: the call, for TOOL.
    """

    kind: RemedyKind
    text: str
    request: str = ""
    tool: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One cause at one object.

    `cause` is a name of the vocabulary (`agents.triage.causes`): `category/cause`. `object` is
    `kind/namespace/name`, `kind/name` for what has no namespace, `database/ID` or
    `database/ID/relation/NAME`. `confidence` is in [0, 1]: 1 where the data says it itself.
    `explains`: objects, or `object#cause`, whose findings are symptoms of this one.
    """

    cause: str
    object: str
    severity: Severity
    confidence: float
    summary: str
    evidence: tuple[Evidence, ...]
    ruled_out: tuple[str, ...] = ()
    next_checks: tuple[str, ...] = ()
    remedy: Remedy | None = None
    explains: frozenset[str] = frozenset()

    @property
    def key(self) -> str:
        """What tells this finding from the others of its report."""
        return f"{self.object}#{self.cause}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The findings of one look, the likeliest root first.

    `symptoms`: by the key of a root, what it accounts for. `missing`: what could not be read and
    what to run to have it. No roots and nothing missing: nothing wrong was found.
    """

    about: str
    roots: tuple[Finding, ...] = ()
    symptoms: Mapping[str, tuple[Finding, ...]] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    looked_at: Mapping[str, int] = field(default_factory=dict)
