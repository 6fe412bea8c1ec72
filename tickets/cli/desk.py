"""Tickets at the API: the endpoints, and what waits for a person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from governance.cli.frame import Failure
from governance.cli.service import Service

# What waits for a person, the most urgent first.
WAITING = {
    "pending_approval": "an action waits for a decision",
    "pending_plan_approval": "the plan waits for a decision",
    "pending_input": "a question waits for an answer",
    "paused": "paused",
    "failed": "failed",
}
MOST = 200  # tickets that the API lists at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a ticket waits for a decision on, as it was read: a decision is bound to it."""

    ticket: str
    is_plan: bool
    body: dict[str, Any]

    @property
    def bound(self) -> dict[str, str]:
        """Names exactly what was read; something else put meanwhile is not decided."""
        return {
            "approvalId": str(self.body.get("id", "")),
            "fingerprint": str(self.body.get("fingerprint", "")),
        }


class Desk:
    """The endpoints under /api/tickets."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def inbox(self) -> tuple[list[dict[str, Any]], int]:
        """(tickets that wait for a person, how many there are), at most `MOST`."""
        said = _object(self._service.get("/api/tickets", status=",".join(WAITING), limit=MOST))
        found = said.get("tickets")
        if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
            raise Failure("the server answers, but not as the API does: a list was expected")
        urgent = list(WAITING)
        found.sort(key=lambda one: (_place(urgent, one), str(one.get("updatedAt"))))
        return found, int(said.get("total", len(found)))

    def get(self, key: str) -> dict[str, Any]:
        return _object(self._service.get(path_of(key)))

    def new(self, **fields: Any) -> dict[str, Any]:
        given = {name: value for name, value in fields.items() if value is not None}
        return _object(self._service.post("/api/tickets", given))

    def run(self, key: str) -> dict[str, Any]:
        return self._post(key, "run", {})

    def answer(self, key: str, text: str) -> dict[str, Any]:
        return self._post(key, "answer", {"answer": text})

    def asked(self, key: str) -> Asked:
        """What waits for a decision. Raises `Failure` when nothing does."""
        ticket = self.get(key)
        for name, is_plan in (("pendingPlanApproval", True), ("pendingApproval", False)):
            if isinstance(body := ticket.get(name), dict):
                shown = {**body, "plan": ticket.get("plan")} if is_plan else body
                return Asked(ticket=key, is_plan=is_plan, body=shown)
        raise Failure(f"nothing waits for a decision: the ticket is {ticket.get('status')}")

    def approve(self, asked: Asked, reason: str) -> dict[str, Any]:
        if asked.is_plan:
            return self._post(asked.ticket, "approve-plan", asked.bound)
        return self._post(
            asked.ticket, "approve", {"approved": True, "reason": reason, **asked.bound}
        )

    def deny(self, asked: Asked, reason: str) -> dict[str, Any]:
        if asked.is_plan:
            return self._post(asked.ticket, "reject-plan", {"feedback": reason, **asked.bound})
        return self._post(
            asked.ticket, "approve", {"approved": False, "reason": reason, **asked.bound}
        )

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
