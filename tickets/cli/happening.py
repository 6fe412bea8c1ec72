"""What happened, in words: entries of the log and frames of the streams, one line each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from governance.cli import show

Payload = Mapping[str, Any]
CHARS = 300  # of one line
SHA = 7  # characters of a commit's, as Git abbreviates it


def _tool(said: Payload) -> str:
    arguments = said.get("args") or {}
    about = arguments.get("path") or arguments.get("name") or ""
    result = said.get("result")
    error = result.get("error") if isinstance(result, dict) else None
    failed = f": FAILED, {error}" if error else ""
    return f"{said.get('tool') or said.get('name')} {about}".rstrip() + failed


def _asked(said: Payload) -> str:
    return f"asks to be allowed: {said.get('action')}"


def _health(said: Payload) -> str:
    return f"{said.get('app')} is {said.get('status')}, {said.get('health')}"


def _commit(said: Payload) -> str:
    subject, _, _ = str(said.get("message")).partition("\n")
    return f"commit {said.get('sha')}: {subject}"


def _sync(said: Payload) -> str:
    return f"Argo CD: {said.get('app')} goes to {str(said.get('revision'))[:SHA]}"


def _plan(said: Payload) -> str:
    plan = said.get("plan") or {}
    return f"plans: {plan.get('summary')} ({len(plan.get('steps') or [])} steps)"


# A type of the log, or the name that a stream has for it -> its words.
WORDS: Mapping[str, Callable[[Payload], str]] = {
    "ticket_created": lambda said: f"opened: {said.get('title')}",
    "status_changed": lambda said: f"{said.get('from')} → {said.get('to')}",
    "turn_started": lambda said: f"turn {said.get('turn')} of at most {said.get('maxTurns')}",
    "tool_called": _tool,
    "plan_generated": _plan,
    "approval_needed": _asked,
    "approval_requested": _asked,
    "question_asked": lambda said: f"asks: {said.get('question')}",
    "question_answered": lambda said: f"answered: {said.get('answer')}",
    "commit_created": _commit,
    "push_completed": lambda said: f"pushed {said.get('branch')}",
    "push_executed": lambda said: f"pushed {said.get('branch')}",
    "argo_sync_started": _sync,
    "argo_health_update": _health,
    "argo_health_checked": _health,
    "error": lambda said: f"error: {said.get('message')}",
    "error_occurred": lambda said: f"error: {said.get('message')}",
    "resolved": lambda said: f"resolved: {said.get('summary')}",
    "ticket_resolved": lambda said: f"resolved: {said.get('summary')}",
}
DULL = frozenset({"heartbeat", "connected", "turn_completed"})  # not worth a line


def words(event: Mapping[str, Any]) -> str:
    """An entry or a frame in one line, without its time."""
    kind = str(event.get("type"))
    said = event.get("payload") or event.get("toolCall") or {}
    told = WORDS.get(kind)
    if told is None or not isinstance(said, dict):
        action = str(event.get("action") or "")
        known = show.as_json(said, one_line=True) if said else ""
        text = " ".join(part for part in (kind, action if action != kind else "", known) if part)
    else:
        text = told(said)
    line = show.clean(" ".join(text.split()))
    return line if len(line) <= CHARS else f"{line[: CHARS - 1]}…"


def line(event: Mapping[str, Any], *, with_ticket: bool = False) -> str:
    """The same with when it was, and by whom where that is told."""
    ticket = str(event.get("ticketId") or "")[:8] if with_ticket else ""
    who = event.get("actorName")
    parts = (show.moment(event.get("timestamp") or ""), ticket, who)
    return "  ".join([*(show.clean(part) for part in parts if part), words(event)])
