"""Response bodies of the log."""

from __future__ import annotations

import re
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from governance.audit.record import data_of
from governance.helpdesk.words import POSTED
from governance.models import AuditEvent
from tickets.api.answers import TokenUsage
from tickets.events import TYPES

THEIRS = f"^{re.escape(POSTED)}"  # the type of an event that auditd was told


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


@extend_schema_field(
    {"anyOf": [{"type": "string", "enum": list(TYPES)}, {"type": "string", "pattern": THEIRS}]}
)
class EventType(serializers.CharField):
    """One of ours, or `posted.` and what somebody else called an event that auditd was told."""


class AuditEntry(serializers.Serializer[Any]):
    """One entry of the log; keys that do not apply to it are absent."""

    id = serializers.CharField()
    ticketId = serializers.CharField(required=False)
    timestamp = serializers.DateTimeField()
    type = EventType()
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
