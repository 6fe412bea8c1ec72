"""What the demo prints of an event: one line, in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Payload = Mapping[str, Any]

LINES: Mapping[str, Callable[[Payload], str]] = {
    "status_changed": lambda p: f"status  {p['from']} → {p['to']}",
    "turn_started": lambda p: f"turn    {p['turn']} of at most {p['maxTurns']}",
    "tool_called": lambda p: f"tool    {p['tool']}{_about(p)}",
    "approval_needed": lambda p: f"approve {p['action']}",
    "question_asked": lambda p: f"asks    {p['question']}",
    "commit_created": lambda p: f"commit  {p['sha']} {str(p['message']).splitlines()[0]}",
    "push_completed": lambda p: f"push    {p['branch']} at {p['sha']}",
    "argo_sync_started": lambda p: f"argocd  {p['app']} goes to {p['revision'][:7]}",
    "argo_health_update": lambda p: f"argocd  {p['app']} is {p['status']}, {p['health']}",
    "error": lambda p: f"error   {p['message']}",
    "resolved": lambda p: f"done    {p['summary']}",
}


def line(event: Mapping[str, Any]) -> str | None:
    """The event in one line; None for those not worth one."""
    words = LINES.get(event["type"])
    return words(event["payload"]) if words else None


def plan(ticket: Mapping[str, Any]) -> str:
    """The plan of a ticket as text."""
    shown = ticket["plan"]
    steps = [
        f"  {n}. {step['description']}  [{step['tool']}]"
        for n, step in enumerate(shown["steps"], start=1)
    ]
    risks = [f"  ! {risk}" for risk in shown["risks"]]
    return "\n".join([f"Plan: {shown['summary']}", *steps, *risks])


def _about(payload: Payload) -> str:
    path = payload["args"].get("path", "")
    failed = "  FAILED: " + str(payload["result"]["error"]) if "error" in payload["result"] else ""
    return f" {path}{failed}" if path else failed
