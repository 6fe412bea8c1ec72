"""Drives a ticket: turns in a loop until it must wait, pause or end. One call is one segment."""

from __future__ import annotations

import logging
from uuid import UUID

from agents.models import Run
from agents.runtime import claims, observed, presence, segment
from agents.runtime.interrupt import Interrupted
from agents.runtime.llm import ModelFailure
from agents.runtime.session import Session
from agents.runtime.tool import ToolFailure
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
            with observed.segment(run):
                if run.attempts > claims.MAX_ATTEMPTS:
                    _give_up(run, TicketJournal(_read(ticket_id), run))
                else:
                    _work(ticket_id, run, workshop or Workshop.configured())
    except (claims.LeaseLost, Interrupted):
        logger.info("ticket %s was taken from this worker", ticket_id)


def _work(ticket_id: UUID, run: Run, workshop: Workshop) -> None:
    def begin() -> Session | None:
        ticket = _read(ticket_id)
        try:
            return agent.session(ticket, run, workshop)
        except ToolFailure as failure:
            failures.cannot_start(run, TicketJournal(ticket, run), failure)
            return None

    def model_failed(session: Session, failure: ModelFailure) -> None:
        failures.model_failed(session, failure, retry_s=workshop.config.llm_retry_s)

    session = segment.work(run, begin=begin, model_failed=model_failed)
    if session is not None and workshop.config.agent_auto_merge:
        ticket = TicketJournal.of(session).ticket
        if ticket.status == Status.RESOLVED:
            tidy(ticket, workshop)


def _read(ticket_id: UUID) -> Ticket:
    """The ticket as the claim finds it."""
    ticket = rows.find(Ticket, ticket_id)
    assert ticket is not None  # noqa: S101 - none is ever removed
    return ticket


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
