"""Asks another document about what was decided already: the recorded tool calls."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.utils.timezone import now

from governance.audit.record import data_of
from governance.models import AuditEvent
from governance.policy.diff import Compared, outcome
from governance.policy.engine import CompiledPolicy
from governance.policy.types import PolicyRequest
from governance.types import ActionClass, ActorKind, Impact, Principal, Resource

PAGE = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed(Compared):
    """A recorded request that the other document decides otherwise; `count` of its kind."""

    count: int = 1


def replay(
    old: CompiledPolicy, new: CompiledPolicy, *, since: datetime, most: int | None = None
) -> tuple[int, list[Replayed]]:
    """(how many requests were looked at, the kinds of difference with an example each).

    `most`: of the last so many recorded calls alone.
    """
    seen, found = 0, dict[tuple[ActionClass, tuple[str, str]], Replayed]()
    for request in recorded(since, most=most):
        seen += 1
        before, after = old.decide(request), new.decide(request)
        if outcome(before) == outcome(after):
            continue
        one = Replayed(before=before, after=after, example=request)
        key = (request.action_class, one.words)
        known = found.get(key)
        found[key] = replace(one, example=known.example, count=known.count + 1) if known else one
    return seen, sorted(found.values(), key=lambda r: (not r.loosens, r.words))


def days_ago(days: float) -> datetime:
    return now() - timedelta(days=days)


def recorded(since: datetime, *, most: int | None = None) -> Iterator[PolicyRequest]:
    """Every request that was judged since then, as its event tells it.

    Oldest first; of the last `most` events newest first.
    """
    events = AuditEvent.objects.filter(type__in=list(READERS), recorded_at__gte=since)
    events = events.only("body", "type")
    if most is None:
        events = events.order_by("recorded_at", "id")
    else:
        events = events.order_by("-recorded_at", "-id")[:most]
    for event in events.iterator(PAGE):
        request = READERS[event.type](data_of(event.body))
        if request is not None:
            yield request


def _of_tool_call(body: Mapping[str, Any]) -> PolicyRequest | None:
    """A ticket's call that came to the policy: `call.decision` is what it was told."""
    call = body["data"].get("call") or {}
    decided = call.get("decision")
    if not decided:
        return None
    kind, _, name = str(call["resource"]).partition(":")
    actor = body["actor"]
    return PolicyRequest(
        principal=Principal(kind=ActorKind(actor["kind"]), name=actor["name"]),
        tool=body["action"],
        action_class=ActionClass(call["actionClass"]),
        resource=Resource(
            type=kind,
            name=name,
            tags=frozenset(decided.get("tags", ())),
            namespace=decided.get("namespace", ""),
            sensitivity=frozenset(decided.get("sensitivity", ())),
        ),
        at=datetime.fromisoformat(body["timestamp"]),
    )


def _of_check(body: Mapping[str, Any]) -> PolicyRequest | None:
    """What somebody asked about at POST /v1/governance/check."""
    asked, actor = body["data"]["asked"], body["actor"]
    return PolicyRequest(
        principal=Principal(
            kind=ActorKind(actor["kind"]), name=actor["name"], roles=frozenset(asked["roles"])
        ),
        tool=asked["tool"],
        action_class=ActionClass(asked["action_class"]),
        resource=Resource(
            type=asked["type"],
            name=asked["name"],
            tags=frozenset(asked["tags"]),
            namespace=asked["namespace"],
            sensitivity=frozenset(asked["sensitivity"]),
        ),
        purpose=asked["purpose"],
        impact=Impact(**asked["impact"]),
        at=datetime.fromisoformat(body["timestamp"]),
    )


# Event type -> how the request is read from the event. Who records decisions adds a line.
READERS: dict[str, Callable[[Mapping[str, Any]], PolicyRequest | None]] = {
    "tool_called": _of_tool_call,
    "policy_decision": _of_check,
}
