"""The demo as a user of the documented API: plain HTTP, and the stream."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import httpx

STREAM_QUIET_S = 60.0  # twice the heartbeat: silence for longer means the stream is dead


def answers(base: str) -> bool:
    """Does the server answer at all?"""
    try:
        return httpx.get(f"{base}/health", timeout=5.0, trust_env=False).is_success
    except httpx.HTTPError:
        return False


class Api:
    """The Aura API at `base`, e.g. http://127.0.0.1:3000/api, and a bearer token for it."""

    def __init__(self, base: str, *, token: str) -> None:
        self.base = base
        headers = {"Authorization": f"Bearer {token}"}
        self._http = httpx.Client(base_url=base, timeout=30.0, trust_env=False, headers=headers)

    def get(self, path: str) -> dict[str, Any]:
        return self._json(self._http.get(path))

    def post(self, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        return self._json(self._http.post(path, json=body) if body else self._http.post(path))

    def ready(self) -> bool:
        """True when a worker has seen the repository."""
        return bool(self.get("/health").get("git") == "available")

    def events(self, ticket_id: str) -> Iterator[dict[str, Any]]:
        """The ticket's stream; after a break it goes on behind the last event it had."""
        last = ""
        while True:
            try:
                for event, frame_id in self._connected(ticket_id, last):
                    last = frame_id or last
                    yield event
            except httpx.HTTPError:
                time.sleep(0.5)

    def _connected(self, ticket_id: str, last: str) -> Iterator[tuple[dict[str, Any], str]]:
        headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": last} if last else {})
        url, frame_id = f"/tickets/{ticket_id}/stream", ""
        with self._http.stream("GET", url, headers=headers, timeout=STREAM_QUIET_S) as answer:
            answer.raise_for_status()
            for line in answer.iter_lines():
                name, _, value = line.partition(": ")
                if name == "id":
                    frame_id = value
                elif name == "data":
                    yield json.loads(value), frame_id
                    frame_id = ""

    def _json(self, answer: httpx.Response) -> dict[str, Any]:
        body: dict[str, Any] = answer.json()
        if answer.is_error:
            problem = body.get("error", {})
            raise RuntimeError(f"{problem.get('code')}: {problem.get('message')}")
        return body
