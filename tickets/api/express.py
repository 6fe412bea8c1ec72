"""The requests that are made most, in the event loop: no thread, no router, no DRF.

What is answered is what `tickets.api.views` answers to the same request. Whatever is not plain
about one (a bad query or body, a ticket that is being worked on) is left to them: None.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import orjson
from django.http import HttpResponse, QueryDict
from rest_framework.exceptions import ValidationError

from aura.kernel import rows
from aura.kernel.database.lines import Lines
from aura.kernel.errors import ValidationFailed
from aura.kernel.ids import parse_uuid
from governance.identity import Verified, opener
from tickets import selectors, services
from tickets.api import views
from tickets.api.answers import shape
from tickets.api.bodies import CreateTicketBody
from tickets.api.listing import question
from tickets.models import Ticket


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request of somebody known who may make it. `id`: of the ticket in its path."""

    token: Verified
    query: bytes
    body: bytes
    id: str


Answering = Callable[[Lines, Asked], Awaitable[HttpResponse | None]]


async def listed(lines: Lines, asked: Asked) -> HttpResponse | None:
    """GET /api/tickets"""
    try:
        wanted = views.wanted(QueryDict(asked.query))
    except ValidationFailed:
        return None
    found = await lines.ask(*question(wanted))
    return views.listed(found[0].encode()) if found else None


async def one(lines: Lines, asked: Asked) -> HttpResponse | None:
    """GET /api/tickets/:id of a ticket that its own row tells all about."""
    key = parse_uuid(asked.id)
    found = await lines.ask(rows.finding(Ticket), [key]) if key else None
    ticket = rows.made(Ticket, found) if found else None
    return views.one(ticket) if ticket and selectors.is_at_rest(ticket) else None


async def create(lines: Lines, asked: Asked) -> HttpResponse | None:
    """POST /api/tickets"""
    try:
        said = orjson.loads(asked.body)
        body = shape(CreateTicketBody).run_validation(said) if isinstance(said, dict) else None
    except (orjson.JSONDecodeError, ValidationError):
        return None
    if body is None:
        return None
    who = opener(asked.token.user, asked.token)
    return views.created(await services.create_ticket_here(lines, **body, actor=who))


# Route as the table of routes has it -> method -> what answers.
EXPRESS: Final[dict[str, dict[str, Answering]]] = {
    "api/tickets": {"GET": listed, "POST": create},
    "api/tickets/<str:id>": {"GET": one},
}
