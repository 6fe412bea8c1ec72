"""Drives a ticket: turns in a loop until it must wait, pause or end. One call is one segment."""

from __future__ import annotations

import logging
import random
from datetime import timedelta
from uuid import UUID

from django.utils.timezone import now

from agents.models import Run
from agents.runtime import claims
from agents.runtime.llm import FailureKind, ModelFailure
from agents.runtime.tool import ToolFailure
from agents.runtime.turn import Session, ask, settle
from tickets import agent
from tickets.agent import Workshop
from tickets.journal import TicketJournal
from tickets.models import Status, Ticket

FIRST_RETRY_S = 2.0
LONGEST_RETRY_S = 60.0
MAX_BAD_REPLIES = 3

logger = logging.getLogger(__name__)


def advance(ticket_id: UUID, workshop: Workshop | None = None) -> None:
    """Work on a ticket while it can be worked on. Does nothing when another worker has it."""
    ticket = Ticket.objects.filter(pk=ticket_id).first()
    run = claims.claim(ticket.run_id) if ticket and ticket.run_id else None
    if ticket is None or run is None:
        return
    ticket.refresh_from_db()
    journal = TicketJournal(ticket, run)
    try:
        with claims.kept(run):
            if run.attempts > claims.MAX_ATTEMPTS:
                _give_up(run, journal)
            else:
                _segment(ticket, run, journal, workshop or Workshop.configured())
    except claims.LeaseLost:
        logger.info("ticket %s was taken from this worker", ticket_id)


def _give_up(run: Run, journal: TicketJournal) -> None:
    """Something of ours breaks here again and again, and trying for ever would hide it."""
    with claims.fenced(run):
        journal.opened()
        if journal.running():
            journal.fail(
                f"the worker broke down {claims.MAX_ATTEMPTS} times in a row at this point;"
                " its log says why"
            )
        journal.closed()
        claims.release(run)


def _segment(ticket: Ticket, run: Run, journal: TicketJournal, workshop: Workshop) -> None:
    try:
        session = agent.session(ticket, run, workshop)
    except ToolFailure as failure:
        _cannot_start(run, journal, str(failure))
        return
    while settle(session):
        try:
            ask(session)
        except ModelFailure as failure:
            _model_failed(session, failure, retry_s=workshop.config.llm_retry_s)
            return
        if run.failing_since is not None:
            Run.objects.filter(pk=run.pk).update(failing_since=None)
            run.failing_since = None
    if ticket.status == Status.RESOLVED and workshop.config.agent_auto_merge:
        tidy(ticket, workshop)


def tidy(ticket: Ticket, workshop: Workshop, *, delete_branch: bool = True) -> None:
    """Remove the worktree of a ticket that is over, and its branch once it is merged.

    Best effort: what is left behind harms nothing.
    """
    if not ticket.working_branch:
        return
    try:
        worktree = workshop.workspace.open(str(ticket.pk))
        worktree.cleanup(delete_remote_branch=delete_branch)
    except ToolFailure as failure:
        logger.warning("ticket %s is not tidied up: %s", ticket.pk, failure)


def _cannot_start(run: Run, journal: TicketJournal, message: str) -> None:
    """The repository cannot be read: nothing was planned yet, and resuming tries again."""
    with claims.fenced(run):
        journal.opened()
        if journal.running():
            journal.pause_with_error(message)
        journal.closed()
        claims.release(run)


def _model_failed(session: Session, failure: ModelFailure, *, retry_s: float) -> None:
    """No answer: try again later while it may help, else say what a person can do."""
    journal, run = session.journal, session.run
    assert isinstance(journal, TicketJournal)  # noqa: S101 - ours; narrows the protocol
    with session.commit():
        journal.count(
            failure.usage.prompt_tokens, failure.usage.completion_tokens, failure.usage.cost
        )
        again_in = None
        if journal.running():
            again_in = _after_failure(journal, run, failure, retry_s=retry_s)
        claims.release(run, again_in=again_in)


def _after_failure(
    journal: TicketJournal, run: Run, failure: ModelFailure, *, retry_s: float
) -> timedelta | None:
    """When to try again; None after the ticket was paused or failed."""
    if failure.kind is FailureKind.BAD_REPLY:
        journal.save_run(failures=run.failures + 1)
        if run.failures < MAX_BAD_REPLIES:
            return timedelta(seconds=1)
        journal.stuck(failure.message)
        return None
    if not failure.retryable:
        journal.fail(failure.message)
        return None
    if run.failing_since is None:
        journal.save_run(failing_since=now(), context={**run.context, "modelFailures": 0})
        journal.error(f"{failure.message} Trying again.", recoverable=True)
    return _backoff(journal, run, failure, retry_s=retry_s)


def _backoff(
    journal: TicketJournal, run: Run, failure: ModelFailure, *, retry_s: float
) -> timedelta | None:
    tries = int(run.context.get("modelFailures", 0))
    pause = min(FIRST_RETRY_S * 2**tries, LONGEST_RETRY_S) * random.uniform(0.8, 1.2)  # noqa: S311 - jitter
    pause = max(pause, failure.retry_after_s or 0.0)
    spent = (now() - run.failing_since).total_seconds() if run.failing_since else 0.0
    if spent + pause > retry_s:
        journal.save_run(failing_since=None)
        journal.pause_with_error(
            f"{failure.message} Gave up after {spent:.0f} s; resume the ticket when it is mended."
        )
        return None
    journal.save_run(context={**run.context, "modelFailures": tries + 1})
    return timedelta(seconds=pause)
