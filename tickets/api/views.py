"""The Aura API. A view validates, calls, answers; the verbs are in `tickets.services`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from django.http import HttpResponse, QueryDict
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from agents.gitops.sealed.vault import SecretName
from agents.runtime import stop
from aura.kernel.clients import address
from aura.kernel.errors import ValidationFailed
from aura.kernel.ids import iso
from aura.kernel.listing import MAX_OFFSET, names, page, refuse
from aura.kernel.throttling import count_ticket
from governance.approvals import Seen
from governance.identity import decider, opener
from governance.types import Principal
from tickets import selectors, services
from tickets.api import answers, bodies, listing
from tickets.api.answers import shape, shown
from tickets.api.fields import Json
from tickets.models import Priority, Status, Ticket

_encoder = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
View = TypeVar("View", bound=Callable[..., Any])
LIST_LIMIT, LIST_MOST = 50, 200
DNS_NAME = r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?"
DNS_WORDS = "Lower-case letters, digits, '-' and '.' alone"
SECRET_NAME = OpenApiParameter(
    "name", {"type": "string", "pattern": f"^{DNS_NAME}$"}, OpenApiParameter.PATH
)
TICKET_ID = OpenApiParameter("id", OpenApiTypes.UUID, OpenApiParameter.PATH)


def parameter(name: str, description: str, **kind: Any) -> OpenApiParameter:
    """A query parameter in the OpenAPI document."""
    kind.setdefault("type", str)
    return OpenApiParameter(name, description=description, **kind)


def choices(name: str, description: str, allowed: Iterable[str]) -> OpenApiParameter:
    """A query parameter of several values, separated by commas; empty ones are ignored."""
    return OpenApiParameter(
        name, str, description=description, enum=["", *allowed], many=True, explode=False
    )


def paging(*, default: int, most: int) -> list[OpenApiParameter]:
    """`limit` and `offset`, with the bounds of `aura.kernel.listing.page`."""
    limit = {"type": "integer", "minimum": 1, "maximum": most, "default": default}
    offset = {"type": "integer", "minimum": 0, "maximum": MAX_OFFSET, "default": 0}
    return [
        OpenApiParameter("limit", limit, description="Maximum results"),
        OpenApiParameter("offset", offset, description="Pagination offset"),
    ]


STATUSES, PRIORITIES = tuple(Status.values), tuple(Priority.values)  # made anew at each look
BY_STATUS = choices("status", "Filter by status (comma-separated)", STATUSES)
BY_PRIORITY = choices("priority", "Filter by priority (comma-separated)", PRIORITIES)
# Every beginning of a UUID, from its fourth character on.
_FOUR, _BELOW_FOUR = "[0-9a-f]{4}", "[0-9a-f]{0,4}"
_LAST = f"{_BELOW_FOUR}|{_FOUR}-[0-9a-f]{{0,12}}"
_MIDDLE = f"{_BELOW_FOUR}|{_FOUR}-({_BELOW_FOUR}|{_FOUR}-({_LAST}))"
ID_PREFIX = f"[0-9a-f]{{4,8}}|[0-9a-f]{{8}}-({_MIDDLE})"
BY_ID = parameter(
    "idPrefix",
    "The first characters of an id, 4 or more: the tickets whose ids begin so",
    type={"type": "string", "pattern": f"^({ID_PREFIX})?$"},
)


def documented(
    *, answer: Any, body: Any = None, code: int = 200, failures: tuple[int, ...] = (), **more: Any
) -> Callable[[View], View]:
    """`extend_schema` with the error envelope under every failure."""
    errors = dict.fromkeys((*failures, 401, 403, 429, 500, 503), answers.Error)
    schema: Callable[[View], View] = extend_schema(
        request=body, responses={code: answer, **errors}, **more
    )
    return schema


def seen(request: Request, body: Mapping[str, Any]) -> Seen:
    """What the decider says they read: in the body, or as `If-Match: "FINGERPRINT"`."""
    matched = request.headers.get("If-Match", "").strip().removeprefix("W/").strip('"')
    return Seen(
        request=body["approval_id"],
        fingerprint=body["fingerprint"] or ("" if matched == "*" else matched),
    )


def plainly(body: Mapping[str, Any], **more: Any) -> HttpResponse:
    """The same bytes as `Response` sends, for what is asked for most: half the way to them."""
    text = _encoder.encode(body)
    # As DRF does: JSON may hold these, JavaScript did not for long.
    text = text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    return HttpResponse(text, content_type="application/json", **more)


def wanted(query: QueryDict) -> listing.Wanted:
    """What part of the tickets a query asks for. Raises `ValidationFailed`."""
    begins = query.get("idPrefix", "").strip().lower()
    if begins and not re.fullmatch(ID_PREFIX, begins):
        raise refuse("idPrefix", "Must be the first characters of an id, 4 or more")
    return listing.Wanted(
        statuses=names(query, "status", STATUSES),
        priorities=names(query, "priority", PRIORITIES),
        begins=begins.replace("-", ""),
        page=page(query, default=LIST_LIMIT, most=LIST_MOST),
    )


def listed(body: bytes) -> HttpResponse:
    """The answer of `Tickets.list`; here and below also for `tickets.api.express`."""
    return HttpResponse(body, content_type="application/json")


def one(ticket: Ticket) -> HttpResponse:
    """The answer of `Tickets.retrieve`."""
    return plainly(shown(answers.FullTicket, ticket))


def created(ticket: Ticket) -> HttpResponse:
    """The answer of `Tickets.create`."""
    return plainly(
        shown(answers.CreatedTicket, ticket),
        status=status.HTTP_201_CREATED,
        headers={"Location": f"/api/tickets/{ticket.pk}"},
    )


class ApiViewSet(ViewSet):
    """What all of Aura's views share."""

    parser_classes = (Json,)

    def read(self, body: type[serializers.Serializer[Any]], request: Request) -> dict[str, Any]:
        """The validated body. Raises `ValidationFailed` for all but a JSON object that fits."""
        if not isinstance(request.data, dict):
            raise ValidationFailed(
                "The body must be a JSON object", details={"body": ["Must be a JSON object"]}
            )
        # A plain dict: in an empty HTML form, DRF takes an absent boolean for false.
        validated: dict[str, Any] = shape(body).run_validation(dict(request.data))
        return validated

    def counted_as(self, request: Request) -> str:
        """Whose tickets are counted together: the person's; without a login, the address's."""
        user = request.user
        return f"user:{user.pk}" if user.is_authenticated else address(request.META)

    def actor(self, request: Request, *, claimed: str = "") -> Principal:
        """Who asks."""
        return decider(request.user, request.auth, claimed=claimed)


