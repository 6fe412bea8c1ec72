"""Request bodies. Keys that are not named here are ignored, as the document wants."""

from __future__ import annotations

import re

from rest_framework import serializers

from tickets.api.fields import Flag, Text, Turns
from tickets.models import (
    DESCRIPTION_CHARS,
    REASON_CHARS,
    SECRET_CHARS,
    SECRET_KEYS,
    TITLE_CHARS,
    Priority,
)

DNS_LABEL = r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\Z"
SECRET_KEY = r"[-._A-Za-z0-9]{1,253}"  # noqa: S105 - what a key of a Secret looks like


class CreateTicketBody(serializers.Serializer[None]):
    """POST /api/tickets"""

    title = Text(max_length=TITLE_CHARS)
    description = Text(max_length=DESCRIPTION_CHARS)
    priority = serializers.ChoiceField(choices=Priority.choices, default=Priority.MEDIUM.value)
    maxTurns = Turns(required=False, source="max_turns")


class UpdateTicketBody(serializers.Serializer[None]):
    """PATCH /api/tickets/:id"""

    title = Text(max_length=TITLE_CHARS, required=False)
    description = Text(max_length=DESCRIPTION_CHARS, required=False)
    priority = serializers.ChoiceField(choices=Priority.choices, required=False)
    maxTurns = Turns(required=False, source="max_turns")


class CancelBody(serializers.Serializer[None]):
    """POST /api/tickets/:id/cancel"""

    reason = Text(max_length=REASON_CHARS, required=False, allow_blank=True, default="")


class DecisionBody(serializers.Serializer[None]):
    """What the decider read, so that something else put meanwhile is not decided (409)."""

    approvalId = Text(
        max_length=100,
        required=False,
        allow_blank=True,
        default="",
        source="approval_id",
        help_text="The `id` of the pendingApproval or pendingPlanApproval that was read.",
    )
    fingerprint = Text(
        max_length=64,
        required=False,
        allow_blank=True,
        default="",
        help_text="Its `fingerprint`; the header If-Match says the same.",
    )


class ApprovePlanBody(DecisionBody):
    """POST /api/tickets/:id/approve-plan"""

    approvedBy = Text(
        max_length=150, required=False, allow_blank=True, default="", source="approved_by"
    )


class RejectPlanBody(DecisionBody):
    """POST /api/tickets/:id/reject-plan"""

    feedback = Text(max_length=REASON_CHARS)


class ApproveBody(DecisionBody):
    """POST /api/tickets/:id/approve"""

    approved = Flag()
    reason = Text(max_length=REASON_CHARS, required=False, allow_blank=True, default="")


class AnswerBody(serializers.Serializer[None]):
    """POST /api/tickets/:id/answer"""

    answer = Text(max_length=REASON_CHARS)
    questionId = Text(
        max_length=100,
        required=False,
        allow_blank=True,
        default="",
        source="question",
        help_text="The `id` of the pendingQuestion that was read; another one is not answered.",
    )


class SecretValuesBody(serializers.Serializer[None]):
    """PUT /api/tickets/:id/secrets/:name"""

    namespace = serializers.RegexField(
        DNS_LABEL, help_text="Namespace of the Secret, as the question names it"
    )
    values = serializers.DictField(
        child=Text(
            trim_whitespace=False, max_length=SECRET_CHARS, style={"input_type": "password"}
        ),
        allow_empty=False,
        write_only=True,
        help_text="Key of the Secret -> its value; at most 64. They are never shown again.",
    )

    def validate_values(self, values: dict[str, str]) -> dict[str, str]:
        if len(values) > SECRET_KEYS:
            raise serializers.ValidationError(f"At most {SECRET_KEYS} values at once")
        if not all(re.fullmatch(SECRET_KEY, key) for key in values):
            raise serializers.ValidationError("A key has letters, digits, '-', '_' and '.' alone")
        return values


class ResumeBody(serializers.Serializer[None]):
    """POST /api/tickets/:id/resume"""

    additionalTurns = Turns(required=False, source="additional_turns")


class NoBody(serializers.Serializer[None]):
    """POST /api/tickets/:id/run, which takes none; one that is sent must be JSON all the same."""
