"""The client: agents elsewhere, named by the operator (HELPDESK_AGENT_URLS).

A card says where to send messages. It may choose the path, and never another host: the place that
the operator named is the one that is asked. For threads of workers, or of a view that may wait.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

import httpx

from agents.external.protocol import Protocol
from aura.config import VERSION, Settings
from aura.kernel.routes import A2A_CARDS
from aura.kernel.secrets import remember

CARD_TIMEOUT_S: Final = 5.0
POLL_S: Final = 1.0
ANSWER_BYTES: Final = 4 * 1024 * 1024
UNSETTLED: Final = {"submitted", "working"}

Json = dict[str, Any]


class RemoteFailure(Exception):
    """The agent elsewhere was not reached, or did not speak A2A; the text says which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteAgent:
    """An agent as its card shows it. `url`: where it takes messages, in `protocol`."""

    name: str
    description: str
    version: str
    skills: tuple[Mapping[str, Any], ...]
    url: str
    protocol: Protocol
    api_key: str = ""

    @classmethod
    def discover(cls, place: str, *, api_key: str = "") -> RemoteAgent:
        """Read the card at a URL of a card, or below one of an agent. Raises `RemoteFailure`."""
        remember(api_key)
        failure = RemoteFailure(f"{place}: no card was found")
        for url in _card_urls(place):
            try:
                return cls._of(_asked("GET", url, timeout_s=CARD_TIMEOUT_S), place, api_key)
            except RemoteFailure as error:
                failure = error
        raise failure

    @classmethod
    def _of(cls, card: Json, place: str, api_key: str) -> RemoteAgent:
        interface = _interface(card)
        if interface is None or not isinstance(card.get("name"), str):
            raise RemoteFailure(f"{place}: its card offers no JSON-RPC in A2A {_spoken()}")
        url, protocol = interface
        return cls(
            name=card["name"],
            description=str(card.get("description", "")),
            version=str(card.get("version", "")),
            skills=tuple(one for one in card.get("skills") or () if isinstance(one, dict)),
            url=_at(place, url),
            protocol=protocol,
            api_key=api_key,
        )

    def ask(
        self, text: str, *, trace_id: str = "", context_id: str = "", timeout_s: float = 60.0
    ) -> Json:
        """Send a message, and give back the envelope of what came of it: agent, task_id, state,
        text, artifacts. Waits while the task is worked on. Raises `RemoteFailure`.
        """
        deadline = time.monotonic() + timeout_s
        answer = self._call("send", self._message(text, trace_id, context_id), deadline)
        found: Json = answer.get("task") or answer.get("message") or answer
        while _state(found) in UNSETTLED and time.monotonic() + POLL_S < deadline:
            time.sleep(POLL_S)
            found = self._call("get", {"id": found["id"]}, deadline)
        return _envelope(self.name, found)

    def _message(self, text: str, trace_id: str, context_id: str) -> Json:
        new = self.protocol is Protocol.NEW
        message: Json = {
            "messageId": str(uuid.uuid4()),
            "role": "ROLE_USER" if new else "user",
            "parts": [{"text": text} if new else {"kind": "text", "text": text}],
        }
        if not new:
            message["kind"] = "message"
        if context_id:
            message["contextId"] = context_id
        if trace_id:
            message["metadata"] = {"trace_id": trace_id}
        return {"message": message}

    def _call(self, verb: str, params: Json, deadline: float) -> Json:
        names = {
            Protocol.NEW: {"send": "SendMessage", "get": "GetTask"},
            Protocol.OLD: {"send": "message/send", "get": "tasks/get"},
        }
        headers: dict[str, str] = {"A2A-Version": self.protocol}
        if self.api_key:
            headers["Authorization"] = f"Bearer {self.api_key}"
        if trace := params.get("message", {}).get("metadata", {}).get("trace_id"):
            headers["X-Trace-ID"] = trace
        method = names[self.protocol][verb]
        request = {"jsonrpc": "2.0", "id": str(uuid.uuid4()), "method": method, "params": params}
        left_s = max(0.1, deadline - time.monotonic())
        answer = _asked("POST", self.url, timeout_s=left_s, body=request, headers=headers)
        if isinstance(error := answer.get("error"), dict):
            raise RemoteFailure(f"{self.name}: {error.get('message', 'an error without words')}")
        if not isinstance(result := answer.get("result"), dict):
            raise RemoteFailure(f"{self.name}: its answer is no result")
        return result


