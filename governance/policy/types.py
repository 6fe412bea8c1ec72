"""What the policy engine is asked and what it answers. Frozen values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from governance.types import ActionClass, Impact, Principal, Resource, Role

NOT_MEASURED = Impact()


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
    """May `principal` use `tool`, of this class, on this resource?

    `coverage` is known where there are plans (tickets), `purpose` where the caller states one. `at`
    is the moment to judge, an aware datetime; None is now.
    """

    principal: Principal
    tool: str
    action_class: ActionClass
    resource: Resource
    coverage: Coverage | None = None
    purpose: str = ""
    impact: Impact = NOT_MEASURED
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """`policy` and `rule_index` name the rule that decided, `message` says why in words.

    `quorum` to `valid_minutes` (of an approval given; None: for one use, whenever) hold where the
    effect is `require_approval`. `conditions` are the limits that were hit, `version` is that of
    the document. `dry_run`: the document says otherwise and is only being tried.
    """

    effect: Effect
    policy: str
    rule_index: int | None = None
    message: str = ""
    quorum: int = 1
    approver_role: Role = Role.APPROVER
    four_eyes: bool = True
    reason_required: bool = False
    valid_minutes: int | None = None
    conditions: tuple[str, ...] = ()
    version: str = ""
    dry_run: bool = False
