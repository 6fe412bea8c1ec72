"""How far the steps of a plan are, told from the tool calls that carry them out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.timezone import now

from agents.models import ToolExecution
from aura.kernel import rows
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


class Carried:
    """The steps of a ticket that are still open, in the memory of the worker that has the ticket:
    nobody else changes them meanwhile.
    """

    def __init__(self, ticket: Ticket) -> None:
        self.ticket = ticket
        self._version: int | None = None
        self._open: list[PlanStep] = []

    def begin(self, call: ToolExecution) -> None:
        """A call begins: its step is in progress."""
        step = self._step_of(call)
        if step is not None and step.status == StepStatus.PENDING:
            step.status, step.started_at = StepStatus.IN_PROGRESS, now()
            rows.update(step, "status", "started_at")

    def end(self, call: ToolExecution) -> PlanStep | None:
        """A call ended: its step is completed, or failed once more. Returns a step that is lost."""
        step = self._step_of(call)
        if step is None:
            return None
        if not call.failed and call.data.get("healthy") is False:
            # The call did what it is for, and saw that the work did not: nobody tries it again.
            step.status, step.completed_at = StepStatus.FAILED, now()
            step.error = call.result[:500]
            rows.update(step, "status", "completed_at", "error")
            return None
        if not call.failed:
            step.status, step.completed_at = StepStatus.COMPLETED, now()
            step.output, step.error = call.result[:500], ""
            rows.update(step, "status", "completed_at", "output", "error")
            return None
        step.retry_count += 1
        step.error = call.result[:500]
        lost = step.retry_count >= MAX_FAILURES
        if lost:
            step.status, step.completed_at = StepStatus.FAILED, now()
        rows.update(step, "status", "completed_at", "retry_count", "error")
        return step if lost else None

    def _step_of(self, call: ToolExecution) -> PlanStep | None:
        """The first open step that this call carries out, by tool and path."""
        path = str(call.arguments.get("path")).removeprefix("./")
        for step in self._steps():
            if step.tool == call.tool and step.path.removeprefix("./") in ("", path):
                return step
        return None

    def _steps(self) -> list[PlanStep]:
        if self._version != self.ticket.plan_version:
            self._version, self._open = self.ticket.plan_version, of(self.ticket)
        self._open = [step for step in self._open if step.status in OPEN]
        return self._open


def close(ticket: Ticket) -> None:
    """The ticket is over: steps that nobody carried out are skipped."""
    rest = ticket.steps.filter(version=ticket.plan_version, status__in=OPEN)
    rest.update(status=StepStatus.SKIPPED, completed_at=now())


def reopen(ticket: Ticket) -> None:
    """A person resumes: failed steps may be tried again."""
    failed = ticket.steps.filter(version=ticket.plan_version, status=StepStatus.FAILED)
    failed.update(status=StepStatus.PENDING, retry_count=0, completed_at=None)
