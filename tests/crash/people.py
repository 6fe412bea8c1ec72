"""People who open tickets, answer and approve over HTTP, and do not give up when nobody answers."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import httpx

POLL_S = 0.25
ENDED = ("resolved", "failed", "cancelled", "paused")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A ticket somebody wants. `path` is the file that tells whether it was carried out."""

    title: str
    description: str
    path: str
    removes: bool = False
    answer: str = ""


def deploy(name: str) -> Wish:
    image = f"registry.example.com/shop/{name}:1.0.0"
    words = f"Deploy {name} with image {image} in namespace web with 1 replica on port 80."
    return Wish(title=f"Deploy {name}", description=words, path=f"apps/{name}/deployment.yaml")


def deploy_and_be_asked(name: str) -> Wish:
    """The image is missing, so the agent asks for it."""
    words = f"Deploy our {name} service in namespace web."
    image = f"registry.example.com/shop/{name}:2.0.0"
    path = f"apps/{name}/deployment.yaml"
    return Wish(title=f"Deploy {name}", description=words, path=path, answer=image)


def remove(name: str) -> Wish:
    """Every file that goes needs an approval of its own."""
    return Wish(
        title=f"Remove {name}",
        description=f"Remove {name}.",
        path=f"apps/{name}/deployment.yaml",
        removes=True,
    )


@dataclass(slots=True)
class Person:
    """One person with one ticket, in a thread of their own."""

    site: str
    wish: Wish
    ticket_id: str = ""
    status: str = ""
    ticket: dict[str, Any] = field(default_factory=dict)
    acknowledged: list[tuple[str, str]] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    slowest_s: float = 0.0

    def start(self) -> None:
        threading.Thread(target=self._live, name=self.wish.title, daemon=True).start()

    @property
    def over(self) -> bool:
        return self.status in ENDED or self.status.startswith("asked")

    def _live(self) -> None:
        with httpx.Client(base_url=self.site, timeout=30, trust_env=False) as http:
            while not self.over:
                with suppress(httpx.HTTPError):  # nobody there: look again what became of it
                    self._step(http)
                time.sleep(POLL_S)

    def _step(self, http: httpx.Client) -> None:
        if not self.ticket_id:
            wanted = {"title": self.wish.title, "description": self.wish.description}
            made = self._send(http, "", wanted)
            self.ticket_id = made["id"] if made else ""
            return
        answer = self._timed(http, "GET", f"/api/tickets/{self.ticket_id}")
        if answer.status_code != httpx.codes.OK:
            return
        self.ticket = answer.json()
        self.status = self.ticket["status"]
        self._react(http, self.ticket)

    def _react(self, http: httpx.Client, ticket: Mapping[str, Any]) -> None:
        match ticket["status"]:
            case "draft":
                self._send(http, "/run")
            case "pending_plan_approval":
                self._send(http, "/approve-plan")
            case "pending_approval":
                asked = ticket["pendingApproval"]
                self._send(http, "/approve", {"approved": True, "approvalId": asked["id"]})
            case "pending_input" if self.wish.answer:
                self._send(http, "/answer", {"answer": self.wish.answer})
            case "pending_input":
                self.status = f"asked: {ticket['pendingQuestion']['question']}"

    def _send(self, http: httpx.Client, verb: str, body: Any = None) -> Any:
        """The answer's JSON when the request was acknowledged; what it was is kept."""
        path = f"/api/tickets/{self.ticket_id}{verb}" if self.ticket_id else "/api/tickets"
        answer = self._timed(http, "POST", path, body)
        if not answer.is_success:
            self.refusals.append(f"{verb or 'create'}: {answer.status_code} {answer.text[:200]}")
            return None
        said = answer.json()
        self.acknowledged.append((verb, (body or {}).get("approvalId", "")))
        return said

    def _timed(self, http: httpx.Client, method: str, path: str, body: Any = None) -> Any:
        began = time.monotonic()
        try:
            return http.request(method, path, json=body)
        finally:
            self.slowest_s = max(self.slowest_s, time.monotonic() - began)
