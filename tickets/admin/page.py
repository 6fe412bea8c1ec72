"""What a ticket's page shows, gathered from rows."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from agents.runtime import budget, stop
from governance import kept
from governance.admin.case import Case
from governance.audit.record import data_of
from governance.models import AuditEvent
from tickets import account, steps
from tickets.admin import findings, verbs, words
from tickets.admin.cases import case_in_ticket
from tickets.admin.timeline import Entry, timeline
from tickets.admin.waiting import Waiting, waiting
from tickets.events import STREAMED
from tickets.lifecycle import ENDED, WORKING
from tickets.models import PlanStep, Status, StepStatus, Ticket

MOST_ALERTS = 20
LIVE = " ".join(sorted(set(STREAMED.values())))  # the events after which the page is another


def context(
    request: HttpRequest, ticket: Ticket, *, submitted: dict[str, forms.Form] | None = None
) -> dict[str, Any]:
    """`submitted`: forms that were sent and not accepted, shown again as they were filled in."""
    now_waiting = waiting(ticket)
    plan = _plan(ticket, now_waiting)
    offered = verbs.offered(request.user, ticket, now_waiting)
    for name, form in offered.items():
        kept.fill(request, reverse("admin:tickets_ticket_do", args=[ticket.pk, name]), form)
    resubmitted = {k: v for k, v in (submitted or {}).items() if k in offered}
    window, entries = timeline(ticket, request.GET.get("page"))
    return {
        "ticket": ticket,
        "live_events": LIVE,
        "status_words": words.status(ticket.status),
        "working": ticket.status in WORKING,
        "ended": ticket.status in ENDED,
        "stopped": stop.in_words() if ticket.status in WORKING else "",
        "waiting": now_waiting,
        "forms": {**offered, **resubmitted},
        "unfolded": set(resubmitted),
        "case": _case(request, ticket, now_waiting),
        "plan": plan,
        "progress": _progress(plan),
        "alerts": list(ticket.alerts.all()[:MOST_ALERTS]),
        "found": findings.found(ticket),
        "total_tokens": ticket.prompt_tokens + ticket.completion_tokens,
        "resolution": _resolution(entries),
        "merged": _merged(ticket),
        **_budgets(ticket),
        "window": window,
        "entries": entries,
    }


def _case(request: HttpRequest, ticket: Ticket, now_waiting: Waiting | None) -> Case | None:
    """What a decision that is waited for is about."""
    if now_waiting is None or now_waiting.approval is None:
        return None
    return case_in_ticket(now_waiting.approval, request.user, now_waiting.call, ticket)


def _progress(plan: dict[str, Any] | None) -> dict[str, int] | None:
    """How many of the plan's steps are done."""
    if plan is None:
        return None
    rows: list[PlanStep] = plan["rows"]
    return {"done": sum(row.status == StepStatus.COMPLETED for row in rows), "of": len(rows)}


def _budgets(ticket: Ticket) -> dict[str, Any]:
    """What the ticket has used up of its budgets; nothing before it is run."""
    if ticket.run is None:
        return {}
    unpriced = account.unpriced_turns(ticket.run)
    used = account.used(ticket, ticket.run, unpriced=unpriced)
    lines = budget.of_run(settings.AURA, used)
    if not used.tokens:  # no model was asked: what models use up says nothing here
        lines = [line for line in lines if line.unit == "s"]
    return {"budgets": lines, "unpriced": unpriced}


def _resolution(entries: list[Entry]) -> str:
    """What the agent said when it resolved the ticket, if that is among these events."""
    told = (e.detail.get("summary") for e in entries if e.event.type == "ticket_resolved")
    return str(next(told, "") or "")


def _merged(ticket: Ticket) -> str:
    """The commit by which the work came into the base branch; empty when it did not."""
    if ticket.status != Status.RESOLVED:
        return ""
    told = AuditEvent.objects.filter(trace_id=str(ticket.pk), type="merge_completed").first()
    return str(data_of(told.body)["data"]["payload"].get("sha", "")) if told else ""


def _plan(ticket: Ticket, now_waiting: Waiting | None) -> dict[str, Any] | None:
    """The plan and its steps. One that waits is read from the request: that is what is approved."""
    if now_waiting and now_waiting.approval and now_waiting.kind == "plan_approval":
        return {**now_waiting.approval.arguments, "rows": _proposed(now_waiting)}
    if ticket.plan is None:
        return None
    return {**ticket.plan, "rows": steps.of(ticket)}


def _proposed(now_waiting: Waiting) -> list[PlanStep]:
    assert now_waiting.approval is not None  # noqa: S101 - the caller looked; for the types
    return [
        PlanStep(index=index, **{k: str(step.get(k, "")) for k in ("description", "tool", "path")})
        for index, step in enumerate(now_waiting.approval.arguments["steps"])
    ]
