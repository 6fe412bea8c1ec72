"""The conditions of a rule that decides, in the documented order: a limit that is hit denies.

Limits are compared with what is known before the effect. What was not measured hits none; a tool
that measures later asks again, before it commits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from governance.policy.document import Conditions, Rule
from governance.policy.types import Effect, PolicyRequest


@dataclass(frozen=True, slots=True)
class Check:
    """How one condition came out."""

    name: str
    passed: bool
    detail: str


class Outcome(NamedTuple):
    """The effect after all conditions; a limit's own `message`, and `hit` with what was hit."""

    effect: Effect
    message: str
    hit: tuple[str, ...]
    checks: list[Check]


class _Limit(NamedTuple):
    key: str
    limit: int
    value: int | None


def outcome(rule: Rule, request: PolicyRequest) -> Outcome:
    """Apply the conditions of the rule that decides."""
    conditions, checks = rule.conditions, list[Check]()
    effect, message, hit = rule.outcome, "", list[str]()
    if conditions.require_approval:
        checks.append(Check("require_approval", True, f"quorum: {conditions.approval_quorum}"))  # noqa: FBT003 - read beside its name
    for limit in _limits(conditions, request):
        over = limit.value is not None and limit.value > limit.limit
        checks.append(Check(limit.key, not over, _detail(limit)))
        if over:
            effect, message = Effect.DENY, _complaint(limit)
            hit.append(_shown(limit))
    for check in _purposes(conditions, request.purpose):
        checks.append(check)
        if not check.passed:
            effect = Effect.DENY
            message = f"{check.detail}: {rule.message}" if rule.message else check.detail
    return Outcome(effect, message, tuple(hit), checks)


def _limits(conditions: Conditions, request: PolicyRequest) -> list[_Limit]:
    impact = request.impact
    every = (
        _Limit("max_rows_affected", conditions.max_rows_affected, impact.rows),
        _Limit("max_pods_affected", conditions.max_pods_affected, impact.pods),
        _Limit("max_xact_age_secs", conditions.max_xact_age_secs, impact.xact_age_s),
    )
    return [limit for limit in every if limit.limit]


def _detail(limit: _Limit) -> str:
    key, most, value = limit
    if value is None:
        return f"not measured yet, limit is {most}"
    if key == "max_xact_age_secs":
        return f"transaction age {value}s, limit {most}s"
    return f"{value} {'rows' if key == 'max_rows_affected' else 'pods'} affected, limit is {most}"


def _complaint(limit: _Limit) -> str:
    key, most, value = limit
    if key == "max_xact_age_secs":
        return (
            f"Transaction has been open for {_duration(value or 0)}; rollback may take as long."
            f" Limit is {_duration(most)}"
        )
    what = "rows" if key == "max_rows_affected" else "pods"
    return f"Operation affects {value} {what}, limit is {most}"


def _shown(limit: _Limit) -> str:
    if limit.key == "max_xact_age_secs":
        return f"max_xact_age: {limit.limit}s"
    return f"max {limit.limit} {'rows' if limit.key == 'max_rows_affected' else 'pods'}"


def _duration(seconds: int) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{minutes}m {rest}s" if minutes else f"{rest}s"


def _purposes(conditions: Conditions, purpose: str) -> list[Check]:
    checks = []
    said = f"purpose {purpose}" if purpose else "no purpose"
    if conditions.allowed_purposes:
        among = ", ".join(sorted(conditions.allowed_purposes))
        passed = purpose in conditions.allowed_purposes
        checks.append(Check("allowed_purposes", passed, f"{said} stated, allowed are {among}"))
    if conditions.blocked_purposes:
        among = ", ".join(sorted(conditions.blocked_purposes))
        passed = purpose not in conditions.blocked_purposes
        checks.append(Check("blocked_purposes", passed, f"{said} stated, blocked are {among}"))
    return checks
