"""Response bodies: the wire names of the document, each once."""

from __future__ import annotations

from functools import cache
from typing import Any, TypeVar

from drf_spectacular.utils import extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from agents.runtime import stop
from governance.audit.record import data_of
from governance.models import AuditEvent
from governance.types import Role
from tickets import selectors, steps
from tickets.api.fields import Moment
from tickets.events import TYPES, usage
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
    preview = serializers.CharField(
        required=False, help_text="what it would do, as was found out before anybody was asked"
    )


class PendingApproval(Request):
    id = serializers.CharField()
    action = serializers.CharField()
    reason = serializers.CharField()
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


class ToolCallView(serializers.Serializer[Any]):
    name = serializers.CharField()
    args = serializers.DictField()
    result = serializers.DictField()


class StateChange(serializers.Serializer[Any]):
    field = serializers.CharField()
    oldValue = serializers.JSONField()
    newValue = serializers.JSONField()


# Canonical bytes have sorted keys; an answer has them in the document's order.
NESTED = {
    "toolCall": tuple(ToolCallView().fields),
    "tokenUsage": tuple(TokenUsage().fields),
    "stateChange": tuple(StateChange().fields),
}


class AuditEntry(serializers.Serializer[Any]):
    """One entry of the log; keys that do not apply to it are absent."""

    id = serializers.CharField()
    ticketId = serializers.CharField(required=False)
    timestamp = serializers.DateTimeField()
    type = serializers.ChoiceField(choices=[(t, t) for t in TYPES])
    actor = serializers.ChoiceField(
        choices=[("agent", "agent"), ("user", "user"), ("system", "system")]
    )
    actorName = serializers.CharField(required=False)
    action = serializers.CharField()
    reasoning = serializers.CharField(required=False)
    toolCall = ToolCallView(required=False)
    tokenUsage = TokenUsage(required=False)
    stateChange = StateChange(required=False)
    payload = serializers.DictField(required=False)

    def to_representation(self, instance: AuditEvent) -> dict[str, Any]:
        body = data_of(instance.body)
        data = body["data"]
        entry: dict[str, Any] = {
            "id": body["id"],
            "ticketId": body["traceId"],
            "timestamp": body["timestamp"],
            "type": body["type"],
            "actor": body["actor"]["kind"],
            "actorName": body["actor"]["name"],
            "action": body["action"],
        }
        entry["reasoning"] = data.get("reasoning")
        for name, keys in NESTED.items():
            entry[name] = {key: data[name][key] for key in keys} if data.get(name) else None
        if not data.get("toolCall"):
            entry["payload"] = data.get("payload")
        return {name: value for name, value in entry.items() if value or name == "action"}


class AuditEntries(serializers.Serializer[Any]):
    entries = AuditEntry(many=True)
    total = serializers.IntegerField()


class Health(serializers.Serializer[Any]):
    """Without a login (and with `AURA_AUTH=on`) the status alone."""

    status = serializers.ChoiceField(choices=["healthy", "unhealthy"])
    version = serializers.CharField(required=False)
    uptime = serializers.IntegerField(required=False, help_text="seconds")
    database = serializers.ChoiceField(choices=["connected", "disconnected"], required=False)
    git = serializers.ChoiceField(choices=["available", "unavailable"], required=False)
    llm = serializers.ChoiceField(choices=["available", "unavailable"], required=False)
    stopped = serializers.BooleanField(required=False, help_text="present while it is true")


class Stopped(serializers.Serializer[Any]):
    """Present while all agents are stopped."""

    by = serializers.CharField()
    reason = serializers.CharField()
    since = serializers.DateTimeField()


class Llm(serializers.Serializer[Any]):
    model = serializers.CharField()
    provider = serializers.CharField()


class Features(serializers.Serializer[Any]):
    planApprovalRequired = serializers.BooleanField()
    destructiveActionApproval = serializers.BooleanField()
    autoMergeOnResolution = serializers.BooleanField()


class Info(serializers.Serializer[Any]):
    version = serializers.CharField()
    environment = serializers.CharField()
    llm = Llm()
    features = Features()
    stopped = Stopped(required=False)


class TicketCounts(serializers.Serializer[Any]):
    total = serializers.IntegerField()
    byStatus = serializers.DictField(child=serializers.IntegerField())


class TokenTotals(serializers.Serializer[Any]):
    total = serializers.IntegerField()
    estimatedCost = serializers.FloatField(required=False)
    last24h = serializers.IntegerField()
    last7d = serializers.IntegerField()


class AgentTotals(serializers.Serializer[Any]):
    totalTurns = serializers.IntegerField()
    averageTurnsPerTicket = serializers.IntegerField()
    toolCalls = serializers.DictField(child=serializers.IntegerField())


class Stats(serializers.Serializer[Any]):
    tickets = TicketCounts()
    tokenUsage = TokenTotals()
    agent = AgentTotals()


class ErrorBody(serializers.Serializer[Any]):
    code = serializers.CharField()
    message = serializers.CharField()
    details = serializers.DictField()


class Error(serializers.Serializer[Any]):
    """The envelope of every failure."""

    error = ErrorBody()


class Listed(serializers.Serializer[Any]):
    """What a list of the cluster or of Argo CD has beside its rows."""

    total = serializers.IntegerField(help_text="All that there are, also those not shown")
    message = serializers.CharField(required=False, help_text="Why there are none, or not all")


def _rows(holds: str) -> serializers.ListField:
    return serializers.ListField(child=serializers.DictField(), help_text=holds)


class Namespaces(Listed):
    namespaces = _rows("name, phase, age, labels")


class Pods(Listed):
    pods = _rows("name, namespace, phase, status, ready, restarts, age, ip, node, labels …")


class ClusterServices(Listed):
    services = _rows("name, namespace, type, clusterIp, ports, age, selector …")


class Deployments(Listed):
    deployments = _rows("name, namespace, ready, desired, upToDate, available, age, images …")


class ClusterEvents(Listed):
    events = _rows("type, reason, message, object, namespace, firstSeen, lastSeen, count")


class Applications(Listed):
    apps = _rows("app, project, sync, health, revision, targetRevision …")


class ArgoApplication(serializers.Serializer[Any]):
    app = serializers.CharField()
    project = serializers.CharField()
    sync = serializers.CharField()
    health = serializers.CharField()
    revision = serializers.CharField()
    targetRevision = serializers.CharField()
    path = serializers.CharField()
    destination = serializers.CharField()
    automated = serializers.BooleanField()
    healthMessage = serializers.CharField(required=False)
    operation = serializers.CharField(required=False)
    operationMessage = serializers.CharField(required=False)
    conditions = serializers.ListField(child=serializers.CharField(), required=False)
    ailing = serializers.ListField(
        child=serializers.CharField(), required=False, help_text="What is wrong with its parts"
    )
