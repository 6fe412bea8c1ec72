"""People are told of tickets that need somebody: `governance.notices`, with a ticket's words."""

from __future__ import annotations

from typing import Final

from governance import notices
from governance.notices import Kind, Message
from tickets.models import Status, Ticket

STOPPED: Final = {Status.FAILED: Kind.FAILED, Status.PAUSED: Kind.PAUSED}


def question(ticket: Ticket, asked: str, *, event: str) -> None:
    """The agent waits for an answer. `event` is the key of what the log says of it."""
    notices.tell(
        Message(
            key=f"{event}-question",
            kind=Kind.QUESTION,
            head="QUESTION",
            what=ticket.title,
            lines=[asked],
            page=f"{page_of(ticket)}#decide",
            call="Read and answer it",
            priority=notices.HIGH,
            tags=["question"],
        )
    )


def stopped(ticket: Ticket, reason: str, *, event: str) -> None:
    """It was paused or has failed; every other status is told by nobody, or as something else."""
    kind = STOPPED.get(Status(ticket.status))
    if kind is None:
        return
    failed = kind is Kind.FAILED
    why = ticket.last_error if reason == "error" else reason
    notices.tell(
        Message(
            key=f"{event}-{kind}",
            kind=kind,
            head="TICKET FAILED" if failed else "TICKET PAUSED",
            what=ticket.title,
            lines=[why] if why else [],
            page=page_of(ticket),
            priority=notices.HIGH if failed else notices.NORMAL,
            tags=["x" if failed else "pause_button"],
        )
    )


def page_of(ticket: Ticket) -> str:
    return f"/admin/tickets/ticket/{ticket.pk}/change/"
