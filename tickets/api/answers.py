"""Response bodies: the wire names of the document, each once."""

from __future__ import annotations

from functools import cache
from typing import Any, TypeVar

from drf_spectacular.utils import extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from agents.runtime import stop
from governance.types import Role
from tickets import selectors, steps
from tickets.api.fields import Moment
from tickets.events import usage
from tickets.lifecycle import WORKING
from tickets.models import PlanStep, Priority, Status, StepStatus, Ticket

Shape = TypeVar("Shape", bound=serializers.Serializer[Any])


@cache
def shape(serializer: type[Shape]) -> Shape:
    """One serializer for all requests. To make one copies all its fields, which takes ten times
    as long as its work; none of ours keeps anything of the request.
    """
    return serializer()


def shown(serializer: type[serializers.Serializer[Any]], instance: Any) -> dict[str, Any]:
    """`instance` on the wire."""
    data: dict[str, Any] = shape(serializer).to_representation(instance)
    return data


class TokenUsage(serializers.Serializer[Any]):
    promptTokens = serializers.IntegerField()
    completionTokens = serializers.IntegerField()
    totalTokens = serializers.IntegerField()


class TicketTokenUsage(TokenUsage):
    estimatedCost = serializers.FloatField(
        required=False, help_text="USD; only where a price is known"
    )


class TicketItem(serializers.Serializer[Any]):
    """A ticket in a list."""

    id = serializers.CharField()
    title = serializers.CharField()
    status = serializers.ChoiceField(choices=Status.choices)
    priority = serializers.ChoiceField(choices=Priority.choices)
    createdAt = Moment(source="created_at")
    updatedAt = Moment(source="updated_at")


@extend_schema_serializer(many=False)
class TicketList(serializers.Serializer[Any]):
    tickets = TicketItem(many=True)
    total = serializers.IntegerField()


class TicketHead(serializers.Serializer[Ticket]):
    """What both views of one ticket begin with."""

    id = serializers.CharField()
    title = serializers.CharField()
    description = serializers.CharField()
    status = serializers.ChoiceField(choices=Status.choices)
    priority = serializers.ChoiceField(choices=Priority.choices)
    createdAt = Moment(source="created_at")
    updatedAt = Moment(source="updated_at")


class CreatedTicket(TicketHead):
    """A ticket as POST /api/tickets answers it."""

    currentTurn = serializers.IntegerField(source="current_turn")
    maxTurns = serializers.IntegerField(source="max_turns")
    tokenUsage = serializers.SerializerMethodField()

    @extend_schema_field(TokenUsage)
    def get_tokenUsage(self, ticket: Ticket) -> dict[str, int]:
        return usage(ticket.prompt_tokens, ticket.completion_tokens)


class PlanStepView(serializers.Serializer[Any]):
    description = serializers.CharField()
    tool = serializers.CharField()
    path = serializers.CharField(required=False)
    id = serializers.CharField()
    index = serializers.IntegerField()
    status = serializers.ChoiceField(choices=StepStatus.choices)
    startedAt = Moment(source="started_at", allow_null=True)
    completedAt = Moment(source="completed_at", allow_null=True)
    output = serializers.CharField(allow_blank=True)
    error = serializers.CharField(allow_blank=True)
    retryCount = serializers.IntegerField(source="retry_count")

    def to_representation(self, instance: PlanStep) -> dict[str, Any]:
        shown: dict[str, Any] = super().to_representation(instance)
        if not instance.path:
            del shown["path"]
        return shown


class PlanView(serializers.Serializer[Any]):
    summary = serializers.CharField()
    steps = PlanStepView(many=True)
    estimatedTools = serializers.ListField(child=serializers.CharField())
    risks = serializers.ListField(child=serializers.CharField())


class Request(serializers.Serializer[Any]):
    """What a decision is bound to and what it takes: an addition to the document."""

    fingerprint = serializers.CharField(help_text="SHA-256 of exactly what would be released")
    expiresAt = serializers.DateTimeField()
    approverRole = serializers.ChoiceField(choices=[(role.value, role.value) for role in Role])
    quorum = serializers.IntegerField(help_text="how many different people must approve")
    approvedBy = serializers.ListField(child=serializers.CharField())
    requestedBy = serializers.CharField()
    actionClass = serializers.CharField(help_text="read, write, destructive, unknown; plan …")
    risk = serializers.CharField(help_text="How bad it can be, in words")
    undo = serializers.CharField(help_text="How it is undone, in words")
    preview = serializers.CharField(
        required=False, help_text="what it would do, as was found out before anybody was asked"
    )


class PendingApproval(Request):
    id = serializers.CharField()
    action = serializers.CharField()
    reason = serializers.CharField()
    reasonBy = serializers.ChoiceField(
        choices=[("agent", "agent"), ("policy", "policy")], help_text="Whose words the reason is"
    )
    tool = serializers.CharField()
    args = serializers.DictField()
    resources = serializers.ListField(child=serializers.CharField())
    requestedAt = serializers.DateTimeField()


