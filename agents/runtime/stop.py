"""The stop switch: while it is set no agent calls a tool or a model, on any machine.

Setting it takes every run from its worker, as a cancelled ticket is taken: what they write later is
refused, `agents.runtime.watch` ends what they have under way, and nobody claims a run. Runs keep
their place: once started again they go on by the ordinary recovery.
"""

from __future__ import annotations

from django.db import transaction

from agents.models import StopSwitch
from agents.runtime import claims
from aura.kernel.errors import Problem, ValidationFailed
from aura.kernel.secrets import redact
from governance.audit.record import record
from governance.types import Principal

PERMISSION = "agents.stop_everything"
REASON_CHARS = 10_000


class NotStopped(Problem):
    code, status = "NOT_STOPPED", 409


class AlreadyStopped(Problem):
    code, status = "ALREADY_STOPPED", 409


def current() -> StopSwitch | None:
    """Who stopped everything, when and why; None while agents may work."""
    return StopSwitch.objects.first()


def in_words() -> str:
    """Why nothing happens, for whoever waits for an agent; empty while agents may work."""
    switch = current()
    if switch is None:
        return ""
    return (
        f"All agents are stopped by {switch.stopped_by} ({redact(switch.reason)})."
        " The ticket goes on by itself once they are started again."
    )


def stop(*, actor: Principal, reason: str) -> StopSwitch:
    """Stop all agents now. Raises `AlreadyStopped`, and `ValidationFailed` without a reason."""
    said = _reason(reason)
    with transaction.atomic():
        switch, new = StopSwitch.objects.get_or_create(
            defaults={"reason": said, "stopped_by": actor.name[:150]}
        )
        if not new:
            raise AlreadyStopped(f"All agents are stopped already, by {switch.stopped_by}")
        claims.revoke_all()
        record("agents_stopped", actor=actor, action="stop", data={"reasoning": said})
    switch.refresh_from_db()
    return switch


def start(*, actor: Principal, reason: str) -> None:
    """Let agents work again; waiting runs are taken up within seconds. Raises `NotStopped`."""
    said = _reason(reason)
    with transaction.atomic():
        found, _ = StopSwitch.objects.all().delete()
        if not found:
            raise NotStopped("The agents are not stopped")
        record("agents_started", actor=actor, action="start", data={"reasoning": said})


def _reason(text: str) -> str:
    reason = text.strip()
    if not reason or len(reason) > REASON_CHARS:
        complaint = f"Say why, in at most {REASON_CHARS} characters"
        raise ValidationFailed("A reason is needed", details={"reason": [complaint]})
    return reason
