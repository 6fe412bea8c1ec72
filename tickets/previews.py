"""`argo_preview_start`: a ticket's branch in the cluster before the merge; and its end.

The row is the promise to put everything back. A worker's sweep keeps it, whatever became of the
ticket and of the worker that began: resolved, failed, cancelled, merged, started anew, or left
without anybody at work for `AURA_ARGOCD_PREVIEW_IDLE_S`.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any, Final

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now
from django.utils.timezone import now

from agents.argocd import configured, previewing
from agents.argocd.desk import ArgoFailed
from agents.argocd.previewing import Mode
from agents.argocd.watched import AppArguments, Watched
from agents.gitops.workspace import Workspace
from agents.gitops.worktree import BRANCH_PREFIX
from agents.runtime.interrupt import current
from agents.runtime.tool import (
    CallContext,
    Fact,
    Tool,
    ToolFailure,
    ToolResult,
    TransientFailure,
)
from aura.config import Settings
from aura.kernel import backoff
from aura.kernel.hands import Hands
from aura.kernel.secrets import redact
from governance.types import SYSTEM, ActionClass, Resource
from tickets.claims import PREVIEWED
from tickets.events import tell
from tickets.lifecycle import ENDED, WORKING
from tickets.models import Preview, Ticket

THREADS: Final = 1
LEASE: Final = timedelta(seconds=60)  # longer than Argo CD is asked for one preview
LONGEST_PAUSE_S: Final = 600.0
TELLS_AT: Final = 3  # attempts that failed, after which people are told

logger = logging.getLogger(__name__)


def running(ticket: Ticket) -> Preview | None:
    """The preview that the ticket's present run has begun, until it is to end."""
    mine = Preview.objects.filter(ticket=ticket, run=ticket.run_id, ended_at=None, end_at=None)
    return mine.exclude(started_at=None).first()


def finish(ticket: Ticket) -> None:
    """The ticket needs its preview no more, because its work is merged."""
    if Preview.objects.filter(ticket=ticket, ended_at=None, end_at=None).update(end_at=now()):
        hands.wake()


def preview_tool(ticket: Ticket, workspace: Workspace, watched: Watched, mode: Mode) -> Tool:
    """The tool, for one ticket."""
    start = _Start(ticket, workspace, watched, mode)
    return Tool(
        name=PREVIEWED,
        description=(
            "Let Argo CD run the pushed branch of this ticket before it is merged; argo_app_wait"
            " tells what comes of it. It ends by itself with the merge or the ticket."
        ),
        action_class=ActionClass.WRITE,
        parameters=AppArguments,
        run=start.run,
        resource=lambda said: Resource(type="application", name=said.app or watched.app or "*"),
        probe=start.probe,
        alone=True,
        trusted=True,
        tags=("argocd", "gitops"),
    )


class _Start:
    def __init__(self, ticket: Ticket, workspace: Workspace, watched: Watched, mode: Mode) -> None:
        self._ticket, self._workspace = ticket, workspace
        self._watched, self._mode = watched, mode
        self._branch = f"{BRANCH_PREFIX}{ticket.pk}"

    def run(self, said: AppArguments, context: CallContext) -> ToolResult:
        sha = self._workspace.open(str(self._ticket.pk)).pushed()
        if sha is None:
            raise ToolFailure("the branch is not pushed yet: call git_push first")
        app = self._watched.name(said)
        row = Preview.objects.filter(call=context.call_id).first() or self._opened(app, context)
        current().check()
        try:
            previewing.begin(
                self._watched.desk, _said(row), of=app, sha=sha, ticket_id=str(self._ticket.pk)
            )
        except ArgoFailed:  # whatever there is of it is not waited for any more
            Preview.objects.filter(pk=row.pk).update(started_at=now(), end_at=now())
            hands.wake()
            raise
        # Open again, in case that somebody has looked for it just before it was there.
        Preview.objects.filter(pk=row.pk).update(started_at=now(), ended_at=None)
        return _started(row)

    def probe(self, said: AppArguments, context: CallContext) -> ToolResult | None:
        """Whether this very call has begun its preview."""
        del said
        row = Preview.objects.filter(call=context.call_id).first()
        if row is None or not previewing.is_there(self._watched.desk, _said(row)):
            return None
        Preview.objects.filter(pk=row.pk, started_at=None).update(started_at=now())
        return _started(row)

    def _opened(self, app: str, context: CallContext) -> Preview:
        """The row, before anything is asked of Argo CD."""
        ticket = self._ticket
        assert ticket.run is not None  # noqa: S101 - the tools are those of a run
        if mine := Preview.objects.filter(ticket=ticket, ended_at=None).first():
            raise TransientFailure(f"an earlier preview of this ticket, in {mine.app}, has to end")
        if app not in (own := [each.name for each in self._watched.own()]):
            raise ToolFailure(f"{app} does not deploy what this ticket changes: {', '.join(own)}")
        wanted = previewing.planned(
            self._watched, self._mode, app=app, ticket_id=str(ticket.pk), branch=self._branch
        )
        try:
            with transaction.atomic():
                return Preview.objects.create(
                    ticket=ticket,
                    run=ticket.run,
                    call=context.call_id,
                    mode=wanted.mode.value,
                    app=wanted.app,
                    branch=wanted.branch,
                    revision=wanted.revision,
                    namespace=wanted.namespace,
                )
        except IntegrityError:
            held = Preview.objects.filter(app=wanted.app, ended_at=None).first()
            whose = f"ticket {held.ticket_id}" if held else "another ticket"
            raise TransientFailure(
                f"{wanted.app} runs the branch of {whose} for now, and one at a time"
            ) from None


