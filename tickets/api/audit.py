"""The audit log in Aura's dialect."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response

from aura.kernel.listing import moment, names, page
from governance.audit.canonical import storable
from governance.audit.query import Filter, Page, count, events
from governance.helpdesk.words import POSTED
from governance.types import ActorKind
from tickets import selectors
from tickets.api.audit_answers import THEIRS, AuditEntries, AuditEntry
from tickets.api.views import TICKET_ID, ApiViewSet, choices, documented, paging, parameter
from tickets.events import TYPES

LIMIT, MOST = 100, 1000
TYPE = parameter(
    "type",
    "Filter by event type (comma-separated)",
    type={
        "type": "array",
        "items": {
            "anyOf": [
                {"type": "string", "enum": ["", *TYPES]},
                {"type": "string", "pattern": f"{THEIRS}[^,]*$"},
            ]
        },
    },
    explode=False,
)
TIME = {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "string", "maxLength": 0}]}
PAGING = paging(default=LIMIT, most=MOST)


class Audit(ApiViewSet):
    """GET /api/tickets/:id/audit and GET /api/audit"""

    @documented(answer=AuditEntries, failures=(400, 404), parameters=[TICKET_ID, TYPE, *PAGING])
    def of_ticket(self, request: Request, id: str) -> Response:
        """GET /api/tickets/:id/audit"""
        ticket = selectors.get_ticket(id)
        return listed(request, Filter(trace_id=str(ticket.pk), types=asked_types(request)))

    @documented(
        answer=AuditEntries,
        failures=(400,),
        parameters=[
            parameter("ticketId", "Filter by ticket ID"),
            TYPE,
            choices("actor", "Filter by actor (agent/user/system)", ActorKind),
            parameter("since", "ISO timestamp, entries after", type=TIME),
            parameter("until", "ISO timestamp, entries before", type=TIME),
            *PAGING,
        ],
    )
    def everything(self, request: Request) -> Response:
        """GET /api/audit"""
        query = request.query_params
        asked = Filter(
            trace_id=storable(query.get("ticketId", "").strip().lower()),
            types=asked_types(request),
            actors=names(query, "actor", list(ActorKind)),
            after=moment(query, "since"),
            before=moment(query, "until"),
        )
        return listed(request, asked)


def asked_types(request: Request) -> list[str]:
    given = names(request.query_params, "type", TYPES, prefix=POSTED)
    return [storable(name) for name in given]


def listed(request: Request, asked: Filter) -> Response:
    """A page of entries, newest first."""
    wanted = page(request.query_params, default=LIMIT, most=MOST)
    window = Page(limit=wanted.limit, offset=wanted.offset)
    entries = AuditEntry(events(asked, window), many=True).data
    return Response({"entries": entries, "total": count(asked)})
