"""A policy document as values: what was written, checked, and nothing worked out yet. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import Enum, StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from governance.policy import globs
from governance.policy.types import Effect, PolicyRequest
from governance.types import ActionClass, ActorKind, Principal, Role

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Who(StrEnum):
    """What a `principals:` item names."""

    ANY = "any"
    USER = "user"
    ROLE = "role"
    SERVICE = "service"


@dataclass(frozen=True, slots=True, kw_only=True)
class PrincipalMatch:
    """A person, whoever has a role, or a service: an agent or the product itself."""

    who: Who
    name: str = ""

    def fits(self, principal: Principal) -> bool:
        if self.who is Who.ROLE:
            return self.name in principal.roles
        if self.who is Who.ANY:
            return True
        person = principal.kind is ActorKind.USER
        return principal.name == self.name and person is (self.who is Who.USER)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceMatch:
    """What a resource (and the tool used on it) must be like, everything at once.

    An empty text or set asks for nothing.
    """

    type: str
    name: str = ""
    name_pattern: str = ""
    tags: frozenset[str] = frozenset()
    namespace: str = ""
    sensitivity: frozenset[str] = frozenset()
    tool: str = ""
    tool_pattern: str = ""

    def fits(self, request: PolicyRequest) -> bool:
        resource = request.resource
        return (
            self.type == resource.type
            and self.tags <= resource.tags
            and self.sensitivity <= resource.sensitivity
            and _text_fits(resource.namespace, self.namespace)
            and _text_fits(resource.name, self.name, self.name_pattern)
            and _text_fits(request.tool, self.tool, self.tool_pattern)
        )


def _text_fits(text: str, exact: str, pattern: str = "") -> bool:
    return (not exact or text == exact) and (not pattern or globs.matches(pattern, text))


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """When a rule applies: weekdays (0 is Monday) and hours of the day as `timezone` has them."""

    days: frozenset[int] = frozenset(range(7))
    hours: frozenset[int] = frozenset(range(24))
    timezone: str = "UTC"

    def active(self, at: datetime) -> bool:
        """Whether the aware moment `at` is inside."""
        there = at.astimezone(ZoneInfo(self.timezone))
        return there.hour in self.hours and there.weekday() in self.days


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """What a rule that decides asks for besides. A limit of 0 is no limit."""

    require_approval: bool = False
    approval_quorum: int = 1
    approver_role: Role = Role.APPROVER
    four_eyes: bool = True
    reason_required: bool = False
    valid_minutes: int | None = None
    max_rows_affected: int = 0
    max_pods_affected: int = 0
    max_xact_age_secs: int = 0
    schedule: Schedule | None = None
    allowed_purposes: frozenset[str] = frozenset()
    blocked_purposes: frozenset[str] = frozenset()

    @property
    def limited(self) -> bool:
        """Whether the outcome depends on more than who, what, and when."""
        limits = self.max_rows_affected or self.max_pods_affected or self.max_xact_age_secs
        return bool(limits or self.allowed_purposes or self.blocked_purposes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """`actions` on what the policy matches have this effect. `line` and `column`, from 1, are where
    it is written.
    """

    actions: tuple[ActionClass, ...]
    effect: Effect
    message: str = ""
    conditions: Conditions = field(default_factory=Conditions)
    line: int = field(default=0, compare=False)
    column: int = field(default=0, compare=False)

    @property
    def outcome(self) -> Effect:
        """The effect while no limit is hit."""
        asks = self.conditions.require_approval and self.effect is Effect.ALLOW
        return Effect.REQUIRE_APPROVAL if asks else self.effect


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Rules for some principals (none named: everybody) on some resources."""

    name: str
    resources: tuple[ResourceMatch, ...]
    rules: tuple[Rule, ...]
    description: str = ""
    enabled: bool = True
    priority: int = 0
    principals: tuple[PrincipalMatch, ...] = ()
    line: int = field(default=0, compare=False)
    column: int = field(default=0, compare=False)

    def fits_principal(self, principal: Principal) -> bool:
        for item in self.principals:  # a loop: this is what a request never seen spends its time on
            if item.fits(principal):
                return True
        return not self.principals

    def fits_resource(self, request: PolicyRequest) -> bool:
        kind, tags = request.resource.type, request.resource.tags
        for item in self.resources:  # what most fail at first, without a call
            if item.type == kind and item.tags <= tags and item.fits(request):
                return True
        return False

    def rules_for(self, action: ActionClass) -> Iterator[tuple[int, Rule]]:
        """(index, rule) of the rules that name the action, in order."""
        return ((i, rule) for i, rule in enumerate(self.rules) if action in rule.actions)


@dataclass(frozen=True, slots=True)
class Document:
    """Policies in the order they are tried: by falling priority, equal ones as they are written."""

    policies: tuple[Policy, ...]

    @classmethod
    def of(cls, written: list[Policy]) -> Document:
        return cls(tuple(sorted(written, key=lambda policy: -policy.priority)))

    @property
    def enabled(self) -> tuple[Policy, ...]:
        return tuple(policy for policy in self.policies if policy.enabled)

    def digest(self) -> str:
        """SHA-256 (hex) of everything that is said, however it is laid out or commented."""
        said = json.dumps(_plain(self), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(said.encode(errors="surrogatepass")).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, Document | Policy | Rule | Conditions | Schedule):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value) if f.compare}
    if isinstance(value, PrincipalMatch | ResourceMatch):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value