def remote_agents(settings: Settings) -> Iterator[RemoteAgent | RemoteFailure]:
    """Each agent that HELPDESK_AGENT_URLS names, or why its card cannot be read."""
    for place in settings.agent_urls:
        try:
            yield RemoteAgent.discover(place, api_key=settings.agent_api_key)
        except RemoteFailure as failure:
            yield failure


def _card_urls(place: str) -> list[str]:
    if place.endswith(".json"):
        return [place]
    return [place.rstrip("/") + path for path in reversed(A2A_CARDS)]


def _interface(card: Json) -> tuple[str, Protocol] | None:
    """(URL, version) of the newest JSON-RPC that both speak."""
    offered = [
        (one.get("url"), str(one.get("protocolVersion", "")))
        for one in card.get("supportedInterfaces") or ()
        if isinstance(one, dict) and one.get("protocolBinding") == "JSONRPC"
    ]
    if card.get("preferredTransport", "JSONRPC") == "JSONRPC" and "url" in card:
        offered.append((card["url"], str(card.get("protocolVersion") or Protocol.OLD)))
    for protocol in (Protocol.NEW, Protocol.OLD):
        for url, version in offered:
            if isinstance(url, str) and version.startswith(protocol):
                return url, protocol
    return None


def _at(place: str, url: str) -> str:
    """The path that the card names, at the host that the operator named."""
    here, there = urlsplit(place), urlsplit(url)
    return urlunsplit((here.scheme, here.netloc, there.path or "/", there.query, ""))


def _asked(
    method: str,
    url: str,
    *,
    timeout_s: float,
    body: Json | None = None,
    headers: Mapping[str, str] | None = None,
) -> Json:
    deadline = time.monotonic() + timeout_s
    sent = {"Accept": "application/json", "User-Agent": f"Aura/{VERSION}", **(headers or {})}
    try:
        with (
            httpx.Client(timeout=timeout_s, trust_env=False) as client,
            client.stream(method, url, json=body, headers=sent) as response,
        ):
            content = b""
            for piece in response.iter_bytes():
                content += piece
                if len(content) > ANSWER_BYTES:
                    raise RemoteFailure(f"{url}: the answer is longer than {ANSWER_BYTES} bytes")
                if time.monotonic() > deadline:
                    raise RemoteFailure(f"{url}: no whole answer within {timeout_s:g} s")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise RemoteFailure(f"{url}: {type(error).__name__}: {error}") from None
    try:
        answer = json.loads(content)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise RemoteFailure(f"{url}: HTTP {response.status_code} without a JSON object")
    if response.is_error and not isinstance(answer.get("error"), dict):
        raise RemoteFailure(
            f"{url}: HTTP {response.status_code} {answer.get('error', '')}".rstrip()
        )
    return answer


def _state(task: Json) -> str:
    status = task.get("status")
    state = status.get("state") if isinstance(status, dict) else "completed"
    return str(state).removeprefix("TASK_STATE_").lower().replace("_", "-")


def _envelope(agent: str, found: Json) -> Json:
    """The five keys of the gateway. An answer without a task is one that is complete."""
    given = found.get("status")
    status: Json = given if isinstance(given, dict) else {}
    artifacts = [one for one in found.get("artifacts") or () if isinstance(one, dict)]
    said = _text(status.get("message") or {}) or _text(found)
    answers = [text for text in map(_text, artifacts) if text]
    return {
        "agent": agent,
        "task_id": str(found.get("id", "")),
        "state": _state(found),
        "text": said or (answers[0] if answers else ""),
        "artifacts": [
            {
                "id": str(one.get("artifactId", "")),
                "name": str(one.get("name", "")),
                "parts": _text(one) or json.dumps(one.get("parts", []), ensure_ascii=False),
            }
            for one in artifacts
        ],
    }


def _text(holder: Mapping[str, Any]) -> str:
    parts = holder.get("parts")
    texts = [one.get("text") for one in parts or () if isinstance(one, dict)]
    return "\n".join(text for text in texts if isinstance(text, str))


def _spoken() -> str:
    return " or ".join(Protocol)
