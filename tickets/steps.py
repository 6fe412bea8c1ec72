"""How far the steps of a plan are, told from the tool calls that carry them out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.timezone import now

from agents.models import ToolExecution
from tickets.models import PlanStep, StepStatus, Ticket

MAX_FAILURES = 3
OPEN = (StepStatus.PENDING, StepStatus.IN_PROGRESS)


def replace(ticket: Ticket, plan: Mapping[str, Any]) -> None:
    """Make the steps of a new version of the plan."""
    PlanStep.objects.bulk_create(
        PlanStep(
            ticket=ticket,
            version=ticket.plan_version,
            index=index,
            description=step["description"],
            tool=step["tool"],
            path=step.get("path", ""),
        )
        for index, step in enumerate(plan["steps"])
    )


def of(ticket: Ticket) -> list[PlanStep]:
    """The steps of the current plan, in order."""
    return list(ticket.steps.filter(version=ticket.plan_version))


def _step_of(ticket: Ticket, call: ToolExecution) -> PlanStep | None:
    """The first open step that this call carries out, by tool and path."""
    steps = ticket.steps.filter(version=ticket.plan_version, tool=call.tool, status__in=OPEN)
    path = call.arguments.get("path")
    for step in steps:
        if not step.path or step.path.removeprefix("./") == str(path).removeprefix("./"):
            return step
    return None


def begin(ticket: Ticket, call: ToolExecution) -> None:
    """A call begins: its step is in progress."""
    step = _step_of(ticket, call)
    if step is not None and step.status == StepStatus.PENDING:
        step.status, step.started_at = StepStatus.IN_PROGRESS, now()
        step.save(update_fields=["status", "started_at"])


def end(ticket: Ticket, call: ToolExecution) -> PlanStep | None:
    """A call ended: its step is completed, or has failed once more. Returns a step that is lost."""
    step = _step_of(ticket, call)
    if step is None:
        return None
    if not call.failed:
        step.status, step.completed_at = StepStatus.COMPLETED, now()
        step.output, step.error = call.result[:500], ""
        step.save()
        return None
    step.retry_count += 1
    step.error = call.result[:500]
    lost = step.retry_count >= MAX_FAILURES
    if lost:
        step.status, step.completed_at = StepStatus.FAILED, now()
    step.save()
    return step if lost else None


def close(ticket: Ticket) -> None:
    """The ticket is over: steps that nobody carried out are skipped."""
    rest = ticket.steps.filter(version=ticket.plan_version, status__in=OPEN)
    rest.update(status=StepStatus.SKIPPED, completed_at=now())


def reopen(ticket: Ticket) -> None:
    """A person resumes: failed steps may be tried again."""
    failed = ticket.steps.filter(version=ticket.plan_version, status=StepStatus.FAILED)
    failed.update(status=StepStatus.PENDING, retry_count=0, completed_at=None)
