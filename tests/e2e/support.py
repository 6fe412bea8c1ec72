"""A person at the desk: the documented API by HTTP, its streams, and the console's forms."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from tests.fakes import bare_repository
from tests.serving.instance import ROOT, Instance

SEED = ROOT / "demo" / "gitops"
PATIENCE_S = 60.0


def demo_repository(directory: Path) -> Path:
    """A bare repository with the demo's tree."""
    files = {str(p.relative_to(SEED)): p.read_text() for p in SEED.rglob("*") if p.is_file()}
    return bare_repository(directory, files)


def found(pattern: str, text: str) -> str:
    """The first group of the first match."""
    match = re.search(pattern, text)
    assert match, f"no {pattern} in {text[:2000]}"
    return match[1]


class Person:
    """Somebody with curl and a browser."""

    def __init__(self, instance: Instance) -> None:
        self.site = instance.url()
        token = (instance.data / "first-token.txt").read_text().strip()
        self.headers = {"Authorization": f"Bearer {token}"}
        self.http = httpx.Client(
            base_url=self.site, timeout=60, trust_env=False, headers=self.headers
        )
        # A browser has cookies; curl has none.
        self.browser = httpx.Client(base_url=self.site, timeout=60, trust_env=False)
        self.login_note = instance.data / "first-login.txt"

    def post(self, path: str, body: Any = None) -> httpx.Response:
        return self.http.post(f"/api{path}", json=body) if body else self.http.post(f"/api{path}")

    def get(self, path: str) -> Any:
        return self.http.get(f"/api{path}").json()

    def open(self, title: str, description: str) -> str:
        """A ticket with a running agent; its id."""
        answer = self.post("/tickets", {"title": title, "description": description})
        assert answer.status_code == 201, answer.text
        ticket_id: str = answer.json()["id"]
        started = self.post(f"/tickets/{ticket_id}/run")
        assert started.status_code == 202, started.text
        return ticket_id

    def wait(self, ticket_id: str, *statuses: str) -> dict[str, Any]:
        """The ticket, once it has one of these statuses."""
        ticket: dict[str, Any] = {}

        def there() -> bool:
            ticket.update(self.get(f"/tickets/{ticket_id}"))
            return ticket["status"] in statuses

        self.until(there, what=f"status {statuses}")
        return ticket

    def until(self, check: Callable[[], Any], *, what: str) -> Any:
        deadline = time.monotonic() + PATIENCE_S
        while not (found := check()):
            assert time.monotonic() < deadline, f"no {what} in {PATIENCE_S} s"
            time.sleep(0.1)
        return found

    def decide(self, ticket_id: str, verb: str, body: Any = None) -> httpx.Response:
        """Decide in the API as the console's login does: who opened the ticket cannot."""
        if "sessionid" not in self.browser.cookies:
            self.log_in()
        headers = {"X-CSRFToken": self.browser.cookies["csrftoken"], "Referer": self.site}
        path = f"/api/tickets/{ticket_id}/{verb}"
        return self.browser.post(path, json=body or {}, headers=headers)

    def approve_plan(self, ticket_id: str) -> None:
        answer = self.decide(ticket_id, "approve-plan")
        assert answer.status_code == 200, answer.text

    def log_in(self) -> None:
        """Log in to the console with the first login that `up` wrote down."""
        if self.browser.get("/admin/login/").is_redirect:
            return  # another test did
        note = self.login_note.read_text()
        form = {
            "username": found(r"user: (.*)", note),
            "password": found(r"password: (.*)", note),
            "next": "/admin/",
        }
        answer = self.submit("/admin/login/", "/admin/login/", form)
        assert answer.status_code == 302, answer.text

    def submit(self, page: str, action: str, form: dict[str, str]) -> httpx.Response:
        """Post a form as the page would: with its CSRF token, from its own origin."""
        shown = self.browser.get(page).text
        token = found(r'name="csrfmiddlewaretoken" value="([^"]+)"', shown)
        return self.browser.post(
            action, data={**form, "csrfmiddlewaretoken": token}, headers={"Referer": self.site}
        )


class Listener:
    """A client of a stream, reading in the background."""

    def __init__(self, person: Person, path: str, last: str = "") -> None:
        self.frames: list[dict[str, Any]] = []
        self.ids: list[str] = []
        self.told: list[tuple[str, str]] = []  # (ticket, id) of whole frames with an id
        self._headers = person.headers | ({"Last-Event-ID": last} if last else {})
        self._url = f"{person.site}{path}"
        self._opened = threading.Event()
        threading.Thread(target=self._read, daemon=True).start()
        assert self._opened.wait(PATIENCE_S), "the stream did not open"

    def _read(self) -> None:
        with (
            httpx.Client(timeout=120, trust_env=False) as http,
            http.stream("GET", self._url, headers=self._headers) as answer,
        ):
            frame_id, frame = "", {}
            for line in answer.iter_lines():
                name, _, value = line.partition(": ")
                if name == "id":
                    self.ids.append(value)
                    frame_id = value
                elif name == "data":
                    frame = json.loads(value)
                    self.frames.append(frame)
                    self._opened.set()
                elif not line and frame_id:
                    self.told.append((frame.get("ticketId", ""), frame_id))
                    frame_id = ""

    def types(self) -> list[str]:
        return [frame["type"] for frame in self.frames]

    def ids_of(self, ticket_id: str) -> list[str]:
        """Ids of one ticket's frames: the last words of another may still come."""
        return [frame_id for ticket, frame_id in self.told if ticket == ticket_id]
