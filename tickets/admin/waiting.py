"""What waits for a person: of one ticket, and of all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Q, QuerySet

from agents.models import CallState, ToolExecution
from agents.types import WaitKind
from aura.kernel.ids import parse_uuid
from governance.models import Approval, ApprovalStatus
from tickets import selectors
from tickets.journal import pending_approval
from tickets.models import Status, Ticket
from tickets.plan import SUBMIT_PLAN

MOST = 100  # of each kind on the queue's page


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """The call of a ticket that waits, and the request that a decision would be about.

    What a page shows of a request comes from the request's own row, which never changes: so a
    person decides on exactly what `fingerprint` binds.
    """

    call: ToolExecution
    approval: Approval | None

    @property
    def kind(self) -> WaitKind:
        return WaitKind(self.call.wait)

    @property
    def key(self) -> str:
        """Names this request: one that is put later, even in the same words, has another key."""
        return str(self.approval.pk if self.approval else self.call.pk)

    @property
    def fingerprint(self) -> str:
        return self.approval.fingerprint if self.approval else ""

    @property
    def headline(self) -> str:
        """What is asked for, in one line."""
        return str(pending_approval(self.call)["action"])

    @property
    def question(self) -> str:
        return str(self.call.wait_detail.get("question", ""))

    @property
    def secret(self) -> Mapping[str, Any]:
        """The Secret whose values are asked for: `namespace`, `name`, `keys`; empty for others."""
        return self.call.wait_detail.get("secret") or {}

    @property
    def options(self) -> list[str]:
        return [str(option) for option in self.call.wait_detail.get("options", [])]


def waiting(ticket: Ticket) -> Waiting | None:
    """What this ticket waits for, if it does."""
    call = selectors.waiting_call(ticket)
    if call is None:
        return None
    return Waiting(call=call, approval=call.approval)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How many of each kind wait."""

    plans: int
    actions: int
    questions: int

    @property
    def total(self) -> int:
        return self.plans + self.actions + self.questions


def _pending() -> QuerySet[Approval]:
    return Approval.objects.filter(status=ApprovalStatus.PENDING)


def _questions() -> QuerySet[ToolExecution]:
    return ToolExecution.objects.filter(
        state=CallState.WAITING,
        wait=WaitKind.QUESTION,
        run__tickets__status=Status.PENDING_INPUT,
    )


def counts() -> Counts:
    """How much waits, in two queries."""
    found = (
        _pending()
        .order_by()
        .aggregate(
            plans=Count("pk", filter=Q(tool_name=SUBMIT_PLAN)),
            actions=Count("pk", filter=~Q(tool_name=SUBMIT_PLAN)),
        )
    )
    return Counts(**found, questions=_questions().count())


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One line of the queue. `approval` is None for a question."""

    kind: str
    what: str
    since: datetime | None
    ticket: Ticket | None
    approval: Approval | None = None


def queue() -> list[Item]:
    """Everything that waits, the longest first; at most `MOST` requests and `MOST` questions."""
    requests = list(_pending().order_by("requested_at", "id")[:MOST])
    tickets = _tickets(requests)
    items = [_request_item(request, tickets) for request in requests]
    questions = _questions().order_by("waiting_since", "pk")
    oldest = questions.prefetch_related("run__tickets")[:MOST]
    items.extend(_question_item(call) for call in oldest)
    return sorted(items, key=lambda item: (item.since is None, item.since))


def _tickets(requests: list[Approval]) -> Mapping[str, Ticket]:
    keys = {key for request in requests if (key := parse_uuid(request.trace_id))}
    return {str(t.pk): t for t in Ticket.objects.filter(pk__in=keys).only("title", "status")}


def _request_item(request: Approval, tickets: Mapping[str, Ticket]) -> Item:
    is_plan = request.tool_name == SUBMIT_PLAN
    summary = request.arguments.get("summary") if is_plan else request.arguments.get("description")
    return Item(
        kind="plan" if is_plan else "action",
        what=str(summary or _at_a_glance(request)),
        since=request.requested_at,
        ticket=tickets.get(request.trace_id),
        approval=request,
    )


def _at_a_glance(request: Approval) -> str:
    """The action, and the first line of what it would touch as whoever asks found out."""
    preview = request.context.get("preview") if isinstance(request.context, dict) else None
    found = preview.strip().split("\n", 1)[0] if isinstance(preview, str) else ""
    return f"{request}: {found}" if found else str(request)


def _question_item(call: ToolExecution) -> Item:
    return Item(
        kind="question",
        what=str(call.wait_detail.get("question", "")),
        since=call.waiting_since,
        ticket=next(iter(call.run.tickets.all()), None),
    )
