"""A second opinion: the documented semantics read from plain data, as simply as can be.

Shares nothing with the engine: it reads the YAML's own mappings with PyYAML, translates patterns by
hand, and tries one policy after the other.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from governance.policy.types import PolicyRequest

DAY_NAMES = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


def decide(document: dict[str, Any], request: PolicyRequest) -> tuple[str, str, int | None]:
    """(effect, policy, rule index)."""
    order = sorted(
        enumerate(document["policies"]), key=lambda pair: (-pair[1].get("priority", 0), pair[0])
    )
    for _, policy in order:
        if policy.get("enabled", True) is False:
            continue
        if not principal_fits(policy.get("principals"), request):
            continue
        if not any(resource_fits(spec, request) for spec in policy["resources"]):
            continue
        for index, rule in enumerate(policy["rules"]):
            actions = rule["action"] if isinstance(rule["action"], list) else [rule["action"]]
            conditions = rule.get("conditions", {})
            if str(request.action_class) in actions and on_schedule(conditions, request.at):
                return effect_of(rule["effect"], conditions, request), policy["name"], index
    return "deny", "default", None


def principal_fits(principals: list[dict[str, Any]] | None, request: PolicyRequest) -> bool:
    if principals is None:
        return True
    who = request.principal
    for item in principals:
        if "any" in item:
            return True
        if "role" in item and item["role"] in who.roles:
            return True
        if "user" in item and str(who.kind) == "user" and item["user"] == who.name:
            return True
        if "service" in item and str(who.kind) != "user" and item["service"] == who.name:
            return True
    return False


def resource_fits(spec: dict[str, Any], request: PolicyRequest) -> bool:
    resource, match = request.resource, spec.get("match", {})
    texts = {"name": resource.name, "namespace": resource.namespace, "tool": request.tool}
    exact = all(match.get(key, text) == text for key, text in texts.items())
    patterns = glob(match.get("name_pattern", resource.name), resource.name) and glob(
        match.get("tool_pattern", request.tool), request.tool
    )
    tags = all(tag in resource.tags for tag in match.get("tags", []))
    words = all(word in resource.sensitivity for word in match.get("sensitivity", []))
    return bool(spec["type"] == resource.type and exact and patterns and tags and words)


def glob(pattern: str, text: str) -> bool:
    """`*` and `?` alone, by recursion."""
    if not pattern:
        return not text
    if pattern[0] == "*":
        return glob(pattern[1:], text) or (
            text != "" and text[0] != "/" and glob(pattern, text[1:])
        )
    if not text:
        return False
    same = text[0] != "/" if pattern[0] == "?" else pattern[0] == text[0]
    return same and glob(pattern[1:], text[1:])


def on_schedule(conditions: dict[str, Any], at: datetime | None) -> bool:
    schedule = conditions.get("schedule")
    if schedule is None:
        return True
    assert at is not None
    there = at.astimezone(ZoneInfo(schedule.get("timezone", "UTC")))
    days, hours = schedule.get("days", DAY_NAMES), schedule.get("hours", list(range(24)))
    return DAY_NAMES[there.weekday()] in days and there.hour in hours


def effect_of(effect: str, conditions: dict[str, Any], request: PolicyRequest) -> str:
    if conditions.get("require_approval") and effect == "allow":
        effect = "require_approval"
    impact = request.impact
    for key, value in (
        ("max_rows_affected", impact.rows),
        ("max_pods_affected", impact.pods),
        ("max_xact_age_secs", impact.xact_age_s),
    ):
        if conditions.get(key) and value is not None and value > conditions[key]:
            effect = "deny"
    if "allowed_purposes" in conditions and request.purpose not in conditions["allowed_purposes"]:
        effect = "deny"
    if request.purpose in conditions.get("blocked_purposes", []):
        effect = "deny"
    return effect
