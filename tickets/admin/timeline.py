"""A ticket's events as lines a person reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from django.core.paginator import Page, Paginator

from aura.kernel.text import one_line
from governance.admin.case import Change
from governance.audit.record import data_of
from governance.models import AuditEvent
from governance.types import ActorKind
from tickets.admin import changes, words
from tickets.models import Ticket

PER_PAGE = 50
LINE_CHARS = 240

Data = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One event: `line` says what happened, `reasoning` why, `detail` is the rest, folded.

    `change` is what a commit brought, `by_model`: the reasoning is the model's own words. `idle`:
    it is the end of a turn that took no tokens. `call` is the id of the tool call it tells of.
    """

    event: AuditEvent
    at: datetime
    who: str
    line: str
    reasoning: str
    detail: Mapping[str, Any]
    idle: bool
    call: str = ""
    change: Change | None = None

    @property
    def unfolds(self) -> str:
        """What `detail` is called."""
        if "arguments" in self.detail:
            return "Arguments and result"
        return "Before and after" if "before" in self.detail else "Details"

    @property
    def by_model(self) -> bool:
        return self.event.actor == ActorKind.AGENT


def timeline(ticket: Ticket, page: str | None) -> tuple[Page[AuditEvent], list[Entry]]:
    """One page of a ticket's events, newest first; a page that is not there is the nearest.

    What is idle says nothing, and what a person would read twice is told once: neither has a line.
    """
    events = AuditEvent.objects.filter(trace_id=str(ticket.pk)).order_by("-recorded_at", "-id")
    window = Paginator(events, PER_PAGE).get_page(page)
    entries = _once([each for event in window.object_list if not (each := entry(event)).idle])
    brought = changes.by_sha(ticket.pk, {sha for each in entries if (sha := _sha(each))})
    return window, [
        replace(each, change=brought[sha]) if (sha := _sha(each)) in brought else each
        for each in entries
    ]


def _once(entries: Sequence[Entry]) -> list[Entry]:
    """Without the beginning of a call that has ended, and one reason for several calls in a row."""
    ended = {each.call for each in entries if each.event.type == "tool_called"}
    kept = [
        each for each in entries if not (each.event.type == "tool_invoked" and each.call in ended)
    ]
    above = ["", *(each.reasoning for each in kept)]
    return [
        replace(each, reasoning="") if each.reasoning == said else each
        for each, said in zip(kept, above, strict=False)
    ]


def _sha(of: Entry) -> str:
    """The commit that an event tells of."""
    return str(of.detail.get("sha", "")) if of.event.type == "commit_created" else ""


def entry(event: AuditEvent) -> Entry:
    """An event in words. One whose bytes cannot be read says so."""
    try:
        data = data_of(event.body)["data"]
        line = LINES.get(event.type, _action)(data) or event.action
    except (ValueError, KeyError, TypeError, AttributeError, IndexError):
        data, line = {}, f"{event.action} (the event's body cannot be read)"
    return Entry(
        event=event,
        at=event.recorded_at,
        who=event.actor_name or event.actor,
        line=one_line(str(line), LINE_CHARS),
        reasoning=str(data.get("reasoning") or "") if event.type in _WITH_REASONS else "",
        detail=_detail(event.type, data),
        idle=bool(data) and event.type == "turn_completed" and not _tokens(data),
        call=str((data.get("call") or {}).get("id", "")),
    )


def gist(event: AuditEvent) -> str:
    """What happened in one line; of an event that has no words of its own, what it tells."""
    line = entry(event).line
    if line != event.type:
        return line
    payload = data_of(event.body)["data"].get("payload") or {}
    told = (f"{name}: {value}" for name, value in payload.items() if _plain(value))
    return one_line(", ".join(told), LINE_CHARS)


def _plain(value: Any) -> bool:
    return isinstance(value, str | int | float) and value != ""


_WITH_REASONS = {"tool_called", "approval_requested"}
_WITHOUT_DETAIL = {"turn_started", "turn_completed", "status_changed", "ticket_created"}


def _detail(event_type: str, data: Data) -> Mapping[str, Any]:
    """What is worth unfolding: the call with its result, or the payload."""
    if event_type in _WITHOUT_DETAIL:
        return {}
    if call := data.get("toolCall"):
        return {"arguments": call.get("args"), "result": call.get("result")}
    if change := data.get("stateChange"):
        return {"before": change.get("oldValue"), "after": change.get("newValue")}
    return data.get("payload") or {}


