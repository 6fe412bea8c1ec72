"""What a ticket may claim of the cluster: what its own calls have seen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.db.models import QuerySet

from agents.argocd.waiting import WAIT
from agents.models import CallState, ToolExecution
from agents.runtime.tool import ToolFailure
from tickets.models import Ticket

MERGED: Final = "git_merge"
REVERTED: Final = "git_revert"
PUSHED: Final = "git_push"
PREVIEWED: Final = "argo_preview_start"


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
    seen = _healthy(ticket, str(last.data.get("sha")))
    if not seen:
        raise ToolFailure(
            "nobody has seen the merged commit healthy in this repository's application: call"
            " argo_app_wait for it first"
        )
    also = {name for told in seen.values() for name in told.get("also", ())}
    if unseen := sorted(also - seen.keys()):
        raise ToolFailure(
            f"the merged commit also goes into {', '.join(unseen)}, where nobody has seen it"
            " healthy: call argo_app_wait with that app first"
        )


def pushed(ticket: Ticket) -> str:
    """The commit of the ticket's branch that was pushed last, shortened; empty: none yet."""
    last = _last(ticket, PUSHED)
    return str(last.data.get("sha", "")) if last else ""


def refuse_untried(ticket: Ticket) -> None:
    """Raises `ToolFailure` unless a call of the ticket has seen its branch healthy in a preview."""
    sha = pushed(ticket)
    if not sha or not _healthy(ticket, sha, ours=False):
        raise ToolFailure(
            "nobody has seen the pushed branch healthy in a preview: call git_push,"
            f" {PREVIEWED} and argo_app_wait first"
        )


def _healthy(ticket: Ticket, sha: str, *, ours: bool = True) -> dict[str, Mapping[str, Any]]:
    """What the last wait of each application said that found this commit healthy in it."""
    waits: dict[str, Mapping[str, Any]] = {}
    for call in _done(WAIT).filter(run=ticket.run):
        waits.setdefault(str(call.data.get("app")), call.data)
    return {
        app: told
        for app, told in waits.items()
        if told.get("healthy") is True
        and told.get("expected") == sha
        and (told.get("ours") is True or not ours)
    }


def _last(ticket: Ticket, *tools: str) -> ToolExecution | None:
    """The last of these calls that succeeded in the present attempt."""
    return _done(*tools).filter(run=ticket.run).first()


def _done(*tools: str) -> QuerySet[ToolExecution]:
    """Calls of these that succeeded, newest first."""
    done = ToolExecution.objects.filter(tool__in=tools, state=CallState.DONE, failed=False)
    return done.order_by("-ended_at")
