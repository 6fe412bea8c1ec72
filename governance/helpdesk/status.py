"""How governance stands, and what the policy in force says (behaviour §2.6)."""

from __future__ import annotations

from typing import Any, Final

from django.conf import settings
from django.utils.timezone import now

from aura.kernel.ids import iso
from governance.approvals import notices
from governance.audit import query
from governance.audit.query import Filter, Page
from governance.helpdesk.chain import FRESH_S, verdicts
from governance.models import Approval, ApprovalStatus
from governance.policy import current
from governance.policy.document import Conditions, Policy, ResourceMatch, Rule
from governance.policy.engine import CompiledPolicy
from governance.policy.types import Effect

BACKEND: Final = "postgres"


def info() -> dict[str, Any]:
    """Policy, approvals and log in short."""
    policy = current.policy()
    newest = query.events(Filter(), Page(limit=1))
    return {
        "policy": {
            **_in_short(policy),
            "policies": [
                {**_head(each), "rules": [_rule_in_short(rule) for rule in each.rules]}
                for each in policy.policies
            ],
        },
        "approvals": {
            "enabled": True,
            "webhook_configured": notices.webhook_configured(),
            "email_configured": notices.email_configured(),
            "default_timeout": f"{int(settings.AURA.approval_request_expires_s // 60)}m",
            "pending_count": Approval.objects.filter(status=ApprovalStatus.PENDING).count(),
        },
        "audit": {
            "enabled": True,
            "backend": BACKEND,
            "events_total": query.count(Filter()),
            "chain_valid": verdicts.verdict(age_s=FRESH_S).valid,
            "last_event_at": iso(newest[0].recorded_at) if newest else None,
        },
        "config": {"auth_mode": _auth_mode(), "operating_mode": settings.AURA.operating_mode},
        "timestamp": iso(now()),
    }


def policies() -> dict[str, Any]:
    """The policy in force, rule by rule."""
    policy = current.policy()
    return {
        "enabled": True,
        "policy_file": policy.source,
        "version": policy.version,
        "dry_run": policy.options.dry_run,
        "policies": [
            {
                **_head(each),
                "priority": each.priority,
                "resources": [_resource(match) for match in each.resources],
                "rules": [_rule(rule) for rule in each.rules],
            }
            for each in policy.policies
        ],
    }


def _auth_mode() -> str:
    config = settings.AURA
    if config.auth == "off":
        return "none"
    return "token, session, jwt" if config.oidc else "token, session"


def _in_short(policy: CompiledPolicy) -> dict[str, Any]:
    return {
        "enabled": True,
        "file": policy.source,
        "version": policy.version,
        "policies_count": len(policy.policies),
        "rules_count": sum(len(each.rules) for each in policy.policies),
    }


def _head(policy: Policy) -> dict[str, Any]:
    head: dict[str, Any] = {"name": policy.name, "enabled": policy.enabled}
    if policy.description:
        head["description"] = policy.description
    types = dict.fromkeys(match.type for match in policy.resources)
    return head | {"resources": list(types)}


def _resource(match: ResourceMatch) -> str:
    """`type`, `type:name` or `type:pattern`."""
    name = match.name or match.name_pattern
    return f"{match.type}:{name}" if name else match.type


def _rule(rule: Rule) -> dict[str, Any]:
    said: dict[str, Any] = {"actions": list(rule.actions), "effect": rule.effect}
    if rule.message:
        said["message"] = rule.message
    if rule.outcome is Effect.REQUIRE_APPROVAL:
        said["requires_approval"] = True
    return said


def _rule_in_short(rule: Rule) -> dict[str, Any]:
    said = {key: value for key, value in _rule(rule).items() if key != "requires_approval"}
    words = _conditions(rule.conditions, asks=rule.outcome is Effect.REQUIRE_APPROVAL)
    return said | ({"conditions": words} if words else {})


def _conditions(conditions: Conditions, *, asks: bool) -> list[str]:
    known = (
        (asks, "requires approval"),
        (conditions.max_rows_affected, "row limit"),
        (conditions.max_pods_affected, "pod limit"),
        (conditions.schedule, "time-based"),
    )
    return [word for holds, word in known if holds]
