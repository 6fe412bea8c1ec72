"""What the log says about tickets: one function to say it, one table to stream it.

An event's `data` may hold, as the audit API shows them: `reasoning`, `toolCall`, `tokenUsage`,
`stateChange`; and for the streams `payload` and `ticket` (its status and priority afterwards).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from agents.models import Turn
from aura.kernel.telemetry import context
from governance.audit.record import record
from governance.models import AuditEvent
from governance.refusals import Kind
from governance.types import About, ActorKind, Principal
from tickets.models import Ticket

AGENT: Final = Principal(kind=ActorKind.AGENT, name="aura")

TYPES: Final = (
    "ticket_created",
    "ticket_updated",
    "status_changed",
    "plan_generated",
    "plan_approved",
    "plan_rejected",
    "turn_started",
    "turn_completed",
    "tool_invoked",
    "tool_called",
    "worktree_created",
    "commit_created",
    "push_executed",
    "merge_completed",
    "rollback_completed",
    "preview_started",
    "preview_ended",
    "argo_sync_started",
    "argo_health_checked",
    "approval_requested",
    "approval_granted",
    "approval_denied",
    "approval_created",
    "approval_voted",
    "approval_used",
    "approval_expired",
    "approval_cancelled",
    "approval_revoked",
    "break_glass_used",
    "break_glass_reviewed",
    "question_asked",
    "question_answered",
    "secret_values_given",
    "alert_received",
    "alert_resolved",
    "validation_failed",
    "conversation_cut",
    "error_occurred",
    "ticket_resolved",
    "agents_stopped",
    "agents_started",
    "token_issued",
    "token_revoked",
    "token_deleted",
    "user_changed",
    "policy_proposed",
    "policy_activated",
    "policy_refused",
    "policy_sealed",
    "policy_shadowed",
    "policy_decision",
    "gateway_request",
    "incident_created",
    "incident_downloaded",
    "log_contradicted",
    "log_accepted",
    "log_key_rotated",
    "log_restored",
    "security_alert",
    "security_incident_recorded",
    "security_incident_bundled",
    "security_incident_closed",
    "webhook_created",
    "webhook_updated",
    "webhook_deleted",
    "webhook_tested",
    *(kind.value for kind in Kind),
)

# Log type -> name of the frame on the streams. What is not here is not streamed.
STREAMED: Final[Mapping[str, str]] = {
    "status_changed": "status_changed",
    "turn_started": "turn_started",
    "turn_completed": "turn_completed",
    "tool_called": "tool_called",
    "plan_generated": "plan_generated",
    "approval_requested": "approval_needed",
    "question_asked": "question_asked",
    "commit_created": "commit_created",
    "push_executed": "push_completed",
    "argo_sync_started": "argo_sync_started",
    "argo_health_checked": "argo_health_update",
    "error_occurred": "error",
    "ticket_resolved": "resolved",
}

# What changes what waits for people and is told of no ticket: the stream of all tickets says that
# something did, and nothing more, to clients that ask for it (`waiting=1`).
CHANGES_WAITING: Final = frozenset(
    {
        "approval_created",
        "approval_granted",
        "approval_denied",
        "approval_voted",
        "approval_expired",
        "approval_cancelled",
        "approval_revoked",
        "plan_approved",
        "plan_rejected",
        "break_glass_used",
        "break_glass_reviewed",
        "security_incident_recorded",
        "security_incident_bundled",
        "security_incident_closed",
        "agents_stopped",
        "agents_started",
        "policy_proposed",
        "policy_activated",
        "policy_refused",
    }
)
WAITING_CHANGED: Final = "waiting_changed"


def tell(
    ticket: Ticket,
    event_type: str,
    *,
    actor: Principal,
    action: str | None = None,
    payload: Mapping[str, Any] | None = None,
    about: About | None = None,
    **data: Any,
) -> AuditEvent:
    """Record something about a ticket, in the transaction that made it true."""
    if event_type not in TYPES:
        raise ValueError(f"{event_type} is not an event type; add it to tickets.events.TYPES")
    context.about_ticket(str(ticket.pk))
    return record(
        event_type,
        actor=actor,
        action=action or event_type,
        trace_id=str(ticket.pk),
        about=about,
        data={
            **data,
            "payload": dict(payload or {}),
            "ticket": {"status": ticket.status, "priority": ticket.priority},
        },
    )


def usage(prompt: int, completion: int) -> dict[str, int]:
    """Tokens as the API words them."""
    return {
        "promptTokens": prompt,
        "completionTokens": completion,
        "totalTokens": prompt + completion,
    }


def usage_of(turn: Turn) -> dict[str, int]:
    """Tokens of one turn."""
    return usage(turn.prompt_tokens, turn.completion_tokens)
