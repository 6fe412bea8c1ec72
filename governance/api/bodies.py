"""Bodies of requests, field names as the aiHelpDesk document has them."""

from __future__ import annotations

import re
from typing import Any, Final

from django.utils.dateparse import parse_datetime
from rest_framework import serializers

from aura.kernel.fields import Flag, Text, Whole
from aura.kernel.telemetry.context import pinned_id
from governance.helpdesk.posting import OF_OUTCOME
from governance.helpdesk.words import POSTED
from governance.models import KEY_CHARS
from governance.types import ActionClass, Role

EVENT_ID: Final = re.compile(r"[\w.:@-]+", re.ASCII)
ID_CHARS: Final = 64
NAME_CHARS: Final = 100
TAGS_MOST: Final = 100  # decisions are remembered by them
REASON_CHARS: Final = 10_000
MINUTES_MOST: Final = 366 * 24 * 60
INT_MOST: Final = 2**53
CLASSES: Final = (ActionClass.READ, ActionClass.WRITE, ActionClass.DESTRUCTIVE)


def text(most: int = ID_CHARS, **options: Any) -> Text:
    """An optional text: absent, null and empty are the same."""
    usual: dict[str, Any] = {"required": False, "default": "", "allow_blank": True}
    usual["max_length"] = most
    return Text(**(usual | options))


def named(name: str, most: int = ID_CHARS) -> Text:
    """A text that has to be there."""
    words: Any = dict.fromkeys(("required", "blank", "null"), f"{name} is required")
    return Text(max_length=most, error_messages=words)


def number(**options: Any) -> Whole:
    """An optional whole number that is not negative; None: not said."""
    usual: dict[str, Any] = {"required": False, "allow_null": True, "default": None}
    return Whole(min_value=0, max_value=INT_MOST, **(usual | options))


class Part(serializers.DictField):
    """A part of an event: an object, absent or null."""

    def __init__(self, **options: Any) -> None:
        super().__init__(required=False, allow_null=True, **options)


class Body(serializers.Serializer[Any]):
    """Null is the same as absent, as in the language of the document's clients."""

    def run_validation(self, data: Any = serializers.empty) -> Any:
        if isinstance(data, dict):
            data = {name: value for name, value in data.items() if value is not None}
        return super().run_validation(data)


class EventBody(Body):
    """Nothing is required, and what is not named here is kept all the same."""

    event_id = text(KEY_CHARS - len(OF_OUTCOME))
    timestamp = text()
    event_type = text(64 - len(POSTED))
    trace_id = text()
    parent_id = text()
    action_class = text(16)
    session = Part()
    input = Part()
    output = Part()
    tool = Part()
    approval = Part()
    decision = Part()
    policy_decision = Part()
    agent_reasoning = Part()
    governance_violation = Part()
    delegation_verification = Part()
    outcome = Part()

    def validate_event_id(self, value: str) -> str:
        if value and (not EVENT_ID.fullmatch(value) or value.endswith(OF_OUTCOME)):
            raise serializers.ValidationError("event_id holds letters, digits and _.:@- alone")
        return value

    def validate_timestamp(self, value: str) -> str:
        if value and not is_moment(value):
            raise serializers.ValidationError("timestamp is no RFC 3339 time")
        return value

    def validate_session(self, value: dict[str, Any] | None) -> dict[str, Any] | None:
        name = (value or {}).get("id") or ""
        if not isinstance(name, str) or len(name) > ID_CHARS:
            raise serializers.ValidationError(
                f"session.id is a text of up to {ID_CHARS} characters"
            )
        return value


class OutcomeBody(Body):
    status = named("status")
    error_message = text(REASON_CHARS)
    duration_ms = number(help_text="Milliseconds")
    result = serializers.JSONField(required=False, default=None)


class ApprovalBody(Body):
    action_class = serializers.ChoiceField(
        choices=[(each.value, each.value) for each in CLASSES],
        error_messages={
            "required": "action_class is required",
            "invalid_choice": f"action_class must be one of {', '.join(CLASSES)}",
        },
    )
    requested_by = named("requested_by", 150)
    event_id = text()
    trace_id = text()
    tool_name = text(NAME_CHARS)
    agent_name = text(NAME_CHARS)
    resource_type = text()
    resource_name = text(500)
    policy_name = text(NAME_CHARS)
    approver_role = serializers.ChoiceField(
        choices=["", *Role],
        required=False,
        default="",
        error_messages={"invalid_choice": f"approver_role must be one of {', '.join(Role)}"},
    )
    expires_in_minutes = Whole(
        required=False, default=0, max_value=MINUTES_MOST, min_value=-MINUTES_MOST
    )
    callback_url = text(2048)
    request_context = serializers.DictField(required=False, default=dict)


class ApproveBody(Body):
    """`approved_by` counts, and has to be there, where authentication is off."""

    approved_by = text(150)
    reason = text(REASON_CHARS)
    valid_for_minutes = Whole(required=False, default=0, min_value=0, max_value=MINUTES_MOST)
    fingerprint = text()


class DenyBody(Body):
    denied_by = text(150)
    reason = text(REASON_CHARS)
    fingerprint = text()


class CancelBody(Body):
    cancelled_by = text(150)
    reason = text(REASON_CHARS)


class RevokeBody(Body):
    revoked_by = text(150)
    reason = text(REASON_CHARS)


class CheckBody(Body):
    resource_type = text()
    resource_name = text(500)
    action = text(16)
    tags = serializers.ListField(
        child=Text(max_length=NAME_CHARS), required=False, default=list, max_length=TAGS_MOST
    )
    namespace = text(253)
    tool_name = text(NAME_CHARS)
    purpose = text(NAME_CHARS)
    trace_id = text()
    session_id = text()
    agent_name = text(NAME_CHARS)
    user_id = text(150)
    note = text(REASON_CHARS)
    rows_affected = number()
    pods_affected = number()
    xact_age_secs = number()
    post_execution = Flag(required=False, default=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not (attrs["resource_type"] and attrs["resource_name"] and attrs["action"]):
            raise serializers.ValidationError(NAMES_ARE_REQUIRED)
        return attrs

    def validate_trace_id(self, value: str) -> str:
        if value and not pinned_id(value):
            raise serializers.ValidationError("trace_id holds letters, digits and -_.:/@=+ alone")
        return value


NAMES_ARE_REQUIRED: Final = "resource_type, resource_name and action are required"


def is_moment(value: str) -> bool:
    """Whether it is a time with a date and a zone."""
    try:
        moment = parse_datetime(value) if "T" in value.upper() else None
    except (ValueError, OverflowError):
        return False
    return moment is not None and moment.tzinfo is not None
