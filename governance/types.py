"""The words governance speaks in: frozen values, no rows, no clock."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class ActionClass(StrEnum):
    """How much harm a call can do. Told by the tool and its arguments, never by the model."""

    READ = "read"
    WRITE = "write"
    DESTRUCTIVE = "destructive"
    UNKNOWN = "unknown"


EFFECT_CLASSES = frozenset({ActionClass.WRITE, ActionClass.DESTRUCTIVE})
# What may not come back, or nobody knows better: shown first, and asked for twice.
RISKY_CLASSES = frozenset({ActionClass.DESTRUCTIVE, ActionClass.UNKNOWN})


class ActorKind(StrEnum):
    """Who acts, as the audit API words it."""

    AGENT = "agent"
    USER = "user"
    SYSTEM = "system"


class Role(StrEnum):
    """What a person or a token may do, from the least to the most; see `governance.access`."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    APPROVER = "approver"
    ADMIN = "admin"

    @property
    def rank(self) -> int:
        return list(Role).index(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Somebody who acts: a person, an agent, or the product itself.

    `roles` are those of a person whose credential was seen; a name that is only claimed has none.
    """

    kind: ActorKind
    name: str
    roles: frozenset[str] = frozenset()

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}"


SYSTEM = Principal(kind=ActorKind.SYSTEM, name="system")
ANONYMOUS = "anonymous"  # who gives no name where none is wanted (AURA_AUTH=off)
OUTSIDE = "oidc:"  # begins the name of a person whom the OpenID provider names


def folded(name: str) -> str:
    """A name as it is compared: two spellings of one name are one person, and so are an account of
    ours and one of the OpenID provider by the same name.
    """
    return unicodedata.normalize("NFKC", name).strip().casefold().removeprefix(OUTSIDE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """What an action touches, e.g. type `file`, name `apps/nginx/deployment.yaml`.

    `tags` and `sensitivity` are those of the inventory, `namespace` that of Kubernetes. `place` is
    where the name leads to now: what was approved for one place is not for another.
    """

    type: str
    name: str
    tags: frozenset[str] = frozenset()
    namespace: str = ""
    sensitivity: frozenset[str] = frozenset()
    place: str = field(default="", compare=False)

    def __str__(self) -> str:
        return f"{self.type}:{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Impact:
    """How far an action reaches, measured or estimated before its effect. None: not known.

    `xact_age_s`: seconds the transaction has been open that it would end.
    """

    rows: int | None = None
    pods: int | None = None
    xact_age_s: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One exact action somebody wants to take: what an approval is asked and given for.

    `arguments` are validated JSON; `preconditions` is what must still hold when it runs, e.g. the
    base commit a plan was made on; `reason` is the agent's own words and binds nothing.
    """

    tool: str
    arguments: Mapping[str, Any]
    action_class: ActionClass
    resource: Resource
    principal: Principal
    trace_id: str
    preconditions: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What an event is about besides its type, actor, action and trace; `key` is its public id."""

    session_id: str = ""
    agent: str = ""
    action_class: str = ""
    key: str = ""
