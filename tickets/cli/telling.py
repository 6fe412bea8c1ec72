"""Tickets in words, for a terminal: every text from outside with what is hidden written out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from governance.cli import show
from tickets.cli.desk import SHORT, WAITING, Asked, asked_of

NARROW, NARROW_HEAD = 70, (0, 1, 3)  # below so many columns: without priority and time
HEAD = ("ID", "STATUS", "PRIORITY", "TITLE", "SINCE")
STEPS = ("", "STATUS", "STEP", "TOOL", "PATH")
LABEL = 10  # columns, "Approval" and two blanks
QUOTED = "│ "  # before text from outside, so that none of it looks like ours
LINES_MOST = 300  # of one text where a person is to decide
AGENTS_WORDS = "(The words of the agent; nobody has checked them.)"


def listing(tickets: list[dict[str, Any]], *, width: int | None = None) -> Iterator[str]:
    """A table of tickets."""
    wanted = columns(width)
    rows = [[cells[column] for column in wanted] for cells in map(row, tickets)]
    return show.table([HEAD[column] for column in wanted], rows, width=width)


def columns(width: int | None) -> Sequence[int]:
    """Those of `HEAD` that there is room for."""
    return NARROW_HEAD if width is not None and width < NARROW else range(len(HEAD))


def headline(ticket: dict[str, Any]) -> str:
    """A ticket after something was done to it."""
    return show.clean(f"{ticket.get('id') or ticket.get('ticketId')}  {state(ticket)}")


def state(ticket: dict[str, Any]) -> str:
    """What it does or waits for, in words; `message`: what a start of the agent answered."""
    status = str(ticket.get("message") or ticket.get("status") or "")
    return show.clean(WAITING.get(status, status))


def whole(
    ticket: dict[str, Any], *, width: int | None = None, most: int | None = None
) -> Iterator[str]:
    """Everything about one ticket; what it waits for comes last, where the eye rests.

    `width`: columns to fold into; `most`: lines of each text that are told.
    """
    yield from show.wrapped(str(ticket.get("title")), width=width)
    yield f"{state(ticket)} · priority {show.clean(ticket.get('priority'))} · {cost(ticket)}"
    yield from show.fields({name: value for name, value in _facts(ticket) if value})
    yield ""
    yield from _cut(str(ticket.get("description") or ""), width=width, most=most, indent=QUOTED)
    asked = asked_of(ticket)
    if isinstance(plan := ticket.get("plan"), dict) and not (asked and asked.is_plan):
        yield ""
        yield from show.wrapped(f"Plan: {plan.get('summary')}", width=width)
        yield from _steps(plan, width=width)
    if asked:
        yield ""
        yield from request(asked, width=width, most=most)
    if isinstance(asks := ticket.get("pendingQuestion"), dict):
        yield ""
        yield from question(asks, width=width)


def question(asked: dict[str, Any], *, width: int | None = None) -> Iterator[str]:
    """A question that waits."""
    yield "A question waits for an answer:"
    yield from show.wrapped(str(asked.get("question", "")), width=width, indent=QUOTED)
    for number, option in enumerate(asked.get("options") or [], start=1):
        yield from show.wrapped(f"{number}. {option}", width=width, indent="  ")


def request(
    asked: Asked, *, width: int | None = None, most: int | None = LINES_MOST
) -> Iterator[str]:
    """What a decision is about: what, what it touches, risk, way back, cost, who, why."""
    yield "The plan waits for a decision:" if asked.is_plan else "An action waits for a decision:"
    for label, text in facts(asked):
        lines = _cut(text, width=width, most=most, indent=" " * (LABEL + 2))
        yield f"  {label:<{LABEL}}{next(lines, '').lstrip(' ')}"
        yield from lines


def facts(asked: Asked) -> Iterator[tuple[str, str]]:
    """(label, text from outside) of what a person needs to know before they decide."""
    body, plan = asked.body, asked.ticket.get("plan")
    if asked.is_plan and isinstance(plan, dict):
        yield "What", f"{plan.get('summary')}\n{AGENTS_WORDS}"
        yield "Steps", "\n".join(_steps_in_words(plan))
    else:
        yield "What", str(body.get("action"))
        call = json.dumps(body.get("args") or {}, indent=2, ensure_ascii=False)
        yield "Call", f"{body.get('tool')} {call}"
    if touched := touches(asked):
        yield "Touches", "\n".join(touched)
    if preview := body.get("preview"):
        yield "Found", str(preview)
    risks = [str(body.get("risk") or ""), *_risks(asked)]
    yield "Risk", "\n".join(filter(None, risks)) or "not told"
    yield "Undone", str(body.get("undo") or "not told")
    yield "Cost", f"{cost(asked.ticket)} so far"
    yield "Who", _who(body)
    if reason := body.get("reason"):
        whose = "The policy says so." if body.get("reasonBy") == "policy" else AGENTS_WORDS
        yield "Why", f"{reason}\n{whose}"
    yield "Approval", asked.id


def touches(asked: Asked) -> list[str]:
    """The files and resources that it names."""
    plan = asked.ticket.get("plan")
    if asked.is_plan and isinstance(plan, dict):
        paths = [str(step["path"]) for step in _steps_of(plan) if step.get("path")]
        return list(dict.fromkeys(paths))
    return [str(each) for each in asked.body.get("resources") or []]


def cost(ticket: dict[str, Any]) -> str:
    """Tokens and money."""
    used = ticket.get("tokenUsage")
    used = used if isinstance(used, dict) else {}
    tokens, price = used.get("totalTokens") or 0, used.get("estimatedCost")
    told = f", {price:.2f} USD" if isinstance(price, int | float) and tokens else ""
    return f"{tokens:,} tokens{told}"


def _who(body: dict[str, Any]) -> str:
    by = body.get("requestedBy") or "the agent"
    many, role = body.get("quorum") or 1, body.get("approverRole") or "approver"
    people = "one person" if many == 1 else f"{many} different people"
    said = ", ".join(str(name) for name in body.get("approvedBy") or [])
    until = show.moment(body.get("expiresAt") or "")
    so_far = f"; approved by {said}" if said else ""
    return f"asked by {by}; {people} with the role {role} or above until {until} UTC{so_far}"


def _facts(ticket: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    yield "id", ticket.get("id")
    yield "opened", show.moment(ticket.get("createdAt") or "")
    yield "turns", f"{ticket.get('currentTurn', 0)} of at most {ticket.get('maxTurns')}"
    yield "branch", ticket.get("workingBranch")
    yield "commits", ", ".join(str(sha)[:10] for sha in ticket.get("commits") or [])
    yield "approved", ticket.get("planApprovedBy")
    yield "resolved", show.moment(ticket.get("resolvedAt") or "")
    yield "error", ticket.get("lastError")


def row(ticket: dict[str, Any]) -> list[Any]:
    """Its cells below `HEAD`."""
    return [
        str(ticket.get("id"))[:SHORT],
        state(ticket),
        ticket.get("priority"),
        ticket.get("title"),
        show.moment(ticket.get("updatedAt")),
    ]


def _steps(plan: dict[str, Any], *, width: int | None) -> Iterator[str]:
    rows = [
        [number, step.get("status"), step.get("description"), step.get("tool"), step.get("path")]
        for number, step in enumerate(_steps_of(plan), start=1)
    ]
    yield from show.table(STEPS, rows, width=width)
    for risk in plan.get("risks") or []:
        yield from show.wrapped(f"risk: {risk}", width=width, indent="  ")


def _steps_in_words(plan: dict[str, Any]) -> Iterator[str]:
    for number, step in enumerate(_steps_of(plan), start=1):
        yield f"{number}. {step.get('description')}  [{step.get('tool')}]"


def _steps_of(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [step for step in plan.get("steps") or [] if isinstance(step, dict)]


def _risks(asked: Asked) -> list[str]:
    plan = asked.ticket.get("plan")
    if not (asked.is_plan and isinstance(plan, dict)):
        return []
    return [f"{risk} (the agent's word)" for risk in plan.get("risks") or []]


def _cut(text: str, *, width: int | None, most: int | None, indent: str) -> Iterator[str]:
    """Lines of a text, the first of them alone where it is long."""
    lines = text.splitlines()
    shown = lines[:most]
    if shown:
        yield from show.wrapped("\n".join(shown), width=width, indent=indent)
    if len(shown) < len(lines):
        left = len(lines) - len(shown)
        yield f"{indent}… {left:,} more lines: `aura ticket ID` shows all of them"
