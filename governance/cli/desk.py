"""Requests for approval at auditd: the endpoints, and a request in words."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from governance.cli import show
from governance.cli.frame import Failure
from governance.cli.service import Service

ICONS = {
    "pending": "…",
    "approved": "✓",
    "denied": "✗",
    "expired": "⌛",
    "cancelled": "-",
    "revoked": "-",
}
MARGIN_S = 15.0  # that an answer may come later than it was asked for
PENDING_MOST = 1000


class Desk:
    """The endpoints under /v1/approvals, as somebody called `name`."""

    def __init__(self, service: Service, *, name: str) -> None:
        self._service, self._name = service, name

    def listed(self, **asked: Any) -> list[dict[str, Any]]:
        return _objects(self._service.get("/v1/approvals", **asked))

    def pending(self) -> list[dict[str, Any]]:
        return _objects(self._service.get("/v1/approvals/pending", limit=PENDING_MOST))

    def get(self, key: str) -> dict[str, Any]:
        return _object(self._service.get(_path(key)))

    def wait(self, key: str, seconds: int) -> dict[str, Any]:
        """As it is once it is decided, or after so many seconds."""
        path = f"{_path(key)}/wait"
        answer = self._service.get(path, timeout=f"{seconds}s", timeout_s=seconds + MARGIN_S)
        return _object(answer)

    def approve(
        self, key: str, reason: str, *, valid_for: int | None = None, seen: str = ""
    ) -> dict[str, Any]:
        """`valid_for` minutes it may be repeated; `seen`: the fingerprint of what was read."""
        body: dict[str, Any] = {"approved_by": self._name, "reason": reason, "fingerprint": seen}
        if valid_for is not None:
            body["valid_for_minutes"] = valid_for
        return self._decide(key, "approve", body)

    def deny(self, key: str, reason: str, *, seen: str = "") -> dict[str, Any]:
        body = {"denied_by": self._name, "reason": reason, "fingerprint": seen}
        return self._decide(key, "deny", body)

    def cancel(self, key: str, reason: str) -> dict[str, Any]:
        return self._decide(key, "cancel", {"cancelled_by": self._name, "reason": reason})

    def _decide(self, key: str, verb: str, body: dict[str, Any]) -> dict[str, Any]:
        return {"approval_id": key} | _object(self._service.post(f"{_path(key)}/{verb}", body))


def headline(approval: dict[str, Any]) -> str:
    """A request in one line."""
    what = f"{approval.get('action_class', '')} {approval.get('tool_name') or 'something'}"
    where = f" on {resource(approval)}" if resource(approval) else ""
    by = approval.get("agent_name") or approval.get("requested_by") or "somebody"
    key = approval.get("approval_id")
    return show.clean(f"{key}  {status(approval)}  {what}{where} for {by}")


def summary(approval: dict[str, Any]) -> str:
    """What is asked for in the words of whoever asks; empty where there are none."""
    context = approval.get("request_context")
    said = context if isinstance(context, dict) else {}
    return str(said.get("summary") or said.get("description") or "")


def status(approval: dict[str, Any]) -> str:
    status = str(approval.get("status", "?"))
    return f"{ICONS.get(status, '?')} {status}"


def resource(approval: dict[str, Any]) -> str:
    parts = (approval.get("resource_type"), approval.get("resource_name"))
    return ":".join(str(part) for part in parts if part)


def _path(key: str) -> str:
    return f"/v1/approvals/{quote(key, safe='')}"


def _object(said: Any) -> dict[str, Any]:
    if not isinstance(said, dict):
        raise Failure("the server answers, but not as auditd does: an object was expected")
    return said


def _objects(said: Any) -> list[dict[str, Any]]:
    if not isinstance(said, list) or not all(isinstance(item, dict) for item in said):
        raise Failure("the server answers, but not as auditd does: a list was expected")
    return said
