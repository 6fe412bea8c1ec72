"""Request bodies. Keys that are not named here are ignored, as the document wants."""

from __future__ import annotations

from rest_framework import serializers

from tickets.api.fields import Flag, Text, Turns
from tickets.models import DESCRIPTION_CHARS, REASON_CHARS, TITLE_CHARS, Priority


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


class ResumeBody(serializers.Serializer[None]):
    """POST /api/tickets/:id/resume"""

    additionalTurns = Turns(required=False, source="additional_turns")


class NoBody(serializers.Serializer[None]):
    """POST /api/tickets/:id/run, which takes none; one that is sent must be JSON all the same."""
