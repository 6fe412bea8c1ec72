"""Problems that more than one room of tickets raises."""

from __future__ import annotations

from aura.kernel.errors import NotFound


class TicketNotFound(NotFound):
    """No ticket has this id; an id of another form is just not found."""

    code = "TICKET_NOT_FOUND"

    def __init__(self, ticket_id: str) -> None:
        super().__init__(f"Ticket with ID {ticket_id} not found")
