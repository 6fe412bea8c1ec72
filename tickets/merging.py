"""Bringing a ticket's branch into the base branch, and taking it back: the tools, and what is seen
before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

from pydantic import StringConstraints

from agents.argocd import forecast
from agents.argocd.differing import bounded
from agents.argocd.watched import Watched
from agents.gitops.merging import Wish
from agents.gitops.workspace import MergeOutcome, MergeResult, Workspace
from agents.runtime.tool import (
    Arguments,
    CallContext,
    Fact,
    Inspection,
    Tool,
    ToolFailure,
    ToolResult,
)
from aura.kernel.secrets import redact
from governance.types import ActionClass, Resource
from tickets import claims, previews
from tickets.models import Ticket
from tickets.permit import permit

Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4000)]

REFUSED: Final = (
    "it is not merged, because Argo CD's dry run of it fails. {0}. Mend the files, commit, push and"
    " call git_merge again"
)


class Resolution(Arguments):
    summary: Words


class Reason(Arguments):
    reason: Words


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a ticket ends: whether resolving merges, and what is `watched` afterwards.

    `previews`: the branch must have run healthy before it is merged. `reverts_freely`: a merge that
    does not become healthy may be taken back without asking again.
    """

    merges: bool
    watched: Watched | None = None
    previews: bool = False
    reverts_freely: bool = True

    @property
    def observes(self) -> bool:
        """Whether a cluster is watched after the merge."""
        return self.merges and self.watched is not None


def merge_tool(ticket: Ticket, workspace: Workspace, ending: Ending) -> Tool:
    """Merging apart from resolving, so that what comes of it can be watched before the end."""

    def check(_: Resolution) -> None:
        if ending.previews:
            claims.refuse_untried(ticket)

    def inspect(_: Resolution, context: CallContext) -> Inspection:
        return _foreseen(ticket, workspace, ending.watched, context)

    def run(wish: Resolution, context: CallContext) -> ToolResult:
        del context
        merge = merge_now(ticket, workspace, wish.summary)
        previews.finish(ticket)
        return _merged(merge)

    def probe(wish: Resolution, context: CallContext) -> ToolResult | None:
        del wish, context
        merge = workspace.open(str(ticket.pk)).merged()
        if merge is None:
            return None
        previews.finish(ticket)
        return _merged(merge)

    return Tool(
        name=claims.MERGED,
        description=(
            "Merge the ticket's branch into the base branch, so that Argo CD takes it over. Wait"
            " for it with argo_app_wait afterwards. `summary` is the commit's subject."
        ),
        action_class=ActionClass.WRITE,
        parameters=Resolution,
        run=run,
        resource=lambda _: Resource(type="repository", name=workspace.branch),
        check=check,
        inspect=inspect,
        probe=probe,
        alone=True,
        trusted=True,
    )


def _foreseen(
    ticket: Ticket, workspace: Workspace, watched: Watched | None, context: CallContext
) -> Inspection:
    """What Argo CD would do with the branch, beside what Git would.

    The commit is bound, and the text is not: a diff against a moving cluster is another one
    whenever somebody looks.
    """
    worktree = workspace.open(str(ticket.pk))
    sha, bound = worktree.head, {"commit": worktree.head}
    if watched is None or worktree.pushed() is None:
        return Inspection(plan=_shown("Not pushed yet", worktree.committed()), preconditions=bound)
    seen = forecast.of_commit(watched, sha, call_id=context.call_id)
    if seen.refusals and not context.asks:
        raise ToolFailure(REFUSED.format("; ".join(map(str, seen.refusals))))
    plan = _shown(seen.text, worktree.committed())
    return Inspection(plan=plan, trouble=seen.trouble, preconditions=bound)


def _shown(seen: str, diff: str) -> str:
    return redact(f"{seen}\n\nGit\n{bounded(diff) or 'no changes'}")


def revert_tool(ticket: Ticket, workspace: Workspace, ending: Ending) -> Tool:
    """Taking the merge back."""

    def run(why: Reason, context: CallContext) -> ToolResult:
        del context
        merge = claims.own_merge(ticket)
        return _taken_back(workspace.open(str(ticket.pk)).revert(why.reason, of=merge))

    def probe(why: Reason, context: CallContext) -> ToolResult | None:
        del why, context
        done = workspace.open(str(ticket.pk)).reverted()
        return _taken_back(done) if done else None

    return Tool(
        name=claims.REVERTED,
        description=(
            "Take this ticket's merge back with a revert commit on the base branch (never by"
            " force), when the application does not become healthy. Then call argo_app_wait again."
        ),
        action_class=ActionClass.WRITE if ending.reverts_freely else ActionClass.DESTRUCTIVE,
        parameters=Reason,
        run=run,
        resource=lambda _: Resource(type="repository", name=workspace.branch),
        probe=probe,
        alone=True,
        trusted=True,
    )


def merge_now(ticket: Ticket, workspace: Workspace, summary: str) -> MergeResult:
    """Merge what the ticket may; see `Worktree.merge_into_base`."""
    planned_on = ticket.run.context.get("baseCommit", "") if ticket.run else ""
    wish = Wish(summary=summary, permit=permit(ticket), planned_on=planned_on)
    return workspace.open(str(ticket.pk)).merge_into_base(wish)


def _merged(merge: MergeResult) -> ToolResult:
    told = {"sha": merge.sha, "files": list(merge.files)}
    new = merge.outcome is MergeOutcome.MERGED
    return ToolResult(
        content=f"Merged as {merge.sha}." if new else "There was nothing to merge.",
        data=told,
        facts=(Fact(type="merge_completed", payload=told),) if new else (),
    )


def _taken_back(made: MergeResult) -> ToolResult:
    told = {"sha": made.sha, "files": list(made.files)}
    return ToolResult(
        content=f"Taken back with {made.sha}.",
        data=told,
        facts=(Fact(type="rollback_completed", payload=told),),
    )
