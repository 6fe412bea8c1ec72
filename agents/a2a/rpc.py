"""JSON-RPC 2.0 as A2A uses it. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

from agents.a2a.errors import (
    ContentTypeNotSupported,
    InvalidParams,
    InvalidRequest,
    ParseError,
    RpcError,
    VersionNotSupported,
    told,
)
from agents.external.protocol import Protocol
from governance.audit.canonical import storable

FREE = frozenset({"metadata", "data"})  # whose content is the sender's own
_SNAKE = re.compile(r"_([a-z])")
_VERSION = re.compile(r"(\d+\.\d+)(\.\d+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request. `id` is whatever its sender chose: a string, a number or nothing."""

    id: Any
    method: str
    params: Mapping[str, Any]
    protocol: Protocol


def protocol_of(version: str) -> Protocol:
    """Who says nothing speaks 0.3. Raises `VersionNotSupported`."""
    said = _VERSION.fullmatch(version.strip() or Protocol.OLD)
    try:
        return Protocol(said[1] if said else "")
    except ValueError:
        spoken = " and ".join(Protocol)
        raise VersionNotSupported(f"This agent speaks A2A {spoken}") from None


def parsed(body: bytes, content_type: str) -> dict[str, Any]:
    """The JSON object of a request. Raises `RpcError`."""
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise ContentTypeNotSupported("Send the request as application/json")
    try:
        # NaN and infinities are no JSON, and neither the database nor other clients take them.
        request = storable(json.loads(body, parse_constant=_refuse, parse_float=_finite))
    except (ValueError, RecursionError):
        raise ParseError("The body is not valid JSON") from None
    if not isinstance(request, dict):
        raise InvalidRequest("The body must be one JSON-RPC request object; batches are not served")
    return request


def call_of(request: Mapping[str, Any], protocol: Protocol) -> Call:
    """The call that a request is. Raises `InvalidRequest` or `InvalidParams`."""
    if request.get("jsonrpc") != "2.0":
        raise InvalidRequest('"jsonrpc" must be "2.0"')
    if id_of(request) is None and request.get("id") is not None:
        raise InvalidRequest('"id" must be a string, a number or null')
    method, params = request.get("method"), request.get("params")
    if not isinstance(method, str) or not method:
        raise InvalidRequest('"method" must name a method')
    if not isinstance(params, Mapping | None):
        raise InvalidParams('"params" must be an object')
    named = _json_names(params or {}) if protocol is Protocol.NEW else params or {}
    return Call(id=id_of(request), method=method, params=named, protocol=protocol)


def id_of(request: Mapping[str, Any]) -> Any:
    """What the answer carries as its id."""
    given = request.get("id")
    valid = isinstance(given, str | int | float) and not isinstance(given, bool)
    return given if valid else None


def result(call_id: Any, content: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": call_id, "result": content}


def failure(call_id: Any, error: RpcError, protocol: Protocol) -> dict[str, Any]:
    content = told(error, modern=protocol is Protocol.NEW)
    return {"jsonrpc": "2.0", "id": call_id, "error": content}


def _json_names(value: Any) -> Any:
    """Protocol 1.0 is ProtoJSON: a field may come by the name it has in the proto file too."""
    if isinstance(value, list):
        return [_json_names(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        _SNAKE.sub(lambda match: match[1].upper(), name): item
        if name in FREE
        else _json_names(item)
        for name, item in value.items()
    }


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def _finite(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        raise ValueError(text)
    return number