class PendingPlanApproval(Request):
    id = serializers.CharField()
    requestedAt = serializers.DateTimeField()


class WantedSecret(serializers.Serializer[Any]):
    namespace = serializers.CharField()
    name = serializers.CharField()
    keys = serializers.ListField(child=serializers.CharField())


class PendingQuestion(serializers.Serializer[Any]):
    id = serializers.CharField()
    question = serializers.CharField()
    options = serializers.ListField(child=serializers.CharField())
    askedAt = serializers.DateTimeField()
    secret = WantedSecret(
        required=False, help_text="Values are asked for: PUT /api/tickets/{id}/secrets/{name}"
    )


class FullTicket(TicketHead):
    """A ticket with everything; keys that have no value yet are null."""

    plan = serializers.SerializerMethodField()
    currentTurn = serializers.IntegerField(source="current_turn")
    maxTurns = serializers.IntegerField(source="max_turns")
    tokenUsage = serializers.SerializerMethodField()
    workingBranch = serializers.SerializerMethodField()
    commits = serializers.ListField(child=serializers.CharField())
    pendingApproval = serializers.SerializerMethodField()
    pendingQuestion = serializers.SerializerMethodField()
    pendingPlanApproval = serializers.SerializerMethodField()
    planApprovedAt = Moment(source="plan_approved_at", allow_null=True)
    planApprovedBy = serializers.SerializerMethodField()
    resolvedAt = Moment(source="resolved_at", allow_null=True)
    lastError = serializers.SerializerMethodField()

    @extend_schema_field(PlanView(allow_null=True))
    def get_plan(self, ticket: Ticket) -> dict[str, Any] | None:
        if ticket.plan is None:
            return None
        rows = [shown(PlanStepView, step) for step in steps.of(ticket)]
        plan = ticket.plan
        return {
            "summary": plan["summary"],
            "steps": rows,
            "estimatedTools": plan["estimatedTools"],
            "risks": plan["risks"],
        }

    @extend_schema_field(TicketTokenUsage)
    def get_tokenUsage(self, ticket: Ticket) -> dict[str, Any]:
        shown: dict[str, Any] = usage(ticket.prompt_tokens, ticket.completion_tokens)
        if ticket.estimated_cost is not None:
            shown["estimatedCost"] = round(float(ticket.estimated_cost), 6)
        return shown

    def get_workingBranch(self, ticket: Ticket) -> str | None:
        return ticket.working_branch or None

    @extend_schema_field(PendingApproval(allow_null=True))
    def get_pendingApproval(self, ticket: Ticket) -> dict[str, Any] | None:
        return selectors.approval_of(ticket)

    @extend_schema_field(PendingPlanApproval(allow_null=True))
    def get_pendingPlanApproval(self, ticket: Ticket) -> dict[str, Any] | None:
        return selectors.plan_approval_of(ticket)

    @extend_schema_field(PendingQuestion(allow_null=True))
    def get_pendingQuestion(self, ticket: Ticket) -> dict[str, Any] | None:
        return selectors.question_of(ticket)

    def get_planApprovedBy(self, ticket: Ticket) -> str | None:
        return ticket.plan_approved_by or None

    def get_lastError(self, ticket: Ticket) -> str | None:
        stopped = stop.in_words() if ticket.status in WORKING else ""
        return stopped or ticket.last_error or None


class StatusOnly(serializers.Serializer[Ticket]):
    """Answer of cancel and reject-plan."""

    id = serializers.CharField()
    status = serializers.ChoiceField(choices=Status.choices)


class PlanApproved(StatusOnly):
    """Answer of approve-plan; null while further people must approve."""

    planApprovedAt = Moment(source="plan_approved_at", allow_null=True)


class ActionDecided(StatusOnly):
    """Answer of approve."""

    pendingApproval = PendingApproval(allow_null=True)


class QuestionAnswered(StatusOnly):
    """Answer of answer."""

    pendingQuestion = PendingQuestion(allow_null=True)


class SecretValuesKept(serializers.Serializer[Any]):
    """Answer of secrets; never a value."""

    namespace = serializers.CharField()
    name = serializers.CharField()
    keys = serializers.ListField(child=serializers.CharField())
    expiresAt = Moment()
    status = serializers.ChoiceField(choices=Status.choices)


class Resumed(StatusOnly):
    """Answer of resume."""

    maxTurns = serializers.IntegerField(source="max_turns")


class Started(serializers.Serializer[Any]):
    """Answer of run."""

    message = serializers.CharField()
    ticketId = serializers.CharField()


class ErrorBody(serializers.Serializer[Any]):
    code = serializers.CharField()
    message = serializers.CharField()
    details = serializers.DictField()


class Error(serializers.Serializer[Any]):
    """The envelope of every failure."""

    error = ErrorBody()
