"""The Aura API. A view validates, calls, answers; the verbs are in `tickets.services`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from aura.kernel.errors import ValidationFailed
from aura.kernel.listing import names, page
from governance.identity import opener, principal
from governance.types import Principal
from tickets import selectors, services
from tickets.api import answers, bodies
from tickets.api.fields import Json
from tickets.models import Priority, Status, Ticket

View = TypeVar("View", bound=Callable[..., Any])
LIST_LIMIT, LIST_MOST = 50, 200
TICKET_ID = OpenApiParameter("id", OpenApiTypes.UUID, OpenApiParameter.PATH)


def parameter(name: str, description: str, **kind: Any) -> OpenApiParameter:
    """A query parameter in the OpenAPI document."""
    return OpenApiParameter(name, kind.get("type", str), description=description)


PAGING = [
    parameter("limit", "Maximum results", type=int),
    parameter("offset", "Pagination offset", type=int),
]


def documented(
    *, answer: Any, body: Any = None, code: int = 200, failures: tuple[int, ...] = (), **more: Any
) -> Callable[[View], View]:
    """`extend_schema` with the error envelope under every failure."""
    errors = dict.fromkeys((*failures, 401, 403, 500), answers.Error)
    schema: Callable[[View], View] = extend_schema(
        request=body, responses={code: answer, **errors}, **more
    )
    return schema


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
        form = body(data=dict(request.data))
        form.is_valid(raise_exception=True)
        validated: dict[str, Any] = form.validated_data
        return validated

    def actor(self, request: Request, *, claimed: str = "") -> Principal:
        """Who asks."""
        return principal(request.user, claimed=claimed)


class Tickets(ApiViewSet):
    """/api/tickets and everything below it, in the document's order."""

    needs: ClassVar = {
        "create": "tickets.add_ticket",
        "partial_update": "tickets.change_ticket",
        "cancel": "tickets.change_ticket",
        "approve_plan": "governance.decide_approval",
        "reject_plan": "governance.decide_approval",
        "approve": "governance.decide_approval",
        "answer": "tickets.change_ticket",
        "resume": "tickets.change_ticket",
        "run": "tickets.change_ticket",
    }

    @documented(
        body=bodies.CreateTicketBody,
        answer=answers.CreatedTicket,
        code=201,
        failures=(400, 413, 415),
    )
    def create(self, request: Request) -> Response:
        """POST /api/tickets"""
        body = self.read(bodies.CreateTicketBody, request)
        ticket = services.create_ticket(**body, actor=opener(request.user))
        return Response(
            answers.CreatedTicket(ticket).data,
            status=status.HTTP_201_CREATED,
            headers={"Location": f"/api/tickets/{ticket.pk}"},
        )

    @documented(
        answer=answers.TicketList,
        failures=(400,),
        parameters=[
            parameter("status", "Filter by status (comma-separated)"),
            parameter("priority", "Filter by priority (comma-separated)"),
            *PAGING,
        ],
    )
    def list(self, request: Request) -> Response:
        """GET /api/tickets"""
        found = Ticket.objects.order_by("-created_at", "-id")
        if wanted := names(request.query_params, "status", Status.values):
            found = found.filter(status__in=wanted)
        if wanted := names(request.query_params, "priority", Priority.values):
            found = found.filter(priority__in=wanted)
        window = page(request.query_params, default=LIST_LIMIT, most=LIST_MOST).window
        fields = ("id", "title", "status", "priority", "created_at", "updated_at")
        return Response(
            {
                "tickets": answers.TicketItem(list(found.only(*fields)[window]), many=True).data,
                "total": found.count(),
            }
        )

    @documented(answer=answers.FullTicket, failures=(404,), parameters=[TICKET_ID])
    def retrieve(self, request: Request, id: str) -> Response:
        """GET /api/tickets/:id"""
        del request
        return Response(answers.FullTicket(selectors.get_ticket(id)).data)

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
        return Response(answers.FullTicket(ticket).data)

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
        return Response(answers.StatusOnly(ticket).data)

    @documented(
        body=bodies.ApprovePlanBody,
        answer=answers.PlanApproved,
        failures=(400, 404),
        parameters=[TICKET_ID],
    )
    def approve_plan(self, request: Request, id: str) -> Response:
        """POST /api/tickets/:id/approve-plan"""
        ticket = selectors.get_ticket(id)
        claimed = self.read(bodies.ApprovePlanBody, request)["approved_by"]
        actor = self.actor(request, claimed=claimed)
        note = f"approvedBy: {claimed}" if claimed and claimed != actor.name else ""
        services.approve_plan(ticket, actor=actor, note=note)
        return Response(answers.PlanApproved(ticket).data)

    @documented(
        body=bodies.RejectPlanBody,
        answer=answers.StatusOnly,
        failures=(400, 404),
        parameters=[TICKET_ID],
    )
    def reject_plan(self, request: Request, id: str) -> Response:
        """POST /api/tickets/:id/reject-plan"""
        ticket = selectors.get_ticket(id)
        feedback = self.read(bodies.RejectPlanBody, request)["feedback"]
        services.reject_plan(ticket, feedback=feedback, actor=self.actor(request))
        return Response(answers.StatusOnly(ticket).data)

    @documented(
        body=bodies.ApproveBody,
        answer=answers.ActionDecided,
        failures=(400, 404),
        parameters=[TICKET_ID],
    )
    def approve(self, request: Request, id: str) -> Response:
        """POST /api/tickets/:id/approve"""
        ticket = selectors.get_ticket(id)
        body = self.read(bodies.ApproveBody, request)
        services.decide_action(ticket, **body, actor=self.actor(request))
        return Response({**answers.StatusOnly(ticket).data, "pendingApproval": None})

    @documented(
        body=bodies.AnswerBody,
        answer=answers.QuestionAnswered,
        failures=(400, 404),
        parameters=[TICKET_ID],
    )
    def answer(self, request: Request, id: str) -> Response:
        """POST /api/tickets/:id/answer"""
        ticket = selectors.get_ticket(id)
        body = self.read(bodies.AnswerBody, request)
        services.answer_question(ticket, **body, actor=self.actor(request))
        return Response({**answers.StatusOnly(ticket).data, "pendingQuestion": None})

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
        return Response(answers.Resumed(ticket).data)

    @documented(answer=answers.Started, code=202, failures=(400, 404, 409), parameters=[TICKET_ID])
    def run(self, request: Request, id: str) -> Response:
        """POST /api/tickets/:id/run"""
        ticket = selectors.get_ticket(id)
        services.run_ticket(ticket, actor=self.actor(request))
        return Response(
            {"message": "Agent started", "ticketId": str(ticket.pk)},
            status=status.HTTP_202_ACCEPTED,
        )
