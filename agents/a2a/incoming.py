"""A message as clients write it: protocol 1.0, protocol 0.3, and the document's own curl.

What is kept has the shape of protocol 1.0, whichever it came in. Pure.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agents.a2a.errors import ContentTypeNotSupported, InvalidParams
from agents.external.protocol import Protocol
from aura.kernel.telemetry.context import pinned_id

ID_CHARS = 128  # of ids that clients choose
MOST_PARTS = 100
TEXT_CHARS = 100_000
PURPOSE_CHARS = 200
USERS = {Protocol.NEW: "ROLE_USER", Protocol.OLD: "user"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A message. `tool` is set where it calls a skill by name; else `question` is what it asks."""

    message: Mapping[str, Any]
    question: str
    tool: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    context_id: str = ""
    task_id: str = ""
    trace_id: str = ""
    purpose: str = ""
    purpose_note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """How the sender wants to be answered. `history`: at most so many messages; None: all."""

    at_once: bool = False
    history: int | None = None
    push: Mapping[str, Any] | None = None


def said(params: Mapping[str, Any], protocol: Protocol) -> Said:
    """The message of a request. Raises `InvalidParams` or `ContentTypeNotSupported`."""
    message = params.get("message")
    if not isinstance(message, Mapping):
        raise InvalidParams('"message" is missing: an object with role, messageId and parts')
    if message.get("role") != USERS[protocol]:
        raise InvalidParams(f'"message.role" must be "{USERS[protocol]}"')
    given = message.get("parts")
    if not isinstance(given, list) or not given or len(given) > MOST_PARTS:
        raise InvalidParams(f'"message.parts" must be a list of 1 to {MOST_PARTS} parts')
    parts = [_part(part, protocol) for part in given]
    kept: dict[str, Any] = {
        "messageId": _message_id(message, given, protocol),
        "role": "ROLE_USER",
        "parts": parts,
    }
    metadata = _metadata(params, message)
    if metadata:
        kept["metadata"] = metadata
    tool, arguments = _skill(parts)
    return Said(
        message=kept,
        question=_text(parts),
        tool=tool,
        arguments=arguments,
        context_id=text_of(message, "contextId"),
        task_id=text_of(message, "taskId"),
        trace_id=pinned_id(str(metadata.get("trace_id", ""))),
        purpose=str(metadata.get("purpose", ""))[:PURPOSE_CHARS],
        purpose_note=str(metadata.get("purpose_note", ""))[:TEXT_CHARS],
    )


def wishes(params: Mapping[str, Any], protocol: Protocol) -> Wishes:
    """The configuration of a request. Raises `InvalidParams`."""
    given = params.get("configuration") or {}
    if not isinstance(given, Mapping):
        raise InvalidParams('"configuration" must be an object')
    new = protocol is Protocol.NEW
    push = given.get("taskPushNotificationConfig" if new else "pushNotificationConfig")
    if not isinstance(push, Mapping | None):
        raise InvalidParams("The push notification configuration must be an object")
    at_once = given.get("returnImmediately") is True if new else given.get("blocking") is False
    return Wishes(at_once=at_once, history=number_of(given, "historyLength"), push=push)


def text_of(source: Mapping[str, Any], name: str, *, needed: bool = False) -> str:
    """An id that the client chose or was given. Raises `InvalidParams`."""
    given = source.get(name)
    if given in (None, "") and not needed:
        return ""
    if not isinstance(given, str) or not given or len(given) > ID_CHARS:
        raise InvalidParams(f'"{name}" must be a text of 1 to {ID_CHARS} characters')
    return given


def number_of(source: Mapping[str, Any], name: str, *, most: int | None = None) -> int | None:
    """A whole number from 0 on, None where none is given. Raises `InvalidParams`."""
    given = source.get(name)
    if given is None:
        return None
    if not isinstance(given, int) or isinstance(given, bool) or given < 0:
        raise InvalidParams(f'"{name}" must be a whole number from 0 on')
    if most is not None and not 1 <= given <= most:
        raise InvalidParams(f'"{name}" must be from 1 to {most}')
    return given


def _message_id(message: Mapping[str, Any], given: Sequence[Any], protocol: Protocol) -> str:
    """The document's dialect, whose parts have a `type`, goes without one."""
    documents = protocol is Protocol.OLD and all("type" in part for part in given)
    found = text_of(message, "messageId", needed=not documents)
    return found or str(uuid.uuid4())


def _metadata(params: Mapping[str, Any], message: Mapping[str, Any]) -> dict[str, Any]:
    both = [source.get("metadata") or {} for source in (params, message)]
    if not all(isinstance(one, Mapping) for one in both):
        raise InvalidParams('"metadata" must be an object')
    return {**both[0], **both[1]}


def _part(part: Any, protocol: Protocol) -> dict[str, Any]:
    if not isinstance(part, Mapping):
        raise InvalidParams("Each part must be an object")
    if protocol is Protocol.NEW:
        kind = next((kind for kind in ("text", "data", "raw", "url") if kind in part), "")
    else:
        kind = part.get("kind", part.get("type", ""))
    match kind:
        case "text" if isinstance(part.get("text"), str):
            return {"text": part["text"]}
        case "data" if "data" in part:
            return {"data": part["data"]}
        case "file" | "raw" | "url":
            raise ContentTypeNotSupported("This agent reads text and data (JSON), no files")
    raise InvalidParams('Each part must be {"kind": "text", "text": "…"} or of the kind data')


def _skill(parts: Sequence[Mapping[str, Any]]) -> tuple[str, Mapping[str, Any]]:
    """`{"skill": id, "arguments": {…}}` as a message's one data part calls that skill directly."""
    found = [part["data"] for part in parts if _names_skill(part.get("data"))]
    if not found:
        return "", {}
    arguments = found[0].get("arguments", {})
    if len(found) > 1 or not isinstance(arguments, Mapping):
        raise InvalidParams('A message calls one skill: {"skill": id, "arguments": {…}}')
    return found[0]["skill"], arguments


def _names_skill(data: Any) -> bool:
    return isinstance(data, Mapping) and isinstance(data.get("skill"), str)


def _text(parts: Sequence[Mapping[str, Any]]) -> str:
    pieces = [
        part["text"] if "text" in part else json.dumps(part["data"], ensure_ascii=False)
        for part in parts
        if not _names_skill(part.get("data"))
    ]
    text = "\n".join(pieces)
    if len(text) > TEXT_CHARS:
        raise InvalidParams(f"A message may have {TEXT_CHARS} characters")
    return text