def _said(row: Preview) -> previewing.Preview:
    return previewing.Preview(
        mode=Mode(row.mode),
        app=row.app,
        branch=row.branch,
        revision=row.revision,
        namespace=row.namespace,
    )


def _told(row: Preview) -> dict[str, Any]:
    return {"app": row.app, "mode": row.mode, "branch": row.branch}


def _started(row: Preview) -> ToolResult:
    return ToolResult(
        content=f"{row.app} follows {row.branch}; call argo_app_wait to see what comes of it.",
        data=_told(row),
        facts=(Fact(type="preview_started", payload=_told(row)),),
    )


# --- the end ---


def due() -> QuerySet[Preview]:
    """Previews that nobody needs any more, and that are not being ended at this moment."""
    config: Settings = settings.AURA
    idle = Now() - timedelta(seconds=config.argocd_preview_idle_s)
    over = (
        Q(end_at__isnull=False)
        | Q(ticket__status__in=ENDED)
        | ~Q(run=F("ticket__run"))
        | (~Q(ticket__status__in=WORKING) & Q(ticket__updated_at__lt=idle))
    )
    found = Preview.objects.filter(over, ended_at=None)
    return found.filter(Q(next_at=None) | Q(next_at__lte=Now())).order_by("pk")


def pump() -> None:
    """End what is due, until nothing is left that is not being ended already."""
    while not hands.stopping and (row := _claim()):
        _end(row)


hands = Hands("previews", pump, threads=THREADS)


def _claim() -> Preview | None:
    """One that is due, its attempt counted; due again if we die before it has ended."""
    with transaction.atomic():
        row = due().select_for_update(skip_locked=True, of=("self",)).first()
        if row is None:
            return None
        row.attempts += 1
        Preview.objects.filter(pk=row.pk).update(attempts=row.attempts, next_at=Now() + LEASE)
    return row


def _end(row: Preview) -> None:
    try:
        desk = configured.desk(settings.AURA)
        if desk is None:
            raise ToolFailure("Argo CD is not configured any more")  # noqa: TRY301 - told below
        done = previewing.end(desk, _said(row))
    except ToolFailure as failure:
        _failed(row, redact(str(failure)))
        return
    if done and (row.started_at or now() - row.created_at > LEASE):
        _ended(row, done)
    else:  # it is under way, or the worker that was to begin it may still do so
        _again(row, pause_s=1.0, attempts=0)


def _ended(row: Preview, done: str) -> None:
    with transaction.atomic():
        Preview.objects.filter(pk=row.pk).update(ended_at=now(), next_at=None, error="")
        tell(row.ticket, "preview_ended", actor=SYSTEM, payload=_told(row), reasoning=done)


def _failed(row: Preview, words: str) -> None:
    """Tried for as long as it takes; people are told, because only they may be able to help."""
    logger.warning("the preview of ticket %s is not ended: %s", row.ticket_id, words)
    pause_s = backoff.pause_s(row.attempts, first_s=2.0, longest_s=LONGEST_PAUSE_S)
    _again(row, pause_s=pause_s, error=words)
    if row.attempts == TELLS_AT:
        message = f"{row.app} still follows {row.branch}, and is not put back: {words}"
        payload = {"message": message, "recoverable": True}
        tell(row.ticket, "error_occurred", actor=SYSTEM, payload=payload, reasoning=message)


def _again(row: Preview, *, pause_s: float, **changes: Any) -> None:
    pause = timedelta(seconds=pause_s)
    Preview.objects.filter(pk=row.pk).update(next_at=Now() + pause, **changes)
