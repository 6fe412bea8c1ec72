"""What the policy engine is asked and what it answers. Frozen values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from governance.types import ActionClass, Principal, Resource


class Effect(StrEnum):
    ALLOW = "allow"
    REQUIRE_APPROVAL = "require_approval"
    DENY = "deny"


class Coverage(StrEnum):
    """How far an approved plan covers a call."""

    NO_PLAN = "no_plan"
    OUTSIDE_PLAN = "outside_plan"
    IN_PLAN = "in_plan"


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyRequest:
    """May `principal` use `tool`, of this class, on this resource?"""

    principal: Principal
    tool: str
    action_class: ActionClass
    resource: Resource
    coverage: Coverage


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """`policy` names the rule that decided, `message` says why in words."""

    effect: Effect
    policy: str
    message: str = ""
