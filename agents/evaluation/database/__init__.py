"""Faults of PostgreSQL, made for real on a throw-away cluster with a standby: see `lab`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

from agents.evaluation.case import Case, Injection
from agents.evaluation.database import (
    configuration,
    connection,
    indexes,
    locks,
    sessions,
    vacuum,
    wal,
)
from agents.evaluation.database.lab import Lab

ABILITIES: Final = frozenset({"standby", "logs"})  # of a `Lab`


def _alone(inject: Injection[Lab]) -> Injection[Lab]:
    """What was counted and logged during it is forgotten at its end."""

    @contextmanager
    def alone(lab: Lab) -> Iterator[None]:
        try:
            with inject(lab):
                yield
        finally:
            lab.forget()

    return alone


CASES: Final[tuple[Case[Lab], ...]] = tuple(
    replace(case, inject=_alone(case.inject), control=_alone(case.control))
    for case in (
        *sessions.CASES,
        *locks.CASES,
        *vacuum.CASES,
        *indexes.CASES,
        *wal.CASES,
        *configuration.CASES,
        *connection.CASES,
    )
)
