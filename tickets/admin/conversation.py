"""A ticket's whole conversation: every turn of the model, each call with its answer."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

from django.core.paginator import Page, Paginator
from django.db.models import Prefetch
from django.db.models.functions import Left, Length
from django.http import Http404
from django.urls import reverse

from agents.models import ToolExecution, Turn
from governance.admin.case import Change
from governance.audit.record import redacted
from governance.templatetags.excerpts import MOST_CHARS, as_json
from tickets.models import Ticket

PER_PAGE: Final = 20
READ: Final = MOST_CHARS + 4_000  # a credential at the cut is read whole, and replaced
TEXTS: Final = ("arguments", "result", "diff")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call with its texts, of which the page shows the beginning."""

    execution: Any
    texts: list[Change]


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A turn: what the model said, and what it called."""

    turn: Turn
    calls: list[Call]


def conversation(ticket: Ticket, page: str | None) -> tuple[Page[Turn], list[Said]]:
    """One page of its turns in their order; a page that is not there is the nearest."""
    calls = (
        ToolExecution.objects.annotate(
            asked=Left("raw_arguments", READ),
            asked_length=Length("raw_arguments"),
            answer=Left("result", READ),
            answer_length=Length("result"),
        )
        .defer("raw_arguments", "arguments", "result", "data", "inspection", "decision")
        .order_by("position")
    )
    turns = Turn.objects.filter(run__trace_id=str(ticket.pk)).order_by("started_at", "pk")
    shown = turns.prefetch_related(Prefetch("calls", queryset=calls))
    window = Paginator(shown, PER_PAGE).get_page(page)
    return window, [_said(ticket, turn) for turn in window.object_list]


def _said(ticket: Ticket, turn: Turn) -> Said:
    turn.text = str(redacted(turn.text))
    return Said(turn=turn, calls=[_call(ticket, call) for call in turn.calls.all()])


def _call(ticket: Ticket, call: Any) -> Call:
    asked = _spread(call.asked) if call.asked_length <= READ else call.asked
    texts = [
        ("arguments", asked, call.asked_length),
        ("result", call.answer, call.answer_length),
    ]
    return Call(
        execution=call,
        texts=[
            Change(title=name, text=str(redacted(text)), url=_url(ticket, call, name))
            for name, text, length in texts
            if length
        ],
    )


def _spread(arguments: str) -> str:
    """Arguments over several lines; those that are no JSON as the model wrote them."""
    try:
        return as_json(json.loads(arguments))
    except ValueError:
        return arguments


def _url(ticket: Ticket, call: Any, name: str) -> str:
    return reverse("admin:tickets_ticket_text", args=[ticket.pk, call.pk, name])


def text_of(ticket: Ticket, call_id: Any, name: str) -> str:
    """All of a call's arguments, result or diff. Raises `Http404` for another ticket's."""
    calls = ToolExecution.objects.filter(run__trace_id=str(ticket.pk), pk=call_id)
    call = calls.first() if name in TEXTS else None
    if call is None:
        raise Http404(name)
    match name:
        case "arguments":
            return as_json(redacted(call.arguments)) if call.arguments else call.raw_arguments
        case "diff":
            return str(call.data.get("diff", ""))
        case _:
            return str(redacted(call.result))
