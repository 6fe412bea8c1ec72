"""The tool that judges a database as a whole."""

from __future__ import annotations

from pydantic import Field

from agents.database.reading import TAG
from agents.database.targets import TargetArguments, resource_of, target_of
from agents.database.triage.gather import gather
from agents.database.triage.judge import triage
from agents.runtime.tool import CallContext, Tool, ToolResult
from agents.triage import report
from governance.types import ActionClass

NAME = "triage_database"


class TriageArguments(TargetArguments):
    about: str = Field(
        default="",
        max_length=200,
        description="What comes first in the answer: a relation as schema.table, a pid, a slot",
    )


def tools() -> list[Tool]:
    return [
        Tool(
            name=NAME,
            title="Triage Database",
            description=(
                "What is wrong with a database, by rules over one look: causes with the lines that"
                " prove them, what they explain, and what would mend them. Works, too, where the"
                " database cannot be reached. Begin here."
            ),
            action_class=ActionClass.READ,
            parameters=TriageArguments,
            run=_run,
            resource=resource_of,
            idempotent=True,
            tags=(TAG, "inspection", "triage"),
            examples=("What is wrong with orders?", "Why is orders slow?"),
        )
    ]


def _run(arguments: TriageArguments, _: CallContext) -> ToolResult:
    found = triage(gather(target_of(arguments), NAME), arguments.about)
    return ToolResult(content=report.text(found), data=report.data(found))