def _said(name: str, sentence: str) -> Callable[[Data], str]:
    """A line made of one value of the payload."""
    return lambda data: sentence.format(data["payload"].get(name, "?"))


def _because(sentence: str) -> Callable[[Data], str]:
    """A line that ends with the reason a person gave."""
    return lambda data: f"{sentence}: {data['reasoning']}" if data.get("reasoning") else sentence


def _action(data: Data) -> str:
    del data
    return ""  # the event's own action


def _moved(data: Data) -> str:
    payload = data["payload"]
    line = f"status: {words.status(payload['to'])}"
    return f"{line} ({payload['reason']})" if payload.get("reason") else line


def _updated(data: Data) -> str:
    change = data["stateChange"]
    if change["field"] == "description":
        return "changed the description"
    return f"changed {change['field']} from {change['oldValue']} to {change['newValue']}"


def _planned(data: Data) -> str:
    plan = data["payload"]["plan"]
    return f"made a plan of {len(plan['steps'])} steps: {plan['summary']}"


def _called(data: Data) -> str:
    call = data["toolCall"]
    on = next(
        (str(call["args"][k]) for k in ("path", "branch", "message") if call["args"].get(k)), ""
    )
    line = f"{call['name']} {on}".strip()
    return f"{line} failed: {call['result']['error']}" if "error" in call["result"] else line


def _used(data: Data) -> str:
    tokens = _tokens(data)
    return f"turn {data['payload']['turn']} ended" + (f", {tokens:,} tokens" if tokens else "")


def _tokens(data: Data) -> int:
    return int(data["payload"]["tokenUsage"]["totalTokens"])


def _asked(data: Data) -> str:
    quorum = data["payload"].get("quorum", 1)
    people = "one person" if quorum == 1 else f"{quorum} people"
    return f"the request {data['payload'].get('key', '?')} waits for the yes of {people}"


def _started(data: Data) -> str:
    return f"turn {data['payload']['turn']} of at most {data['payload']['maxTurns']}"


def _pair(sentence: str, *names: str) -> Callable[[Data], str]:
    return lambda data: sentence.format(*(data["payload"].get(name, "?") for name in names))


LINES: Final[Mapping[str, Callable[[Data], str]]] = {
    "ticket_created": _said("title", "opened the ticket: {}"),
    "ticket_updated": _updated,
    "status_changed": _moved,
    "plan_generated": _planned,
    "plan_approved": _because("approved the plan"),
    "plan_rejected": _because("rejected the plan"),
    "turn_started": _started,
    "turn_completed": _used,
    "tool_called": _called,
    "worktree_created": _said("branch", "made the branch {}"),
    "commit_created": _pair("committed {}: {}", "sha", "message"),
    "push_executed": _said("branch", "pushed {}"),
    "merge_completed": _said("sha", "merged as {}"),
    "rollback_completed": _said("sha", "took the merge back with {}"),
    "preview_started": _pair("{} runs the branch {} before it is merged", "app", "branch"),
    "preview_ended": _said("app", "ended the preview in {}"),
    "alert_received": _said("name", "alert: {}"),
    "alert_resolved": _said("name", "the alert {} is over"),
    "conversation_cut": _said("message", "{}"),
    "argo_sync_started": _said("app", "started a sync of {}"),
    "argo_health_checked": _pair("{} is {}", "app", "health"),
    "approval_requested": _said("action", "asks for approval: {}"),
    "approval_granted": _because("approved the action"),
    "approval_denied": _because("denied the action"),
    "approval_created": _asked,
    "approval_voted": _pair("approved it: {} of {}", "votes", "quorum"),
    "approval_used": _said("key", "used the approval {}"),
    "approval_expired": _because("the request ended"),
    "approval_cancelled": _because("the request was withdrawn"),
    "approval_revoked": _because("took the approval back"),
    "break_glass_used": _because("BROKE THE GLASS: released the action alone"),
    "break_glass_reviewed": _because("reviewed the break-glass"),
    "question_asked": _said("question", "asks: {}"),
    "question_answered": _said("answer", "answered: {}"),
    "secret_values_given": _pair("entered values for the secret {}/{}", "namespace", "name"),
    "validation_failed": _said("message", "refused: {}"),
    "error_occurred": _said("message", "error: {}"),
    "ticket_resolved": _said("summary", "resolved the ticket: {}"),
}
