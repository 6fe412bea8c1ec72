"""The log: /v1/events, /v1/verify, /v1/journeys and what the gateway shows of them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from aura.kernel.errors import NotFound
from aura.kernel.telemetry.context import pinned_id
from governance.api import answers, bodies, queries
from governance.api.base import LIMITED, HelpdeskViewSet, documented, parameter
from governance.helpdesk import chain, events, posting
from governance.helpdesk import journeys as journeys_of
from governance.identity import caller

EVENT_ID = OpenApiParameter("event_id", str, OpenApiParameter.PATH)
LIMIT = parameter("limit", LIMITED, int)
FILTERS = [
    parameter("session_id", "Filter by session ID"),
    parameter("trace_id", "Filter by trace ID; oldest first then"),
    parameter("trace_id_prefix", "Filter by how trace IDs begin; oldest first then"),
    parameter("event_type", "Filter by event type"),
    parameter("types", "Filter by event types (comma-separated)"),
    parameter("agent", "Filter by agent name"),
    parameter("action_class", "read, write, or destructive"),
    parameter("since", "RFC 3339 lower bound, inclusive"),
    parameter("until", "RFC 3339 upper bound, inclusive"),
    parameter("tool_name", "Filter by tool, in the newest 10,000 events that fit the rest"),
    parameter("outcome_status", "Filter by outcome, likewise"),
    parameter("origin", "Filter by origin, likewise"),
    LIMIT,
]


class Events(HelpdeskViewSet):
    """Events of the log."""

    @documented(body=bodies.EventBody, answer=answers.Place, failures=(400, 409, 413, 415))
    def create(self, request: Request) -> Response:
        """POST /v1/events"""
        said = self.read(bodies.EventBody, request)
        whole: dict[str, Any] = {**self.whole(request), **said}
        event = {name: value for name, value in whole.items() if value not in (None, "")}
        if pinned := pinned_id(request.headers.get("X-Trace-ID", "")):
            event.setdefault("trace_id", pinned)
        place = posting.post_event(event, by=caller(request))
        return Response(asdict(place))

    @documented(
        body=bodies.OutcomeBody,
        answer=answers.OutcomeKept,
        failures=(400, 404, 409, 413, 415),
        parameters=[EVENT_ID],
    )
    def outcome(self, request: Request, event_id: str) -> Response:
        """POST /v1/events/{eventID}/outcome"""
        said = self.read(bodies.OutcomeBody, request)
        told = {name: value for name, value in said.items() if value not in (None, "")}
        posting.post_outcome(event_id, told, by=caller(request))
        return Response({"event_id": event_id, "status": said["status"]})

    @documented(answer=answers.Event(many=True), parameters=FILTERS)
    def list(self, request: Request) -> Response:
        """GET /v1/events, GET /api/v1/governance/events"""
        found = events.listed(*queries.events(request.query_params))
        return Response(found.items, headers=found.headers)

    @documented(answer=answers.Event, failures=(404,), parameters=[EVENT_ID])
    def retrieve(self, request: Request, event_id: str) -> Response:
        """GET /v1/events/{eventID}, GET /api/v1/governance/events/{eventID}"""
        del request
        row = events.find(event_id)
        if row is None:
            raise NotFound("event not found")
        return Response(events.shown([row])[0])


class Chain(HelpdeskViewSet):
    """Whether the log is what was written."""

    @documented(
        answer=answers.Verdict,
        parameters=[parameter("full", "true: look at every event again, however many", bool)],
    )
    def verify(self, request: Request) -> Response:
        """GET /v1/verify, GET /api/v1/governance/verify"""
        full = request.query_params.get("full", "") == "true"
        return Response(chain.shown(chain.verdicts.verdict(full=full)))


class Journeys(HelpdeskViewSet):
    """What happened in a trace, in one line."""

    @documented(
        answer=answers.Journey(many=True),
        parameters=[
            parameter("trace_id", "The journey of one trace"),
            parameter("user", "Filter by user"),
            parameter("category", "Filter by request category"),
            parameter("outcome", "Filter by outcome"),
            parameter("has_retries", "true: those with retries", bool),
            parameter("from", "RFC 3339 lower bound"),
            parameter("until", "RFC 3339 upper bound"),
            parameter("since", "Go duration before now, e.g. 24h"),
            LIMIT,
        ],
    )
    def list(self, request: Request) -> Response:
        """GET /v1/journeys, GET /api/v1/governance/journeys"""
        query = request.query_params
        most = queries.limit(query, default=50)
        found = journeys_of.journeys(queries.journeys(query), limit=most)
        return Response(found.items, headers=found.headers)
