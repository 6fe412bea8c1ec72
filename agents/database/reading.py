"""How a tool that only looks is made: one session in a READ ONLY transaction, one report."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from pydantic import Field

from agents.database.connect import Session, session
from agents.database.targets import TargetArguments, resource_of, target_of
from agents.runtime.tool import CallContext, Tool, ToolResult
from governance.types import ActionClass

A = TypeVar("A", bound=TargetArguments)
Look = Callable[[Session, A], ToolResult]

TAG = "postgresql"
# What every tool can be told by example; the inventory decides what `orders` is.
MOST_ROWS = 100


class Limited(TargetArguments):
    """For tools that list the first of many."""

    limit: int = Field(default=20, ge=1, le=MOST_ROWS, description="How many rows at most")


def reads(
    name: str,
    look: Look[A],
    description: str,
    parameters: type[A],
    *,
    title: str = "",
    tags: tuple[str, ...] = (),
    examples: tuple[str, ...] = (),
) -> Tool:
    """A tool of the read class: `look` is given a session in a READ ONLY transaction."""

    def run(arguments: Any, _: CallContext) -> ToolResult:
        with session(target_of(arguments), name) as db:
            return look(db, arguments)

    return Tool(
        name=name,
        title=title or name.replace("_", " ").title(),
        description=description,
        action_class=ActionClass.READ,
        parameters=parameters,
        run=run,
        resource=resource_of,
        idempotent=True,
        tags=(TAG, *tags),
        examples=examples,
    )
