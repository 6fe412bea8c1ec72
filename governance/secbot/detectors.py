"""Events and state in, alerts out: no rows, no clock. `look` is asked once for each event."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from governance.secbot.alerts import Alert, AlertType
from governance.secbot.events import EXECUTED, POSTED, Event, part
from governance.secbot.limits import Limits
from governance.secbot.release import GRANTED, JUDGED, executes, released

WINDOW_S: Final = 60
PRINCIPALS_MOST: Final = 10_000  # counted at once
TEXT_CHARS: Final = 20_000  # of a result that is looked through
REFUSED: Final = frozenset(
    {"permission_refused", "credential_refused", "login_failed", "login_locked"}
)
DENIED: Final = frozenset({"approval_denied", "plan_rejected"})

PROMPT_MARKERS: Final = re.compile(
    r"\b(ignore|disregard|forget|override)\b[^.\n]{0,40}\b(previous|prior|above|earlier|preceding)\b"
    r"[^.\n]{0,30}\b(instruction|prompt|rule|message|direction)"
    r"|<\|(im_start|im_end|system|endoftext)\|>"
    r"|\[/?INST\]|<</?SYS>>"
    r"|</?\s*(system|assistant)[_ -]?(prompt|message)?\s*>"
    r"|\byou are now\b[^.\n]{0,40}\b(admin|administrator|root|unrestricted|developer mode)\b"
    r"|\b(do not|don't|never) (tell|inform|alert|notify) the (user|operator|human|administrator)\b",
    re.IGNORECASE,
)
# The document's "permission denied" is left out: that is what a misconfigured remote says too.
SQL_MARKERS: Final = re.compile(
    r"syntax error at or near\b[^\n]{0,80}|\bSQL[^\n]{0,80}syntax error\b"
    r"|syntax error\b[^\n]{0,80}\bSQL",
    re.IGNORECASE,
)
SHELL_MARKERS: Final = re.compile(
    r"command not found|\bsh: [^\n]{0,80}: not found|unexpected (token|EOF) (near|while)",
    re.IGNORECASE,
)


@dataclass(slots=True)
class State:
    """What has to be remembered from one event to the next. JSON both ways.

    `counts`: what is counted, e.g. `events agent:aura` -> (minute, how many in it).
    """

    counts: dict[str, tuple[int, int]] = field(default_factory=dict)

    @classmethod
    def of(cls, said: dict[str, Any]) -> State:
        return cls(counts={key: (pair[0], pair[1]) for key, pair in said.get("counts", {}).items()})

    def as_json(self) -> dict[str, Any]:
        return {"counts": {key: list(pair) for key, pair in self.counts.items()}}

    def crosses(self, key: str, at: datetime, limit: int, *, weight: int = 1) -> bool:
        """Count `weight` more in the minute of `at`: is it that which goes past the limit?"""
        minute = int(at.timestamp()) // WINDOW_S
        before_minute, before = self.counts.get(key, (minute, 0))
        if before_minute < minute:  # one that comes late counts in the minute that is open
            before_minute, before = minute, 0
        if key not in self.counts and len(self.counts) >= PRINCIPALS_MOST:
            self.forget(minute)
        self.counts[key] = (before_minute, before + weight)
        return before <= limit < before + weight

    def forget(self, minute: int) -> None:
        """Keep the counts of this minute alone; all are forgotten where even they are too many."""
        kept = {key: pair for key, pair in self.counts.items() if pair[0] >= minute}
        self.counts = kept if len(kept) < PRINCIPALS_MOST else {}


Detector = Callable[[Event, Sequence[Event], State, Limits], Iterator[Alert]]


def look(event: Event, earlier: Sequence[Event], state: State, limits: Limits) -> list[Alert]:
    """What an event raises. `earlier`: for what `executes`, the evidence of its trace before it.

    Of what secbot told itself only whether it was changed.
    """
    asked = (changed,) if event.own else DETECTORS
    return [alert for one in asked for alert in one(event, earlier, state, limits)]


def changed(
    event: Event, earlier: Sequence[Event], state: State, limits: Limits
) -> Iterator[Alert]:
    """An event that is not what was written once."""
    del earlier, state, limits
    if event.problem:
        words = f"place {event.place}: {event.problem}"
        # Of one subject: however many were changed, it is one incident.
        yield _alert(AlertType.HASH_MISMATCH, "log", words, event)


def volume(event: Event, earlier: Sequence[Event], state: State, limits: Limits) -> Iterator[Alert]:
    """More events of one principal in a minute than usual, told once a minute."""
    del earlier
    most = limits.events_per_minute
    if state.crosses(f"events {event.principal}", event.at, most):
        words = f"{event.principal} recorded more than {most} events in a minute"
        yield _alert(AlertType.HIGH_VOLUME, event.principal, words, event)


def unapproved(
    event: Event, earlier: Sequence[Event], state: State, limits: Limits
) -> Iterator[Alert]:
    """Something destructive that neither a person nor the policy released."""
    del state, limits
    if executes(event) and not released(event, earlier):
        where = f" on {event.call['resource']}" if event.call.get("resource") else ""
        words = f"{event.principal} ran {event.action}{where}, and nothing in the log released it"
        yield _alert(AlertType.UNAUTHORIZED_DESTRUCTIVE, event.principal, words, event)


def injection(
    event: Event, earlier: Sequence[Event], state: State, limits: Limits
) -> Iterator[Alert]:
    """Texts of the outside that try to be instructions, and errors as failed injections leave."""
    del earlier, state, limits
    result, error = _texts(event)
    marks = (
        (
            AlertType.PROMPT_INJECTION,
            PROMPT_MARKERS.search(f"{result}\n{error}"),
            "a tool's result",
        ),
        (AlertType.SQL_INJECTION, SQL_MARKERS.search(error), "a tool's error"),
        (AlertType.COMMAND_INJECTION, SHELL_MARKERS.search(error), "a tool's error"),
    )
    for kind, mark, where in marks:
        if mark:
            words = f"{where} says {mark[0][:120]!r}"
            yield _alert(kind, event.trace_id or event.principal, words, event)


def off_hours(
    event: Event, earlier: Sequence[Event], state: State, limits: Limits
) -> Iterator[Alert]:
    """A person's approval outside of working hours."""
    del earlier, state
    approves = event.type in GRANTED or (
        event.type == "approval_voted" and event.payload.get("verdict") == "approve"
    )
    if not approves or limits.working is None or not event.actor.startswith("user:"):
        return
    if not limits.working.active(event.at):
        words = f"{event.actor} approved {event.payload.get('tool', 'something')} off hours"
        yield _alert(AlertType.OFF_HOURS_APPROVAL, event.actor, words, event)