class Tickets(ApiViewSet):
    """/api/tickets and everything below it, in the document's order."""

    @documented(
        body=bodies.CreateTicketBody,
        answer=answers.CreatedTicket,
        code=201,
        failures=(400, 413, 415),
    )
    def create(self, request: Request) -> HttpResponse:
        """POST /api/tickets"""
        body = self.read(bodies.CreateTicketBody, request)
        count_ticket(self.counted_as(request))
        who = opener(request.user, request.auth)
        return created(services.create_ticket(**body, actor=who))

    @documented(
        answer=answers.TicketList,
        failures=(400,),
        parameters=[
            BY_STATUS,
            BY_PRIORITY,
            BY_ID,
            *paging(default=LIST_LIMIT, most=LIST_MOST),
        ],
    )
    def list(self, request: Request) -> HttpResponse:
        """GET /api/tickets"""
        return listed(listing.body(wanted(request.query_params)))

    @documented(answer=answers.FullTicket, failures=(404,), parameters=[TICKET_ID])
    def retrieve(self, request: Request, id: str) -> HttpResponse:
        """GET /api/tickets/:id"""
        del request
        return one(selectors.get_ticket(id))

    @documented(
        body=bodies.UpdateTicketBody,
        answer=answers.FullTicket,
        failures=(400, 404, 413, 415),
        parameters=[TICKET_ID],
    )
    def partial_update(self, request: Request, id: str) -> Response:
        """PATCH /api/tickets/:id"""
        ticket = selectors.get_ticket(id)
        changes = self.read(bodies.UpdateTicketBody, request)
        ticket = services.update_ticket(ticket, changes=changes, actor=self.actor(request))
        return Response(shown(answers.FullTicket, ticket))

    @documented(
        body=bodies.CancelBody,
        answer=answers.StatusOnly,
        failures=(400, 404),
        parameters=[TICKET_ID],
    )
    def cancel(self, request: Request, id: str) -> Response:
        """POST /api/tickets/:id/cancel"""
        ticket = selectors.get_ticket(id)
        body = self.read(bodies.CancelBody, request)
        services.cancel_ticket(ticket, actor=self.actor(request), reason=body["reason"])
        return Response(shown(answers.StatusOnly, ticket))

    @documented(
        body=bodies.ApprovePlanBody,
        answer=answers.PlanApproved,
        failures=(400, 404, 409),
        parameters=[TICKET_ID],
    )
    def approve_plan(self, request: Request, id: str) -> Response:
        """POST /api/tickets/:id/approve-plan"""
        ticket = selectors.get_ticket(id)
        body = self.read(bodies.ApprovePlanBody, request)
        claimed = body["approved_by"]
        actor = decider(request.user, request.auth, claimed=claimed)
        note = f"approvedBy: {claimed}" if claimed and claimed != actor.name else ""
        services.approve_plan(ticket, actor=actor, note=note, seen=seen(request, body))
        return Response(shown(answers.PlanApproved, ticket))

    @documented(
        body=bodies.RejectPlanBody,
        answer=answers.StatusOnly,
        failures=(400, 404, 409),
        parameters=[TICKET_ID],
    )
    def reject_plan(self, request: Request, id: str) -> Response:
        """POST /api/tickets/:id/reject-plan"""
        ticket = selectors.get_ticket(id)
        body = self.read(bodies.RejectPlanBody, request)
        services.reject_plan(
            ticket,
            feedback=body["feedback"],
            actor=decider(request.user, request.auth),
            seen=seen(request, body),
        )
        return Response(shown(answers.StatusOnly, ticket))

    @documented(
        body=bodies.ApproveBody,
        answer=answers.ActionDecided,
        failures=(400, 404, 409),
        parameters=[TICKET_ID],
    )
    def approve(self, request: Request, id: str) -> Response:
        """POST /api/tickets/:id/approve"""
        ticket = selectors.get_ticket(id)
        body = self.read(bodies.ApproveBody, request)
        services.decide_action(
            ticket,
            approved=body["approved"],
            reason=body["reason"],
            actor=decider(request.user, request.auth),
            seen=seen(request, body),
        )
        still = selectors.approval_of(ticket)
        return Response({**shown(answers.StatusOnly, ticket), "pendingApproval": still})

    @documented(
        body=bodies.AnswerBody,
        answer=answers.QuestionAnswered,
        failures=(400, 404, 409),
        parameters=[TICKET_ID],
    )
    def answer(self, request: Request, id: str) -> Response:
        """POST /api/tickets/:id/answer"""
        ticket = selectors.get_ticket(id)
        body = self.read(bodies.AnswerBody, request)
        services.answer_question(ticket, **body, actor=self.actor(request))
        return Response({**shown(answers.StatusOnly, ticket), "pendingQuestion": None})

    @documented(
        body=bodies.SecretValuesBody,
        answer=answers.SecretValuesKept,
        failures=(400, 404, 413, 415),
        parameters=[TICKET_ID, SECRET_NAME],
    )
    def secret_values(self, request: Request, id: str, name: str) -> Response:
        """PUT /api/tickets/:id/secrets/:name"""
        ticket = selectors.get_ticket(id)
        if not re.fullmatch(DNS_NAME, name):
            raise ValidationFailed("This is no name of a Secret", details={"name": [DNS_WORDS]})
        body = self.read(bodies.SecretValuesBody, request)
        secret = SecretName(body["namespace"], name)
        until = services.give_secret_values(
            ticket, secret=secret, values=body["values"], actor=self.actor(request)
        )
        told = {"namespace": secret.namespace, "name": name, "keys": sorted(body["values"])}
        return Response({**told, "expiresAt": iso(until), "status": ticket.status})

    @documented(
        body=bodies.ResumeBody,
        answer=answers.Resumed,
        failures=(400, 404),
        parameters=[TICKET_ID],
    )
    def resume(self, request: Request, id: str) -> Response:
        """POST /api/tickets/:id/resume"""
        ticket = selectors.get_ticket(id)
        body = self.read(bodies.ResumeBody, request)
        services.resume_ticket(ticket, **body, actor=self.actor(request))
        return Response(shown(answers.Resumed, ticket))

    @documented(answer=answers.Started, code=202, failures=(400, 404, 409), parameters=[TICKET_ID])
    def run(self, request: Request, id: str) -> Response:
        """POST /api/tickets/:id/run"""
        ticket = selectors.get_ticket(id)
        self.read(bodies.NoBody, request)
        services.run_ticket(ticket, actor=self.actor(request))
        return Response(
            {"message": stop.in_words() or "Agent started", "ticketId": str(ticket.pk)},
            status=status.HTTP_202_ACCEPTED,
        )
