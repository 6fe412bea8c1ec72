"""What a ticket may bring into the base branch: what was approved, made by its own calls.

The branch is a place others can push to, so neither its files nor its commits are taken on trust.
"""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from django.db.models import QuerySet

from agents.gitops.merging import Permit, Proposal
from agents.models import CallState, ToolExecution
from agents.runtime.tool import ToolFailure
from tickets import plan as plans
from tickets.models import Ticket

SHORT = 7  # digits of a commit id that git_commit reports


def permit(ticket: Ticket) -> Permit:
    """Refuses a merge of files nobody approved, or of commits that are not the ticket's own."""

    def check(proposal: Proposal) -> None:
        if extra := sorted(set(proposal.paths) - approved_paths(ticket)):
            raise ToolFailure(
                "the branch holds changes that nobody approved, so it is not merged:"
                f" {', '.join(extra[:10])}; take them back, or submit a plan that names them"
            )
        if strange := _strange(ticket, proposal.commits):
            raise ToolFailure(
                f"commit {strange[:SHORT]} on the branch was not made by this ticket, so the"
                " branch is not merged; a person must look at it"
            )

    return check


def approved_paths(ticket: Ticket) -> set[str]:
    """The files that people have let this ticket change."""
    released = _own_calls(ticket).filter(tool__in=plans.FILE_TOOLS, approval__isnull=False)
    paths = {name.removeprefix("file:") for name in released.values_list("resource", flat=True)}
    if ticket.plan is not None and ticket.plan_approved_at is not None:
        paths |= plans.changed(ticket.plan)
    return paths


def _strange(ticket: Ticket, commits: Iterable[tuple[str, str]]) -> str:
    """The first commit that no git_commit of this ticket made; empty when all are its own."""
    # A rebase, which a person approved, gives the ticket's commits new ids.
    rebased = _own_calls(ticket).filter(tool="git_rebase").exists()
    for sha, call_id in commits:
        calls = _own_calls(ticket).filter(tool="git_commit", pk=_uuid(call_id))
        made = calls.exists() if rebased else calls.filter(data__sha=sha[:SHORT]).exists()
        if not made:
            return sha
    return ""


def _own_calls(ticket: Ticket) -> QuerySet[ToolExecution]:
    return ToolExecution.objects.filter(run__tickets=ticket, state=CallState.DONE, failed=False)


def _uuid(text: str) -> UUID:
    """The id in a trailer; one that is none fits no call."""
    try:
        return UUID(text)
    except ValueError:
        return UUID(int=0)
