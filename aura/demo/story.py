"""What the demo prints: events in the words that `aura watch` has for them, and the plan."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tickets.cli import happening

# The plan is printed with its steps, and the ticket before it is opened.
TOLD_OTHERWISE = frozenset({"plan_generated", "ticket_created"})


def line(event: Mapping[str, Any]) -> str | None:
    """The event in one line; None for those not worth one."""
    kind = event["type"]
    if kind in TOLD_OTHERWISE or kind not in happening.WORDS:
        return None
    return happening.words(event)


def plan(ticket: Mapping[str, Any]) -> str:
    """The plan of a ticket as text."""
    shown = ticket["plan"]
    steps = [
        f"  {n}. {step['description']}  [{step['tool']}]"
        for n, step in enumerate(shown["steps"], start=1)
    ]
    risks = [f"  ! {risk}" for risk in shown["risks"]]
    return "\n".join([f"Plan: {shown['summary']}", *steps, *risks])
