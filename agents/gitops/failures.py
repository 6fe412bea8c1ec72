"""What can go wrong with Git, each with a name. The texts are read by the model."""

from __future__ import annotations

from collections.abc import Sequence

from agents.gitops.checks import Issue
from agents.runtime.tool import NeedsPerson, ToolFailure, TransientFailure

SHOWN = 20  # issues or files named in one message


class GitFailure(ToolFailure):
    """Git could not do it, and trying the same again will not help."""


class NotConfigured(GitFailure, NeedsPerson):
    """No repository is configured, or its address is not one we use."""


class RemoteUnavailable(TransientFailure):
    """The remote did not answer, or answered that it is out of order."""


class GitBusy(TransientFailure):
    """git did not finish in time, or another one holds a lock file."""


class AccessDenied(GitFailure, NeedsPerson):
    """The remote does not accept our credentials, or they do not suffice."""


class DiskFull(GitFailure, NeedsPerson):
    """There is no room left where the workers keep the clone."""


class RepositoryMissing(GitFailure, NeedsPerson):
    """There is no repository at the address."""


class BranchMissing(GitFailure):
    """The repository has no such branch."""


class RemoteRefused(GitFailure):
    """The remote looked at the push and said no: a hook, or a protected branch."""


class NonFastForward(GitFailure):
    """The remote branch has commits that we have not."""


class MergeConflict(GitFailure):
    """Both sides changed the same lines; `files` are the paths."""

    def __init__(self, message: str, files: Sequence[str]) -> None:
        super().__init__(f"{message}: {', '.join(files[:SHOWN])}")
        self.files = tuple(files)


class ChecksFailed(GitFailure):
    """The files may not be committed or pushed as they are; `issues` holds all findings."""

    def __init__(self, doing: str, issues: Sequence[Issue]) -> None:
        errors = [issue for issue in issues if issue.severity == "error"]
        lines = [str(issue) for issue in errors[:SHOWN]]
        if len(errors) > SHOWN:
            lines.append(f"and {len(errors) - SHOWN} more")
        super().__init__(
            f"{doing} was refused, {len(errors)} problem(s) must be mended first:\n"
            + "\n".join(lines)
        )
        self.issues = tuple(issues)
