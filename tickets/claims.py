"""What a ticket may claim of the cluster: what its own calls have seen."""

from __future__ import annotations

from typing import Final

from django.db.models import QuerySet

from agents.argocd.tools import WAIT
from agents.models import CallState, ToolExecution
from agents.runtime.tool import ToolFailure
from tickets.models import Ticket

MERGED: Final = "git_merge"
REVERTED: Final = "git_revert"


def expected(ticket: Ticket) -> str:
    """The commit on the base branch that Argo CD shall deploy for this ticket; empty: none yet."""
    last = _last(ticket, MERGED, REVERTED)
    return str(last.data.get("sha", "")) if last else ""


def own_merge(ticket: Ticket) -> str:
    """The last merge that a call of this ticket has made. Raises `ToolFailure` for none."""
    for call in _done(MERGED).filter(run__tickets=ticket):
        if call.data.get("files"):
            return str(call.data["sha"])
    raise ToolFailure("nothing of this ticket is merged, so there is nothing to take back")


def refuse_unseen(ticket: Ticket) -> None:
    """Raises `ToolFailure` unless a call of the ticket has seen its merge healthy."""
    last = _last(ticket, MERGED, REVERTED)
    if last is None:
        raise ToolFailure("nothing is merged yet: call git_merge, then argo_app_wait")
    if last.tool == REVERTED:
        raise ToolFailure("the work was taken back, so it is not done: call give_up and say why")
    seen = _last(ticket, WAIT)
    told = seen.data if seen is not None else {}
    healthy = told.get("healthy") is True and told.get("ours") is True
    if not healthy or told.get("expected") != last.data.get("sha"):
        raise ToolFailure(
            "nobody has seen the merged commit healthy in this repository's application: call"
            " argo_app_wait for it first"
        )


def _last(ticket: Ticket, *tools: str) -> ToolExecution | None:
    """The last of these calls that succeeded in the present attempt."""
    return _done(*tools).filter(run=ticket.run).first()


def _done(*tools: str) -> QuerySet[ToolExecution]:
    """Calls of these that succeeded, newest first."""
    done = ToolExecution.objects.filter(tool__in=tools, state=CallState.DONE, failed=False)
    return done.order_by("-ended_at")
