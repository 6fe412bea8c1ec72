"""Walking the tree of a statement, and what is found on the way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from pglast import ast

from governance.types import ActionClass

UNKNOWN, DESTRUCTIVE = ActionClass.UNKNOWN, ActionClass.DESTRUCTIVE
WRITE, READ = ActionClass.WRITE, ActionClass.READ
PG_CATALOG = "pg_catalog"


@dataclass(slots=True)
class Findings:
    """What was met on the way through the tree."""

    said: list[tuple[ActionClass, str]] = field(default_factory=list)
    unproven: set[str] = field(default_factory=set)  # parts of the grammar
    unknown_calls: bool = False
    functions: set[str] = field(default_factory=set)
    operators: set[str] = field(default_factory=set)
    attributes: set[str] = field(default_factory=set)

    def say(self, action_class: ActionClass, reason: str) -> None:
        self.said.append((action_class, reason))


def nodes(root: Any) -> Iterator[Any]:
    """Every node of a tree, the root first."""
    stack = [root]
    while stack:
        item = stack.pop()
        if isinstance(item, tuple | list):
            stack.extend(item)
        elif isinstance(item, ast.Node):
            yield item
            stack.extend(getattr(item, name) for name in item)


def words(node: Any) -> str:
    """`CreateRoleStmt` as `CREATE ROLE`, `LockingClause` as `LOCKING`."""
    name = type(node).__name__.removesuffix("Stmt").removesuffix("Clause")
    return "".join(f" {c}" if c.isupper() else c for c in name).strip().upper()
