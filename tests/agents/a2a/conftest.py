"""An agent over real HTTP, with a worker behind it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.agents import standin
from tests.agents.served import Served, served, worked


class Client:
    """Speaks JSON-RPC to the first agent. `version`: none for what protocol 0.3 did."""

    def __init__(self, ours: Served) -> None:
        self.ours = ours
        self.url = ours.agent()

    def post(
        self, content: Any, *, version: str = "", path: str = "/", **headers: str
    ) -> httpx.Response:
        sent = {"Content-Type": "application/json", **headers}
        if version:
            sent["A2A-Version"] = version
        body = content if isinstance(content, bytes | str) else json.dumps(content)
        return httpx.post(self.url + path, content=body, headers=sent, timeout=30)

    def call(
        self, method: str, params: Any = None, *, version: str = "", **headers: str
    ) -> dict[str, Any]:
        request = {"jsonrpc": "2.0", "id": 7, "method": method, "params": params or {}}
        answer = self.post(request, version=version, **headers)
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        assert body["id"] == 7
        return body

    def ask(self, text: str = "hello", **more: Any) -> dict[str, Any]:
        """A message of protocol 0.3, and the task that comes of it."""
        configuration = more.pop("configuration", {})
        answer = self.call(
            "message/send", {"message": old(text, **more), "configuration": configuration}
        )
        found: dict[str, Any] = answer["result"]
        return found

    def skill(self, name: str, **arguments: Any) -> dict[str, Any]:
        """Call a skill by its id, without a question."""
        data = {"kind": "data", "data": {"skill": name, "arguments": arguments}}
        found: dict[str, Any] = self.ask(parts=[data])
        return found

    def stream(self, method: str, params: Any, *, version: str = "") -> Iterator[dict[str, Any]]:
        request = {"jsonrpc": "2.0", "id": 7, "method": method, "params": params}
        headers = {"Accept": "text/event-stream"} | ({"A2A-Version": version} if version else {})
        with httpx.stream("POST", self.url, json=request, headers=headers, timeout=30) as answer:
            assert answer.headers["content-type"] == "text/event-stream"
            for line in answer.iter_lines():
                if line.startswith("data: "):
                    yield json.loads(line.removeprefix("data: "))


def old(text: str = "hello", **more: Any) -> dict[str, Any]:
    """A message as protocol 0.3 has it."""
    parts = [{"kind": "text", "text": text}]
    return {"kind": "message", "role": "user", "messageId": "m-1", "parts": parts, **more}


def new(text: str = "hello", **more: Any) -> dict[str, Any]:
    """A message as protocol 1.0 has it."""
    return {"role": "ROLE_USER", "messageId": "m-1", "parts": [{"text": text}], **more}


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    standin.in_place(monkeypatch)
    with worked(monkeypatch), served() as ours:
        yield Client(ours)


@pytest.fixture
def login_required(settings: Any) -> None:
    settings.AURA = settings.AURA.model_copy(update={"auth": "on"})
