"""`cdk8s_synth`, `cdk8s_validate`, `cdk8s_diff`: off unless AURA_CDK8S_ENABLED is set.

A project is a program, so running it is more than a look: the calls are writes, which a plan names.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

from pydantic import Field

from agents.cdk8s import project as projects
from agents.cdk8s.project import Project
from agents.cdk8s.synth import Synthesised, synthesise
from agents.gitops import checks
from agents.gitops.workspace import Workspace
from agents.gitops.worktree import BRANCH_PREFIX, Worktree
from agents.runtime.tool import Arguments, CallContext, Tool, ToolFailure, ToolResult
from aura.config import Settings
from aura.kernel.textdiff import unified
from governance.types import ActionClass, Resource

MAX_DIFF: Final = 40_000  # characters
MAX_TEXT: Final = 20_000  # characters of one manifest in an answer


class ProjectArguments(Arguments):
    project: str = Field(
        default="", max_length=1024, description="folder of the cdk8s project, where several are"
    )


class ValidateArguments(ProjectArguments):
    path: str = Field(
        default="", max_length=1024, description="only this manifest, as cdk8s_synth names it"
    )


def cdk8s_tools(workspace: Workspace, ticket_id: str, config: Settings) -> list[Tool]:
    """The tools, bound to one ticket's worktree; none while they are switched off."""
    if not config.cdk8s_enabled:
        return []
    resource = Resource(type="repository", name=f"{BRANCH_PREFIX}{ticket_id}")

    def tool(
        name: str,
        description: str,
        parameters: type[ProjectArguments],
        answer: Callable[[Any, Worktree, Project, Synthesised], dict[str, Any]],
    ) -> Tool:
        def run(said: Any, context: CallContext) -> ToolResult:
            del context
            worktree = workspace.open(ticket_id)
            found = projects.find(worktree.jail, said.project)
            mounts = projects.mounts(found, worktree.path, config)
            made = synthesise(found, worktree.path, mounts, config)
            data = answer(said, worktree, found, made)
            return ToolResult(content=json.dumps(data, ensure_ascii=False, indent=1), data=data)

        return Tool(
            name=name,
            description=description,
            action_class=ActionClass.WRITE,
            parameters=parameters,
            run=run,
            resource=lambda said: resource,
            idempotent=True,  # it leaves nothing behind
            alone=True,
        )

    return [
        tool(
            "cdk8s_synth",
            "Make the manifests of a cdk8s project and show them. They are written nowhere: put"
            " what is to be committed into the output folder with git_write_file.",
            ProjectArguments,
            _shown,
        ),
        tool(
            "cdk8s_validate",
            "Make the manifests of a cdk8s project and check them as git_commit will.",
            ValidateArguments,
            _validated,
        ),
        tool(
            "cdk8s_diff",
            "Make the manifests of a cdk8s project and compare them with the ones that stand in"
            " its output folder.",
            ProjectArguments,
            _compared,
        ),
    ]


def _shown(_: Any, __: Worktree, project: Project, made: Synthesised) -> dict[str, Any]:
    return {
        "success": not made.errors,
        "outputDir": project.output,
        "manifests": [
            {"path": f"{project.output}/{name}", "content": text[:MAX_TEXT]}
            for name, text in made.manifests.items()
        ],
        "errors": list(made.errors),
    }


def _validated(
    said: ValidateArguments, worktree: Worktree, project: Project, made: Synthesised
) -> dict[str, Any]:
    _require_made(made)
    files = {f"{project.output}/{name}": text for name, text in made.manifests.items()}
    if said.path:
        files = {path: text for path, text in files.items() if path.endswith(said.path)}
        if not files:
            listed = ", ".join(made.manifests) or "none"
            raise ToolFailure(f"there is no manifest {said.path}; made are: {listed}")
    issues = worktree.judge(files)
    return {
        "valid": not checks.errors(issues),
        "issues": [issue.as_json() for issue in issues],
        "manifestPath": project.output,
    }


def _compared(_: Any, worktree: Worktree, project: Project, made: Synthesised) -> dict[str, Any]:
    _require_made(made)
    there = {
        path.removeprefix(f"{project.output}/"): worktree.jail.read_text(path).text
        for path in worktree.jail.list(project.output)
        if path.startswith(f"{project.output}/") and path.endswith((".yaml", ".yml", ".json"))
    }
    new = made.manifests
    lines = [
        line
        for name in sorted(there | new)
        for line in unified(
            there.get(name, "").splitlines(),
            new.get(name, "").splitlines(),
            names=(f"a/{project.output}/{name}", f"b/{project.output}/{name}"),
        )
    ]
    changed = [name for name in new if name in there and new[name] != there[name]]
    return {
        "hasChanges": new != there,
        "added": sorted(new.keys() - there.keys()),
        "modified": changed,
        "removed": sorted(there.keys() - new.keys()),
        "diff": "\n".join(lines)[:MAX_DIFF],
    }


def _require_made(made: Synthesised) -> None:
    if made.errors:
        raise ToolFailure(f"cdk8s synth failed: {made.errors[0]}")
