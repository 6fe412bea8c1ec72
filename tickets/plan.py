"""What a plan is, and whether a call is inside it. Pure: values in, values out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

from agents.gitops.jail import normalise
from agents.runtime.tool import Arguments, ToolFailure
from governance.policy.types import Coverage

SUBMIT_PLAN = "submit_plan"
MAX_STEPS = 20
NEEDS_PATH = frozenset(
    {
        "git_write_file",
        "git_delete_file",
        "doc_write",
        "helm_set_values",
        "sealed_secret_create",
        "sealed_secret_update",
    }
)
FIXED_PATHS = {"agents_md_update": "AGENTS.md"}  # tools that write one file alone
FILE_TOOLS = NEEDS_PATH | FIXED_PATHS.keys()

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]


class Step(Arguments):
    """One step: what is done, with which tool, and for file tools on which path.

    Other keys that a model adds (a title, a number) are dropped: they bind nothing.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    description: Text
    tool: Text
    path: Annotated[str, StringConstraints(strip_whitespace=True, max_length=500)] = ""


class Plan(Arguments):
    """The arguments of `submit_plan`: what a person is asked to approve."""

    model_config = ConfigDict(
        extra="ignore", frozen=True, alias_generator=to_camel, populate_by_name=True
    )

    summary: Text
    steps: Annotated[tuple[Step, ...], Field(min_length=1, max_length=MAX_STEPS)]
    estimated_tools: tuple[Text, ...] = ()
    risks: tuple[Text, ...] = ()


def check(plan: Plan, known: set[str]) -> None:
    """Refuse a plan nobody could carry out. Raises `ToolFailure` with everything that is wrong."""
    named = {*(step.tool for step in plan.steps), *plan.estimated_tools}
    faults = [*_bad_paths(plan)]
    faults += [f"there is no tool {name}" for name in sorted(named - known)]
    faults += [
        f"step {number} uses {step.tool} and must name its path"
        for number, step in enumerate(plan.steps, start=1)
        if step.tool in NEEDS_PATH and not step.path
    ]
    if faults:
        raise ToolFailure(f"the plan cannot be used: {'; '.join(faults)}")


def _bad_paths(plan: Plan) -> Iterator[str]:
    for number, step in enumerate(plan.steps, start=1):
        try:
            if step.path:
                normalise(step.path)
        except ToolFailure as failure:
            yield f"step {number}: {failure}"


def stored(plan: Plan) -> dict[str, Any]:
    """A plan as the ticket keeps it and the API shows it."""
    tools = list(dict.fromkeys([*plan.estimated_tools, *(step.tool for step in plan.steps)]))
    return {
        "summary": plan.summary,
        "steps": [step.model_dump(exclude_defaults=True) for step in plan.steps],
        "estimatedTools": tools,
        "risks": list(plan.risks),
    }


# Carried by every approved plan: without them no plan could be carried out, and each has guards of
# its own (what may be staged, committed and pushed is only what the plan's file tools wrote).
CARRIED = frozenset(
    {
        "git_clone_worktree",
        "git_checkout_branch",
        "git_fetch",
        "git_stage",
        "git_commit",
        "git_push",
        "git_merge",
        "git_revert",
        "resolve",
    }
)


def coverage(plan: Mapping[str, Any] | None, *, tool: str, path: str) -> Coverage:
    """How far an approved plan (None: there is none) covers a call that touches `path`."""
    if plan is None:
        return Coverage.NO_PLAN
    if tool in FILE_TOOLS:
        return Coverage.IN_PLAN if path in paths(plan, tool) else Coverage.OUTSIDE_PLAN
    named = tool in CARRIED or tool in plan["estimatedTools"]
    return Coverage.IN_PLAN if named else Coverage.OUTSIDE_PLAN


def changed(plan: Mapping[str, Any]) -> set[str]:
    """The normalised paths that a plan changes."""
    return {path for tool in FILE_TOOLS for path in paths(plan, tool)}


def paths(plan: Mapping[str, Any], tool: str) -> set[str]:
    """The normalised paths that a plan names for one tool."""
    usual = FIXED_PATHS.get(tool, "")
    named = (step.get("path", "") or usual for step in plan["steps"] if step["tool"] == tool)
    return {normalise(path) for path in named if path}
