"""Tickets at the API: the endpoints, and what waits for a person."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from governance.cli.frame import Failure
from governance.cli.service import Service
from governance.cli.show import clean

# What waits for a person, the most urgent first.
WAITING = {
    "pending_approval": "an action waits for a decision",
    "pending_plan_approval": "the plan waits for a decision",
    "pending_input": "a question waits for an answer",
    "paused": "paused",
    "failed": "failed",
}
MOST = 200  # tickets that the API lists at once
ENTRIES_MOST = 1000  # of the log
WHOLE_ID = 36  # characters
SHORT = 8  # of them, to call a ticket by
ID_PART = re.compile(r"[0-9a-fA-F][-0-9a-fA-F]{3,}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a ticket waits for a decision on, as it was read: a decision is bound to it."""

    ticket: dict[str, Any]
    is_plan: bool
    body: dict[str, Any]

    @property
    def id(self) -> str:
        return str(self.body.get("id", ""))

    @property
    def bound(self) -> dict[str, str]:
        """Names exactly what was read; something else put meanwhile is not decided."""
        return {"approvalId": self.id, "fingerprint": str(self.body.get("fingerprint", ""))}


def asked_of(ticket: dict[str, Any]) -> Asked | None:
    """What this ticket waits for a decision on, if it does."""
    for name, is_plan in (("pendingPlanApproval", True), ("pendingApproval", False)):
        if isinstance(body := ticket.get(name), dict):
            return Asked(ticket=ticket, is_plan=is_plan, body=body)
    return None


class Desk:
    """The endpoints under /api/tickets. Ids are whole; `id_of` makes them so."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def inbox(self) -> tuple[list[dict[str, Any]], int]:
        """(tickets that wait for a person, how many there are), at most `MOST`."""
        found, total = self.listed(status=",".join(WAITING))
        urgent = list(WAITING)
        found.sort(key=lambda one: (_place(urgent, one), str(one.get("updatedAt"))))
        return found, total

    def listed(self, **asked: Any) -> tuple[list[dict[str, Any]], int]:
        """(tickets, newest first, how many there are), at most `MOST`."""
        said = _object(self._service.get("/api/tickets", **{"limit": MOST, **asked}))
        found = _objects(said.get("tickets"))
        return found, int(said.get("total", len(found)))

    def id_of(self, part: str) -> str:
        """The whole id that begins so. Raises `Failure` unless it is exactly one."""
        if len(part) >= WHOLE_ID:
            return part
        if not ID_PART.fullmatch(part):
            raise Failure(f"{clean(part)!r} is no id, and not the first 4 characters of one")
        found, total = self.listed(idPrefix=part)
        if not found:
            raise Failure(f"no ticket has an id that begins with {clean(part)}")
        if total > 1:
            some = ", ".join(clean(one.get("id")) for one in found[:5])
            raise Failure(f"{total} tickets have ids that begin with {clean(part)}: {some}")
        return str(found[0].get("id"))

    def get(self, key: str) -> dict[str, Any]:
        return _object(self._service.get(path_of(key)))

    def log(self, key: str) -> Iterator[dict[str, Any]]:
        """All entries about a ticket, oldest first."""
        entries: list[dict[str, Any]] = []
        while True:
            said = self._service.get(
                f"{path_of(key)}/audit", limit=ENTRIES_MOST, offset=len(entries)
            )
            page = _objects(_object(said).get("entries"))
            entries += page
            if len(page) < ENTRIES_MOST:
                return iter(entries[::-1])

    def latest(self, key: str) -> list[dict[str, Any]]:
        """The newest entries about a ticket, oldest first."""
        said = self._service.get(f"{path_of(key)}/audit", limit=MOST)
        return _objects(_object(said).get("entries"))[::-1]

    def new(self, **fields: Any) -> dict[str, Any]:
        given = {name: value for name, value in fields.items() if value is not None}
        return _object(self._service.post("/api/tickets", given))

    def run(self, key: str) -> dict[str, Any]:
        return self._post(key, "run", {})

    def cancel(self, key: str, reason: str) -> dict[str, Any]:
        return self._post(key, "cancel", {"reason": reason})

    def resume(self, key: str, turns: int) -> dict[str, Any]:
        return self._post(key, "resume", {"additionalTurns": turns} if turns else {})

    def answer(self, key: str, text: str, *, question: str) -> dict[str, Any]:
        """`question`: the id of the one that was read; another one is not answered."""
        return self._post(key, "answer", {"answer": text, "questionId": question})

    def give_values(
        self, key: str, secret: dict[str, Any], values: dict[str, str]
    ) -> dict[str, Any]:
        """Values of a Secret that a question asks for."""
        path = f"{path_of(key)}/secrets/{quote(str(secret.get('name')), safe='')}"
        body = {"namespace": secret.get("namespace"), "values": values}
        return {"id": key} | _object(self._service.put(path, body))

    def asked(self, key: str) -> Asked:
        """What waits for a decision. Raises `Failure` when nothing does."""
        ticket = self.get(key)
        if (asked := asked_of(ticket)) is None:
            status = clean(ticket.get("status"))
            raise Failure(f"nothing waits for a decision: the ticket is {status}")
        return asked

    def approve(self, asked: Asked, reason: str) -> dict[str, Any]:
        key = str(asked.ticket.get("id"))
        if asked.is_plan:
            return self._post(key, "approve-plan", asked.bound)
        return self._post(key, "approve", {"approved": True, "reason": reason, **asked.bound})

    def deny(self, asked: Asked, reason: str) -> dict[str, Any]:
        key = str(asked.ticket.get("id"))
        if asked.is_plan:
            return self._post(key, "reject-plan", {"feedback": reason, **asked.bound})
        return self._post(key, "approve", {"approved": False, "reason": reason, **asked.bound})

    def _post(self, key: str, verb: str, body: dict[str, Any]) -> dict[str, Any]:
        return _object(self._service.post(f"{path_of(key)}/{verb}", body))


def path_of(key: str) -> str:
    """The path of a ticket; an id cannot lead elsewhere."""
    return f"/api/tickets/{quote(key, safe='')}"


def _place(urgent: list[str], ticket: dict[str, Any]) -> int:
    status = str(ticket.get("status"))
    return urgent.index(status) if status in urgent else len(urgent)


def _object(said: Any) -> dict[str, Any]:
    if not isinstance(said, dict):
        raise Failure("the server answers, but not as the API does: an object was expected")
    return said


def _objects(said: Any) -> list[dict[str, Any]]:
    if not isinstance(said, list) or not all(isinstance(item, dict) for item in said):
        raise Failure("the server answers, but not as the API does: a list was expected")
    return said
