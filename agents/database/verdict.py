"""What is said of one SQL statement before it is run."""

from __future__ import annotations

from dataclasses import dataclass

from governance.types import ActionClass


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """Known names the statement calls by: somebody's own of the same name would be called too.

    `attributes` are those after a dot: `t.f` calls `f(t)` where the table has no such column.
    """

    functions: frozenset[str] = frozenset()
    operators: frozenset[str] = frozenset()
    attributes: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """`action_class` UNKNOWN means refused. `reasons` say why it is not a class lower.

    `verb` is the statement's first word. `plannable`: PostgreSQL can say what it would do (EXPLAIN)
    without calling anything unknown. `returns`: it has rows, if only none. `relations` are
    the tables that a TRUNCATE or DROP empties, each as its dotted parts.
    """

    action_class: ActionClass
    verb: str
    reasons: tuple[str, ...] = ()
    names: Names = Names()
    plannable: bool = False
    returns: bool = False
    relations: tuple[tuple[str, ...], ...] = ()

    @property
    def why(self) -> str:
        return "; ".join(self.reasons)
