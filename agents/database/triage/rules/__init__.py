"""The rules, one file a family. A rule takes a snapshot and yields what it shows to be wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, TypeAlias

from agents.database.triage.rules import (
    configuration,
    connection,
    indexes,
    locks,
    logs,
    replication,
    sessions,
    slots,
    statements,
    storage,
    vacuum,
    wal,
    wraparound,
)
from agents.database.triage.snapshot import Snapshot
from agents.triage.findings import Finding

Rule: TypeAlias = Callable[[Snapshot], Iterator[Finding]]

ALL: Final[tuple[Rule, ...]] = (
    *connection.RULES,
    *sessions.RULES,
    *locks.RULES,
    *vacuum.RULES,
    *wraparound.RULES,
    *indexes.RULES,
    *statements.RULES,
    *wal.RULES,
    *replication.RULES,
    *slots.RULES,
    *storage.RULES,
    *configuration.RULES,
    *logs.RULES,
)
