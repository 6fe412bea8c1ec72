"""The audit log in Aura's dialect."""

from __future__ import annotations

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from aura.kernel.listing import moment, names, page
from governance.audit.canonical import storable
from governance.models import AuditEvent
from governance.types import ActorKind
from tickets import selectors
from tickets.api import answers
from tickets.api.views import TICKET_ID, ApiViewSet, choices, documented, paging, parameter
from tickets.events import TYPES

LIMIT, MOST = 100, 1000
TYPE = choices("type", "Filter by event type (comma-separated)", TYPES)
TIME = {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "string", "maxLength": 0}]}
PAGING = paging(default=LIMIT, most=MOST)


class Audit(ApiViewSet):
    """GET /api/tickets/:id/audit and GET /api/audit"""

    @documented(
        answer=answers.AuditEntries, failures=(400, 404), parameters=[TICKET_ID, TYPE, *PAGING]
    )
    def of_ticket(self, request: Request, id: str) -> Response:
        """GET /api/tickets/:id/audit"""
        ticket = selectors.get_ticket(id)
        return listed(request, AuditEvent.objects.filter(trace_id=str(ticket.pk)))

    @documented(
        answer=answers.AuditEntries,
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
        query, events = request.query_params, AuditEvent.objects.all()
        if ticket_id := query.get("ticketId", "").strip():
            events = events.filter(trace_id=storable(ticket_id.lower()))
        if actors := names(query, "actor", list(ActorKind)):
            events = events.filter(actor__in=actors)
        if since := moment(query, "since"):
            events = events.filter(recorded_at__gt=since)
        if until := moment(query, "until"):
            events = events.filter(recorded_at__lt=until)
        return listed(request, events)


def listed(request: Request, events: QuerySet[AuditEvent]) -> Response:
    """A page of entries, newest first."""
    if types := names(request.query_params, "type", TYPES):
        events = events.filter(type__in=types)
    window = page(request.query_params, default=LIMIT, most=MOST).window
    newest = events.order_by("-recorded_at", "-id")[window]
    return Response(
        {"entries": answers.AuditEntry(newest, many=True).data, "total": events.count()}
    )
