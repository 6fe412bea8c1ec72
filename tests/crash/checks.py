"""What must be true of a ticket that is over, whatever was killed meanwhile."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from tests.crash import evidence
from tests.crash.house import House
from tests.crash.people import Person

# What an acknowledged request must have left in the log.
LEFT = {"": "ticket_created", "/run": "status_changed", "/approve-plan": "plan_approved"}
LEFT |= {"/answer": "question_answered", "/approve": "approval_granted"}


def check(house: House, person: Person) -> None:
    """Requests, status, log and repository of one ticket agree. AssertionError says what does not.

    An effect that was reported as unknown would be an error event; none is expected, since every
    tool has a probe.
    """
    where = f"{person.wish.title} {person.ticket_id}"
    said = f"{where}: {person.status} {person.ticket.get('lastError')} {person.refusals}"
    assert person.status == "resolved", said
    log = _log(house, person.ticket_id)
    _requests(person, log, where)
    _statuses(person, log, where)
    _effects(house, person, log, where)


def _log(house: House, ticket_id: str) -> list[dict[str, Any]]:
    """What the chain holds of a ticket, in its order: `type` and the event's `data`."""
    house.until(lambda: house.unlinked(ticket_id) == 0, f"chain of {ticket_id}")
    rows = house.ask(
        "SELECT event.type, event.body FROM governance_auditlink link"
        " JOIN governance_auditevent event ON event.id = link.event_id"
        " WHERE event.trace_id = %s ORDER BY link.seq",
        ticket_id,
    )
    return [{"type": type_, **json.loads(bytes(body))["data"]} for type_, body in rows]


def _requests(person: Person, log: list[dict[str, Any]], where: str) -> None:
    told = Counter(entry["type"] for entry in log)
    asked = Counter(verb for verb, _ in person.acknowledged)
    for verb, count in asked.items():
        assert told[LEFT[verb]] >= count, f"{where}: {verb or 'create'} was acknowledged and lost"
    assert told["ticket_created"] == 1, where
    assert told["plan_approved"] == 1, where
    assert told["error_occurred"] == 0, f"{where}: {[e for e in log if 'error' in e['type']]}"


def _statuses(person: Person, log: list[dict[str, Any]], where: str) -> None:
    moves = [entry["stateChange"] for entry in log if entry["type"] == "status_changed"]
    at = "draft"
    for move in moves:
        assert move["oldValue"] == at, f"{where}: {moves}"
        at = move["newValue"]
    assert at == person.ticket["status"], f"{where}: {moves}"


def _effects(house: House, person: Person, log: list[dict[str, Any]], where: str) -> None:
    told = Counter(entry["type"] for entry in log)
    commits = evidence.commits_of(house.repository, person.ticket_id)
    assert len(commits) == len({c.call for c in commits}) == told["commit_created"], where
    assert [c.sha[:7] for c in reversed(commits)] == person.ticket["commits"], where
    assert len(evidence.merges_of(house.repository, person.ticket_id)) == 1, where
    once = ("worktree_created", "merge_completed", "ticket_resolved")
    assert [told[name] for name in once] == [1, 1, 1], f"{where}: {told}"
    pushes = Counter(p.kind for p in evidence.pushes_of(house.repository, person.ticket_id))
    assert pushes["created"] == 1, f"{where}: {pushes}"
    assert pushes["created"] + pushes["moved"] == told["push_executed"], f"{where}: {pushes}"
    assert pushes["deleted"] <= 1, f"{where}: {pushes}"
    there = person.wish.path in evidence.files_of(house.repository)
    assert there != person.wish.removes, f"{where}: {person.wish.path}"
