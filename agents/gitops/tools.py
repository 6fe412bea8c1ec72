"""The `git_*` tools of one ticket. What they may do is decided in `Worktree`; here are the words.

Whichever call comes first makes the worktree; the first that succeeds says so with the fact
`worktree_created`. Whether that was told already is known to the log's owner alone: a worker may
be killed, or the database lost, between the call and the commit of what it told.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from threading import Lock
from typing import Any

from pydantic import Field

from agents.gitops import checks
from agents.gitops.jail import MAX_LISTED, PathRefused, normalise
from agents.gitops.workspace import Workspace
from agents.gitops.worktree import BRANCH_PREFIX, Commit, Rebased, Worktree
from agents.runtime.tool import (
    Arguments,
    CallContext,
    Fact,
    NoArguments,
    Tool,
    ToolFailure,
    ToolResult,
)
from aura.kernel.secrets import redact
from governance.types import ActionClass, Resource

READ_LIMIT = 60_000  # characters of a file or a diff in one answer
DIFF_LIMIT = 200_000  # characters of a commit's diff that are kept with its call
SHORT = 7  # digits of a commit id that people are shown


class PathArguments(Arguments):
    path: str = Field(description="file, relative to the root of the repository")


class ReadArguments(PathArguments):
    offset: int = Field(default=0, ge=0, description="first character to show")
    limit: int = Field(default=READ_LIMIT, ge=1, le=READ_LIMIT, description="characters to show")


class WriteArguments(PathArguments):
    content: str = Field(description="the whole new content of the file")


class ListArguments(Arguments):
    prefix: str = Field(default="", description="only paths that begin with this, e.g. apps/web")


class BranchArguments(Arguments):
    branch: str = Field(default="", description="the ticket's own branch; may be left out")


class DiffArguments(Arguments):
    base: str = Field(default="", description="compare with this branch or commit instead")


class FilesArguments(Arguments):
    files: tuple[str, ...] = Field(
        min_length=1, max_length=500, description="paths, or '.' for all"
    )


class CommitArguments(Arguments):
    message: str = Field(description="what was changed and why, in the imperative")


class RebaseArguments(Arguments):
    onto: str = Field(description="branch or commit to put the ticket's commits on")


def git_tools(
    workspace: Workspace, ticket_id: str, *, is_told: Callable[[], bool] = lambda: False
) -> list[Tool]:
    """The tools, bound to one ticket's branch of one repository.

    `is_told`: whether the log knows of the worktree.
    """
    return _Tools(workspace, ticket_id, is_told).all()


class _Tools:
    """One method a tool; each opens the worktree itself, so the order of calls does not matter."""

    def __init__(self, workspace: Workspace, ticket_id: str, is_told: Callable[[], bool]) -> None:
        self._workspace = workspace
        self._ticket_id = ticket_id
        self._is_told = is_told
        self._telling = Lock()  # read calls run side by side
        self._tells = False
        self._branch = f"{BRANCH_PREFIX}{ticket_id}"

    def all(self) -> list[Tool]:
        return [*self._reading(), *self._editing(), *self._recording()]

    def _reading(self) -> list[Tool]:
        return [
            self._tool(
                "git_list_files",
                "List the files of the repository, one path a line.",
                ListArguments,
                self._list_files,
                resource=_prefix,
            ),
            self._tool(
                "git_read_file",
                "Show a text file. A long one is cut; the last line then says how to read on.",
                ReadArguments,
                self._read_file,
                resource=_file,
            ),
            self._tool(
                "git_status",
                "Show branch, staged, changed, new and deleted files as JSON.",
                NoArguments,
                self._status,
            ),
            self._tool(
                "git_diff",
                "Show all changes of this ticket, new files included, committed or not.",
                DiffArguments,
                self._diff,
            ),
            self._tool(
                "validate_files",
                "Check files as git_commit and git_push will: YAML, Kubernetes and its schemas,"
                " Kustomize, Helm values, secrets, and the operator's policy."
                " '.' checks all changed files.",
                FilesArguments,
                self._validate,
            ),
            self._tool(
                "list_validators",
                "Name the checks that validate_files runs.",
                NoArguments,
                self._list_validators,
            ),
        ]

    def _editing(self) -> list[Tool]:
        return [
            self._tool(
                "git_clone_worktree",
                "Prepare the ticket's worktree and branch. Other git tools do it when needed.",
                NoArguments,
                self._clone_worktree,
                action=ActionClass.WRITE,
                idempotent=True,
            ),
            self._tool(
                "git_checkout_branch",
                "Stand on the ticket's branch; no other branch is allowed.",
                BranchArguments,
                self._checkout,
                action=ActionClass.WRITE,
                idempotent=True,
            ),
            self._tool(
                "git_write_file",
                "Create or replace a text file; missing directories are made.",
                WriteArguments,
                self._write_file,
                action=_harm_of_writing,
                resource=_file,
                idempotent=True,
            ),
            self._tool(
                "git_delete_file",
                "Delete a file from the worktree.",
                PathArguments,
                self._delete_file,
                action=ActionClass.DESTRUCTIVE,
                resource=_file,
                probe=self._probe_delete,
            ),
        ]

    def _recording(self) -> list[Tool]:
        return [
            self._tool(
                "git_stage",
                "Stage files for the next commit, deletions too; '.' stages everything.",
                FilesArguments,
                self._stage,
                action=ActionClass.WRITE,
                idempotent=True,
            ),
            self._tool(
                "git_commit",
                "Commit what is staged. Refused when a check finds an error.",
                CommitArguments,
                self._commit,
                action=ActionClass.WRITE,
                probe=self._probe_commit,
            ),
            self._tool(
                "git_push",
                "Push the ticket's branch. Refused when a check finds an error.",
                NoArguments,
                self._push,
                action=ActionClass.WRITE,
                probe=self._probe_push,
            ),
            self._tool(
                "git_fetch",
                "Fetch the base branch and the ticket's branch from the remote.",
                NoArguments,
                self._fetch,
                action=ActionClass.WRITE,
                idempotent=True,
            ),
            self._tool(
                "git_rebase",
                "Put the ticket's commits on top of another commit, e.g. the base branch.",
                RebaseArguments,
                self._rebase,
                action=ActionClass.DESTRUCTIVE,
                probe=self._probe_rebase,
            ),
        ]

    def _tool(  # noqa: PLR0913  the parts of a Tool, with this family's defaults
        self,
        name: str,
        description: str,
        parameters: type[Arguments],
        run: Callable[[Any, CallContext, Worktree], ToolResult],
        *,
        action: ActionClass | Callable[[Any], ActionClass] = ActionClass.READ,
        resource: Callable[[Any], Resource] | None = None,
        idempotent: bool = False,
        probe: Callable[[Any, CallContext, Worktree], ToolResult | None] | None = None,
    ) -> Tool:
        return Tool(
            name=name,
            description=description,
            action_class=action,
            parameters=parameters,
            run=self._opened(run),
            resource=resource or self._repository,
            idempotent=idempotent or action is ActionClass.READ,
            probe=self._looked(probe) if probe else None,
            check=_path_is_possible if issubclass(parameters, PathArguments) else None,
            pages=True,
        )

    def _opened(
        self, run: Callable[[Any, CallContext, Worktree], ToolResult]
    ) -> Callable[[Any, CallContext], ToolResult]:
        """`run` with the worktree, and the fact of its creation when no call has told it yet."""

        def call(arguments: Any, context: CallContext) -> ToolResult:
            worktree = self._workspace.open(self._ticket_id)
            return self._announced(run(arguments, context, worktree), worktree)

        return call

    def _looked(
        self, probe: Callable[[Any, CallContext, Worktree], ToolResult | None]
    ) -> Callable[[Any, CallContext], ToolResult | None]:
        """The same for a probe."""

        def look(arguments: Any, context: CallContext) -> ToolResult | None:
            worktree = self._workspace.open(self._ticket_id)
            found = probe(arguments, context, worktree)
            return self._announced(found, worktree) if found else None

        return look

    def _announced(self, result: ToolResult, worktree: Worktree) -> ToolResult:
        """`result`, which also tells that the worktree was made when nobody has told it."""
        with self._telling:
            if self._tells or self._is_told():
                return result
            self._tells = True
        return replace(result, facts=(_created(worktree), *result.facts))

    def _repository(self, arguments: Any) -> Resource:
        return Resource(type="repository", name=self._branch)

    # --- reading ----------------------------------------------------------------------------------

    def _list_files(self, a: ListArguments, _: CallContext, worktree: Worktree) -> ToolResult:
        paths = worktree.jail.list(a.prefix)
        shown = paths[:MAX_LISTED]
        lines = list(shown) or [f"no files begin with {a.prefix!r}" if a.prefix else "no files"]
        if len(paths) > MAX_LISTED:
            lines.append(f"[cut after {MAX_LISTED} paths; name a prefix to see others]")
        return ToolResult(content="\n".join(lines), data={"count": len(shown)})

    def _read_file(self, a: ReadArguments, _: CallContext, worktree: Worktree) -> ToolResult:
        part = worktree.jail.read_text(a.path, a.offset, a.limit)
        content = part.text
        if part.next_offset is not None:
            content = _cut(
                content, f"characters {part.offset} to {part.next_offset} of {part.total};"
                f" read on with offset={part.next_offset}"
            )  # fmt: skip
        data = {"path": normalise(a.path), "characters": len(part.text), "total": part.total}
        return ToolResult(content=content, data=data)

    def _status(self, _: NoArguments, __: CallContext, worktree: Worktree) -> ToolResult:
        return _json(asdict(worktree.status()))

    def _diff(self, a: DiffArguments, _: CallContext, worktree: Worktree) -> ToolResult:
        text = worktree.diff(a.base or None)
        shown = text
        if len(text) > READ_LIMIT:
            shown = _cut(
                text[:READ_LIMIT], f"{READ_LIMIT} of {len(text)} characters; read files instead"
            )
        return ToolResult(content=shown or "No changes", data={"characters": len(text)})

    def _validate(self, a: FilesArguments, _: CallContext, worktree: Worktree) -> ToolResult:
        paths = sorted({path for name in a.files for path in _named(worktree, name)})
        return _json(_validation(paths, worktree.check(paths)))

    def _list_validators(self, _: NoArguments, __: CallContext, ___: Worktree) -> ToolResult:
        names = list(checks.VALIDATORS)
        return ToolResult(content="\n".join(names), data={"validators": names})

    # --- editing ----------------------------------------------------------------------------------

    def _clone_worktree(self, _: NoArguments, __: CallContext, worktree: Worktree) -> ToolResult:
        base = worktree.base_sha
        return _json({"path": str(worktree.path), "branch": worktree.branch, "baseSha": base})

    def _checkout(self, a: BranchArguments, _: CallContext, worktree: Worktree) -> ToolResult:
        if a.branch not in ("", worktree.branch):
            raise ToolFailure(
                f"this ticket works on {worktree.branch} alone; call git_checkout_branch without"
                " a branch"
            )
        return _json({"branch": worktree.branch})

    def _write_file(self, a: WriteArguments, _: CallContext, worktree: Worktree) -> ToolResult:
        worktree.jail.write_text(a.path, a.content)
        path = normalise(a.path)
        size = len(a.content.encode())
        return ToolResult(
            content=f"wrote {path} ({size} bytes)", data={"path": path, "bytes": size}
        )

    def _delete_file(self, a: PathArguments, _: CallContext, worktree: Worktree) -> ToolResult:
        worktree.jail.delete(a.path)
        return _deleted(a)

    def _probe_delete(
        self, a: PathArguments, _: CallContext, worktree: Worktree
    ) -> ToolResult | None:
        return None if worktree.jail.exists(a.path) else _deleted(a)

    # --- recording --------------------------------------------------------------------------------

    def _stage(self, a: FilesArguments, _: CallContext, worktree: Worktree) -> ToolResult:
        staged = worktree.stage(a.files)
        content = (
            f"{len(staged)} file(s) are staged" if staged else "nothing differs; nothing staged"
        )
        return ToolResult(content=content, data={"staged": staged})

    def _commit(self, a: CommitArguments, context: CallContext, worktree: Worktree) -> ToolResult:
        commit = worktree.commit(a.message, context.call_id)
        return _committed(commit, worktree.brought(commit.sha))

    def _probe_commit(
        self, _: CommitArguments, context: CallContext, worktree: Worktree
    ) -> ToolResult | None:
        commit = worktree.commit_of_call(context.call_id)
        return _committed(commit, worktree.brought(commit.sha)) if commit else None

    def _push(self, _: NoArguments, __: CallContext, worktree: Worktree) -> ToolResult:
        return _pushed(worktree.branch, worktree.push())

    def _probe_push(self, _: NoArguments, __: CallContext, worktree: Worktree) -> ToolResult | None:
        sha = worktree.pushed()
        return _pushed(worktree.branch, sha) if sha else None

    def _fetch(self, _: NoArguments, __: CallContext, worktree: Worktree) -> ToolResult:
        fetched = worktree.fetch()
        return _json(
            {
                "base": fetched.base[:SHORT],
                "branch": fetched.branch and fetched.branch[:SHORT],
                "behind": fetched.behind,
            }
        )

    def _rebase(self, a: RebaseArguments, _: CallContext, worktree: Worktree) -> ToolResult:
        return _rebased(worktree.rebase(a.onto))

    def _probe_rebase(
        self, a: RebaseArguments, _: CallContext, worktree: Worktree
    ) -> ToolResult | None:
        rebased = worktree.rebased(a.onto)
        return _rebased(rebased) if rebased else None


# --- resources ------------------------------------------------------------------------------------


def _harm_of_writing(arguments: WriteArguments) -> ActionClass:
    """Emptying a file is deleting what it says: nothing but comments counts as empty."""
    lines = (line.strip() for line in arguments.content.splitlines())
    says_something = any(line and not line.startswith(("#", "---")) for line in lines)
    return ActionClass.WRITE if says_something else ActionClass.DESTRUCTIVE


def _path_is_possible(arguments: PathArguments) -> None:
    """Nobody is asked to approve what could not be done."""
    normalise(arguments.path)


def _file(arguments: PathArguments) -> Resource:
    return Resource(type="file", name=_normal(arguments.path))


def _prefix(arguments: ListArguments) -> Resource:
    return Resource(type="file", name=_normal(arguments.prefix) if arguments.prefix else ".")


def _normal(path: str) -> str:
    """The path as rules see it. A refused one keeps its words: the call fails when it runs."""
    try:
        return normalise(path)
    except PathRefused:
        return path


# --- results --------------------------------------------------------------------------------------


def _json(data: Mapping[str, Any]) -> ToolResult:
    return ToolResult(content=json.dumps(data, ensure_ascii=False), data=data)


def _cut(text: str, hint: str) -> str:
    return f"{text}{'' if text.endswith(chr(10)) else chr(10)}[cut: {hint}]"


def _created(worktree: Worktree) -> Fact:
    payload = {"branch": worktree.branch, "baseSha": worktree.base_sha}
    return Fact(type="worktree_created", payload=payload)


def _deleted(arguments: PathArguments) -> ToolResult:
    path = normalise(arguments.path)
    return ToolResult(content=f"deleted {path}", data={"path": path})


def _committed(commit: Commit, diff: str) -> ToolResult:
    """The diff is for people alone: the model wrote it."""
    told = {"sha": commit.sha[:SHORT], "message": commit.message}
    fact = Fact(type="commit_created", payload=told)
    kept = diff[:DIFF_LIMIT]
    if len(diff) > DIFF_LIMIT:
        kept = _cut(kept, f"{DIFF_LIMIT} of {len(diff)} characters; the commit holds the rest")
    data = {**told, "diff": redact(kept)}
    return ToolResult(content=_json(told).content, data=data, facts=(fact,))


def _pushed(branch: str, sha: str) -> ToolResult:
    data = {"branch": branch, "sha": sha[:SHORT]}
    fact = Fact(type="push_executed", payload=data)
    return ToolResult(content=_json(data).content, data=data, facts=(fact,))


def _rebased(rebased: Rebased) -> ToolResult:
    return _json({"sha": rebased.sha[:SHORT], "conflicts": list(rebased.conflicts)})


def _named(worktree: Worktree, name: str) -> list[str]:
    """The files that one entry of `files` means: itself, or all that changed."""
    return worktree.changed_paths() if name.strip() in (".", "./") else [normalise(name)]


def _validation(files: list[str], issues: list[checks.Issue]) -> dict[str, Any]:
    by_validator = {
        name: [issue for issue in issues if issue.validator == name] for name in checks.VALIDATORS
    }
    return {
        "valid": not checks.errors(issues),
        "files": files,
        "issues": [issue.as_json() for issue in issues],
        "validatorResults": {
            name: {
                "valid": not checks.errors(found),
                "issues": [issue.as_json() for issue in found],
            }
            for name, found in by_validator.items()
        },
    }
