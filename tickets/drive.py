"""Drives a ticket: turns in a loop until it must wait, pause or end. One call is one segment."""

from __future__ import annotations

import logging
from uuid import UUID

from django.db import InterfaceError, OperationalError

from agents.models import NO_FAILURES, CallState, Run
from agents.runtime import claims, observed, presence, watch
from agents.runtime.executions import Outcome
from agents.runtime.interrupt import Interrupted
from agents.runtime.llm import FailureKind, ModelFailure
from agents.runtime.session import Session
from agents.runtime.tool import ToolFailure
from agents.runtime.turn import ask, settle, shorten
from aura.kernel import rows
from aura.kernel.ids import parse_uuid
from tickets import agent, failures
from tickets.agent import Workshop
from tickets.journal import TicketJournal
from tickets.models import Status, Ticket

logger = logging.getLogger(__name__)


def advance(ticket_id: UUID, workshop: Workshop | None = None) -> None:
    """Work on a ticket while it can be worked on. Does nothing when another worker has it."""
    found = rows.find(Ticket, ticket_id)
    if found is None or found.run_id is None:
        return
    try:
        with claims.held(found.run_id) as run:
            if run is None:
                return
            ticket = rows.find(Ticket, ticket_id)  # as the claim finds it
            assert ticket is not None  # noqa: S101 - none is ever removed
            with observed.segment(run):
                if run.attempts > claims.MAX_ATTEMPTS:
                    _give_up(run, TicketJournal(ticket, run))
                else:
                    _work(ticket, run, workshop or Workshop.configured())
    except (claims.LeaseLost, Interrupted):
        logger.info("ticket %s was taken from this worker", ticket_id)


def _work(ticket: Ticket, run: Run, workshop: Workshop) -> None:
    """A segment. A database that goes away meanwhile is waited for; what calls did is not lost."""
    with watch.over(run):
        _outlasting(ticket, run, workshop)


def _outlasting(ticket: Ticket, run: Run, workshop: Workshop) -> None:
    outcomes: dict[UUID, Outcome] = {}
    for _ in range(claims.MAX_ATTEMPTS):
        try:
            _segment(ticket, run, TicketJournal(ticket, run), workshop, outcomes)
        except (OperationalError, InterfaceError) as error:
            if not claims.is_outage(error):
                raise
            logger.warning("ticket %s waits for the database: %s", ticket.pk, error)
            claims.outlast_outage(run)
            run.refresh_from_db()
            ticket.refresh_from_db()
        else:
            return


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


def _segment(
    ticket: Ticket,
    run: Run,
    journal: TicketJournal,
    workshop: Workshop,
    outcomes: dict[UUID, Outcome],
) -> None:
    """`outcomes`: what calls did that could not be written yet; kept up to date for the caller."""
    try:
        session = agent.session(ticket, run, workshop)
    except ToolFailure as failure:
        failures.cannot_start(run, journal, failure)
        return
    session.outcomes.extend(
        (call, outcomes[call.pk])
        for call in session.pending
        if call.state == CallState.BEGUN and call.pk in outcomes
    )
    try:
        _turns(session, workshop)
    finally:
        outcomes.update((call.pk, outcome) for call, outcome in session.outcomes)
    if ticket.status == Status.RESOLVED and workshop.config.agent_auto_merge:
        tidy(ticket, workshop)


def _turns(session: Session, workshop: Workshop) -> None:
    run = session.run
    while _turn(session, workshop):
        if run.failing_since is not None:
            Run.objects.filter(pk=run.pk).update(**NO_FAILURES)
            run.failing_since, run.outside_failures, run.bad_replies = None, 0, 0


def _turn(session: Session, workshop: Workshop) -> bool:
    """The pending calls, then one model request. False: the run was let go."""
    with observed.turn(session.run):
        if not settle(session):
            return False
        try:
            ask(session)
        except ModelFailure as failure:
            if failure.kind is FailureKind.CONTEXT_OVERFLOW and shorten(session):
                return True
            failures.model_failed(session, failure, retry_s=workshop.config.llm_retry_s)
            return False
    return True


def tidy(ticket: Ticket, workshop: Workshop, *, delete_branch: bool = True) -> None:
    """Remove the worktree of a ticket that is over, and its branch once it is merged.

    Best effort: what is left behind harms nothing, and `tidy_leftovers` tries again.
    """
    if not ticket.working_branch:
        return
    try:
        worktree = workshop.workspace.open(str(ticket.pk))
        worktree.cleanup(delete_remote_branch=delete_branch)
    except ToolFailure as failure:
        logger.warning("ticket %s is not tidied up: %s", ticket.pk, failure)


def tidy_leftovers(workshop: Workshop) -> None:
    """Tidy up after tickets that are over and whose worker was killed before it could."""
    here = workshop.workspace.ticket_ids
    over = [Status.CANCELLED, *([Status.RESOLVED] if workshop.config.agent_auto_merge else [])]
    ids = [key for name in here() if (key := parse_uuid(name))]
    for ticket in Ticket.objects.filter(pk__in=ids, status__in=over):
        assert ticket.run_id is not None  # noqa: S101 - a worktree is made by a run
        with presence.marked(ticket.run_id) as mark:
            if mark and str(ticket.pk) in here():  # its own worker may have been at it
                tidy(ticket, workshop, delete_branch=ticket.status == Status.RESOLVED)
