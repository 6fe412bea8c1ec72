"""Tickets in words, for a terminal: every text from outside with what is hidden written out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from governance.cli import show
from tickets.cli.desk import WAITING, Asked

HEAD = ("ID", "WAITS FOR", "PRIORITY", "TITLE", "SINCE")
STEPS = ("", "STATUS", "TOOL", "PATH", "STEP")
APART = ("plan", "pendingApproval", "pendingPlanApproval", "pendingQuestion", "description")


def inbox(tickets: list[dict[str, Any]]) -> Iterator[str]:
    """A table of what waits."""
    return show.table(HEAD, [_row(ticket) for ticket in tickets])


def whole(ticket: dict[str, Any]) -> Iterator[str]:
    """Everything about one ticket; what it waits for comes last, where the eye rests."""
    yield from show.fields({name: value for name, value in ticket.items() if name not in APART})
    yield "description:"
    yield from _indented(str(ticket.get("description", "")))
    if isinstance(plan := ticket.get("plan"), dict):
        yield from _plan(plan)
    for name, is_plan in (("pendingPlanApproval", True), ("pendingApproval", False)):
        if isinstance(body := ticket.get(name), dict):
            yield ""
            yield from request(Asked(ticket="", is_plan=is_plan, body=body))
    if isinstance(question := ticket.get("pendingQuestion"), dict):
        yield ""
        yield "A question waits for an answer:"
        yield from _indented(str(question.get("question", "")))
        yield from (f"  - {show.clean(option)}" for option in question.get("options") or [])


def request(asked: Asked) -> Iterator[str]:
    """What a decision is about."""
    yield "The plan waits for a decision:" if asked.is_plan else "An action waits for a decision:"
    if isinstance(plan := asked.body.get("plan"), dict):
        yield from _plan(plan)
    shown = {n: v for n, v in asked.body.items() if n not in {"id", "plan", "preview"}}
    yield from (f"  {line}" for line in show.fields(shown))
    if preview := asked.body.get("preview"):
        yield "  what it would touch, as the agent found out:"
        yield from (f"  {line}" for line in _indented(str(preview)))


def frame(event: dict[str, Any]) -> str:
    """An event of a stream in one line."""
    payload = event.get("payload")
    said = show.as_json(payload, one_line=True) if payload else ""
    parts = (show.moment(event.get("timestamp")), event.get("ticketId"), event.get("type"), said)
    return "  ".join(show.clean(part) for part in parts if part)


def _row(ticket: dict[str, Any]) -> list[Any]:
    status = str(ticket.get("status"))
    return [
        ticket.get("id"),
        WAITING.get(status, status),
        ticket.get("priority"),
        ticket.get("title"),
        show.moment(ticket.get("updatedAt")),
    ]


def _plan(plan: dict[str, Any]) -> Iterator[str]:
    yield f"plan: {show.clean(plan.get('summary'))}"
    rows = [
        [number, step.get("status"), step.get("tool"), step.get("path"), step.get("description")]
        for number, step in enumerate(plan.get("steps") or [], start=1)
    ]
    yield from (f"  {line}" for line in show.table(STEPS, rows))
    yield from (f"  risk: {show.clean(risk)}" for risk in plan.get("risks") or [])


def _indented(text: str) -> Iterator[str]:
    return (f"  {line}" for line in show.lines(text).splitlines())