def denials(
    event: Event, earlier: Sequence[Event], state: State, limits: Limits
) -> Iterator[Alert]:
    """Somebody who is told no again and again, told once a minute."""
    del earlier
    subject = _denied(event)
    if not subject:
        return
    most, count = limits.denials_per_minute, event.payload.get("count", 1)
    weight = count if isinstance(count, int) and count > 0 else 1
    if state.crosses(f"denials {subject}", event.at, most, weight=weight):
        words = f"{subject} was refused more than {most} times in a minute"
        yield _alert(AlertType.DENIAL_BURST, subject, words, event)


def break_glass(
    event: Event, earlier: Sequence[Event], state: State, limits: Limits
) -> Iterator[Alert]:
    """One person released something alone."""
    del earlier, state, limits
    if event.type == "break_glass_used":
        words = f"{event.actor} released {event.payload.get('tool', 'something')} alone"
        yield _alert(AlertType.BREAK_GLASS, event.actor, words, event)


DETECTORS: Final[tuple[Detector, ...]] = (
    changed,
    unapproved,
    break_glass,
    injection,
    denials,
    off_hours,
    volume,
)


def _alert(kind: AlertType, subject: str, message: str, event: Event) -> Alert:
    return Alert(
        type=kind,
        subject=subject[:200],
        message=message,
        at=event.at,
        event=event.key,
        trace_id=event.trace_id,
        place=event.place,
    )


def _denied(event: Event) -> str:
    """Who was told no by this event; empty: nobody."""
    if event.type in REFUSED:
        named = event.actor.startswith("user:")
        return event.actor if named else f"address:{event.payload.get('address', '')}"
    if event.type in DENIED and event.agent:
        return event.principal
    decided = part(event.call, "decision") if event.type == "tool_called" else {}
    if event.type == JUDGED:
        decided = part(event.told, "policy_decision")
    return event.principal if decided.get("effect") == "deny" else ""


def _texts(event: Event) -> tuple[str, str]:
    """(result, error) of a tool, as far as they are looked through."""
    if event.type == "tool_called":
        said = part(part(event.data, "toolCall"), "result")
        rest = {key: value for key, value in said.items() if key != "error"}
        return _text(rest), _text(said.get("error"))
    if event.type == POSTED + EXECUTED:
        tool = part(event.told, "tool")
        return _text(tool.get("result")), _text(tool.get("error"))
    return "", ""


def _text(value: Any) -> str:
    """Every text inside of a value, one below the other."""
    found: list[str] = []
    left = [value]
    while left:
        item = left.pop()
        if isinstance(item, str):
            found.append(item)
        elif isinstance(item, dict):
            left.extend(item.values())
        elif isinstance(item, list):
            left.extend(item)
    return "\n".join(found)[:TEXT_CHARS]
