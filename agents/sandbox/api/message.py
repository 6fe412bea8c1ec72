"""A request as the handlers see it, and the answers they give."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import orjson
import yaml

from agents.sandbox import errors
from agents.sandbox.objects import Object
from agents.sandbox.options import User

JSON = "application/json"
YAML = "application/yaml"
ANONYMOUS = User(name="system:anonymous", groups=("system:unauthenticated",))
_READABLE = (
    JSON,
    YAML,
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    "application/apply-patch+yaml",
    "application/x-www-form-urlencoded",  # what curl says when it is not told
)
_TRUE = ("true", "1", "t", "True", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]  # names in lower case
    body: bytes
    user: User = ANONYMOUS

    def one(self, name: str, default: str = "") -> str:
        values = self.query.get(name)
        return values[0] if values else default

    def flag(self, name: str) -> bool:
        return name in self.query and self.one(name) in _TRUE

    def number(self, name: str) -> int | None:
        """A whole number; 400 for anything else."""
        text = self.one(name)
        if not text:
            return None
        try:
            return int(text)
        except ValueError:
            said = f'strconv.ParseInt: parsing "{text}": invalid syntax'
            raise errors.bad_request(f"unable to parse {name}: {said}") from None

    @property
    def media_type(self) -> str:
        return self.headers.get("content-type", JSON).partition(";")[0].strip().lower()

    def decoded(self) -> Any:
        """The body as JSON or YAML; None when there is none, 400 when it cannot be read."""
        if not self.body:
            return None
        if self.media_type not in _READABLE:
            raise errors.unsupported_media_type(_READABLE[:2])
        try:
            if self.media_type in (YAML, "application/apply-patch+yaml"):
                return yaml.load(self.body, Loader=yaml.CSafeLoader)
            return orjson.loads(self.body)
        except (orjson.JSONDecodeError, yaml.YAMLError) as error:
            raise errors.bad_request(f"error decoding body: {error}") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    code: int = 200
    body: bytes = b""
    media_type: str = JSON
    headers: tuple[tuple[str, str], ...] = ()
    stream: AsyncIterator[bytes] | None = field(default=None, compare=False)


def encoded(value: Any) -> bytes:
    return orjson.dumps(value)


def as_json(value: Any, code: int = 200, headers: tuple[tuple[str, str], ...] = ()) -> Response:
    return Response(code=code, body=encoded(value), headers=headers)


def as_text(text: str, code: int = 200) -> Response:
    return Response(code=code, body=text.encode(), media_type="text/plain")


def failure(error: errors.ApiError) -> Response:
    return as_json(error.status(), error.code)


def success(details: Object | None = None) -> Object:
    body: Object = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}
    return body | ({"details": details} if details else {})


def parsed_query(raw: bytes) -> dict[str, list[str]]:
    return parse_qs(raw.decode("latin-1"), keep_blank_values=True)
