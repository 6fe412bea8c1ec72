"""Tickets that wait for an answer, and those that go no further by themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import Case, CharField, Count, IntegerField, Q, QuerySet, Sum, Value, When
from django.urls import reverse
from django.utils.text import capfirst

from agents.models import CallState, ToolExecution
from agents.types import WaitKind
from aura.console.inbox.items import Item, Kind
from aura.console.inbox.wanted import Wanted
from governance.templatetags.shown import paragraphs
from tickets.models import Status, Ticket, TicketCount

CHANGE = "tickets.change_ticket"
KINDS: Mapping[str, Kind] = {
    Status.PENDING_INPUT: Kind.QUESTION,
    Status.PAUSED: Kind.PAUSED,
    Status.FAILED: Kind.FAILED,
}


class Work:
    """Questions first, then paused and failed tickets."""

    kinds = (Kind.QUESTION, Kind.PAUSED, Kind.FAILED)
    permission = "tickets.view_ticket"

    def counts(self, wanted: Wanted) -> QuerySet[Any, Any]:
        named = [When(status=status, then=Value(kind)) for status, kind in KINDS.items()]
        kind = Case(*named, output_field=CharField())
        if wanted.narrowed:
            rows = _rows(wanted).order_by().annotate(kind_=kind).values_list("kind_")
            return rows.annotate(number=Count("pk"))
        kept = TicketCount.objects.filter(status__in=_statuses(wanted)).order_by()
        return kept.annotate(kind_=kind).values_list("kind_").annotate(number=Sum("tickets"))

    def items(self, wanted: Wanted, start: int, stop: int) -> list[Item]:
        places = [When(status=status, then=Value(n)) for n, status in enumerate(KINDS)]
        place = Case(*places, output_field=IntegerField())
        rows = _rows(wanted).annotate(place_=place).order_by("place_", "updated_at", "pk")
        fields = ("title", "status", "updated_at", "last_error", "created_by", "run_id")
        page = list(rows.only(*fields)[start:stop])
        asked = _questions(page)
        return [_item(row, wanted, asked.get(row.run_id)) for row in page]


def _statuses(wanted: Wanted) -> list[str]:
    return [status for status, kind in KINDS.items() if kind in wanted.kinds]


def _rows(wanted: Wanted) -> QuerySet[Ticket]:
    rows = Ticket.objects.filter(status__in=_statuses(wanted))
    if wanted.q:
        rows = rows.filter(Q(title__icontains=wanted.q) | Q(last_error__icontains=wanted.q))
    return rows.none() if wanted.mine and not wanted.user.has_perm(CHANGE) else rows


def _questions(page: Sequence[Ticket]) -> dict[Any, ToolExecution]:
    """The call with the question, by run."""
    asking = (row.run_id for row in page if row.status == Status.PENDING_INPUT)
    runs = [run for run in asking if run]
    calls = ToolExecution.objects.filter(
        run_id__in=runs, state=CallState.WAITING, wait=WaitKind.QUESTION
    )
    return {call.run_id: call for call in calls} if runs else {}


def _item(row: Ticket, wanted: Wanted, call: ToolExecution | None) -> Item:
    may = wanted.user.has_perm(CHANGE)
    url = reverse("admin:tickets_ticket_change", args=[row.pk])
    question = str(call.wait_detail.get("question", "")) if call else ""
    told = paragraphs(question)[0] or capfirst(row.last_error)
    return Item(
        kind=KINDS[row.status],
        what=told or row.title,
        url=f"{url}#decide",
        since=(call.waiting_since if call else None) or row.updated_at,
        asked_by=row.created_by,
        about=row.title,
        about_url=url,
        yours=may,
        because="" if may else "it takes the role operator or above",
    )
