"""Short words for requests, and documents out of YAML."""

from __future__ import annotations

from datetime import datetime
from textwrap import dedent
from typing import Any

from governance.policy.document import Document
from governance.policy.engine import CompiledPolicy
from governance.policy.loader import load
from governance.policy.types import PolicyRequest
from governance.types import ActionClass, ActorKind, Impact, Principal, Resource

WEDNESDAY = datetime.fromisoformat("2026-03-04T10:00:00-05:00")


def document(text: str) -> Document:
    return load(dedent(text), "test.yaml")


def compiled(text: str, **more: Any) -> CompiledPolicy:
    return CompiledPolicy(document(text), **more)


def ask(  # noqa: PLR0913 - the parts of a request
    action: str,
    type_: str = "database",
    name: str = "orders",
    *,
    tags: str = "",
    user: str = "somebody",
    service: str = "",
    roles: str = "",
    tool: str = "",
    namespace: str = "",
    sensitivity: str = "",
    purpose: str = "",
    impact: Impact | None = None,
    at: datetime | None = WEDNESDAY,
) -> PolicyRequest:
    kind = ActorKind.AGENT if service else ActorKind.USER
    return PolicyRequest(
        principal=Principal(kind=kind, name=service or user, roles=frozenset(roles.split())),
        tool=tool,
        action_class=ActionClass(action),
        resource=Resource(
            type=type_,
            name=name,
            tags=frozenset(tags.split()),
            namespace=namespace,
            sensitivity=frozenset(sensitivity.split()),
        ),
        purpose=purpose,
        impact=impact or Impact(),
        at=at,
    )
