"""Why a decision is as it is: every policy that was looked at, as JSON and in words. Pure.

Walks the document afresh, without what the engine remembers. Shapes: aiHelpDesk §3.4.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import chain, groupby
from operator import itemgetter
from typing import Any

from governance.inventory import LISTED
from governance.policy.document import Policy, Rule
from governance.policy.engine import CompiledPolicy, decision, limit
from governance.policy.limits import outcome
from governance.policy.types import Decision, Effect, PolicyRequest

VERDICTS = {
    Effect.ALLOW: "ALLOWED",
    Effect.DENY: "DENIED",
    Effect.REQUIRE_APPROVAL: "REQUIRES APPROVAL",
}


def explain(policy: CompiledPolicy, request: PolicyRequest) -> dict[str, Any]:
    """The trace: `decision`, `policies_evaluated` up to the one that decided, `explanation`.

    In a dry run it tells what would have been decided; `decision.dry_run` says that it did not
    count. Entries of skipped policies are shared between traces: they are for reading.
    """
    decided, evaluated = traced(policy, request)
    trace: dict[str, Any] = {
        "decision": shown(decided),
        "policies_evaluated": evaluated,
        "policy_version": policy.version,
    }
    if policy.tried(decided).dry_run:
        trace["decision"]["dry_run"] = True
    if decided is policy.default:
        trace["default_applied"] = True
    trace["explanation"] = "\n".join(_words(request, trace, evaluated))
    return trace


def traced(policy: CompiledPolicy, request: PolicyRequest) -> tuple[Decision, list[dict[str, Any]]]:
    """The decision, a dry run left aside, and the policies that were looked at."""
    if (fixed := policy.fixed(request)) is not None:
        return fixed, []
    if request.at is None:
        request = _at_one_moment(policy, request)
    evaluated: list[dict[str, Any]] = []
    for one, skips in _skips(policy):
        entry, index = _evaluated(one, skips, request)
        evaluated.append(entry)
        if index is not None:
            said = decision(one, index, request.action_class, version=policy.version)
            return limit(said, one.rules[index], request), evaluated
    return policy.default, evaluated


def shown(decided: Decision) -> dict[str, Any]:
    """A decision as JSON; what is not asked for is left out."""
    said: dict[str, Any] = {
        "effect": decided.effect,
        "policy_name": decided.policy,
        "rule_index": decided.rule_index,
    }
    if decided.message:
        said["message"] = decided.message
    if decided.conditions:
        said["conditions"] = list(decided.conditions)
    if decided.effect is Effect.REQUIRE_APPROVAL:
        said |= {
            "requires_approval": True,
            "approval_quorum": decided.quorum,
            "approver_role": decided.approver_role,
            "four_eyes": decided.four_eyes,
            "reason_required": decided.reason_required,
        }
        if decided.valid_minutes is not None:
            said["valid_minutes"] = decided.valid_minutes
    if decided.dry_run:
        said["dry_run"] = True
    return said


def _at_one_moment(policy: CompiledPolicy, request: PolicyRequest) -> PolicyRequest:
    return PolicyRequest(
        principal=request.principal,
        tool=request.tool,
        action_class=request.action_class,
        resource=request.resource,
        coverage=request.coverage,
        purpose=request.purpose,
        impact=request.impact,
        at=policy.clock(),
    )


def _evaluated(
    policy: Policy, skips: Skips, request: PolicyRequest
) -> tuple[dict[str, Any], int | None]:
    """The entry of one policy, and the index of the rule that decides; None: none does."""
    if not policy.enabled:
        return skips["disabled"], None
    if not policy.fits_principal(request.principal):
        return skips["principal_mismatch"], None
    if not policy.fits_resource(request):
        return skips["resource_mismatch"], None
    rules: list[dict[str, Any]] = []
    entry = {"policy_name": policy.name, "matched": True, "rules": rules}
    for index, rule in enumerate(policy.rules):
        missed = _skip_reason(rule, request)
        rules.append(_rule(index, rule, request, missed))
        if not missed:
            return entry, index
    return entry, None


Skips = dict[str, dict[str, Any]]


@lru_cache(maxsize=8)
def _skips(policy: CompiledPolicy) -> tuple[tuple[Policy, Skips], ...]:
    """Each policy with its entries for when it is skipped, as most are: composed once."""
    return tuple((one, _skips_of(one)) for one in policy.policies)


def _skips_of(policy: Policy) -> Skips:
    reasons = ("disabled", "principal_mismatch", "resource_mismatch")
    name = policy.name
    skips: Skips = {
        why: {"policy_name": name, "matched": False, "skip_reason": why} for why in reasons
    }
    if wanted := [sorted(spec.tags) for spec in policy.resources if spec.tags]:
        skips["resource_mismatch"]["required_tags"] = wanted
    return skips


def _skip_reason(rule: Rule, request: PolicyRequest) -> str:
    if request.action_class not in rule.actions:
        return "action_mismatch"
    schedule = rule.conditions.schedule
    if schedule is not None and request.at is not None and not schedule.active(request.at):
        return "schedule_inactive"
    return ""


def _rule(index: int, rule: Rule, request: PolicyRequest, missed: str) -> dict[str, Any]:
    entry: dict[str, Any] = {"index": index, "actions": list(rule.actions)}
    if missed:
        return entry | {"effect": rule.outcome, "matched": False, "skip_reason": missed}
    after = outcome(rule, request)
    entry |= {"effect": after.effect, "matched": True}
    if after.checks:
        entry["conditions"] = [
            {"name": check.name, "passed": check.passed, "detail": check.detail}
            for check in after.checks
        ]
    return entry


# --- words ---


def _words(
    request: PolicyRequest, trace: dict[str, Any], evaluated: list[dict[str, Any]]
) -> Iterator[str]:
    resource, verdict = request.resource, trace["decision"]
    tags = f" (tags: {', '.join(sorted(resource.tags))})" if resource.tags else ""
    yield (
        f"Access to {resource.type} {resource.name}{tags} for {request.action_class}:"
        f" {VERDICTS[verdict['effect']]}"
    )
    yield ""
    for matched, entries in groupby(evaluated, key=itemgetter("matched")):
        if matched:
            yield from chain.from_iterable(map(_policy_words, entries))
        else:
            yield "\n".join(
                [
                    f'Policy "{entry["policy_name"]}": skipped ({entry["skip_reason"]})'
                    for entry in entries
                ]
            )
    if trace.get("default_applied"):
        yield from _default_words(request, evaluated)
    yield from _footer(verdict)
    if verdict.get("dry_run"):
        yield "This is a dry run: the request is let through all the same."


def _policy_words(entry: dict[str, Any]) -> Iterator[str]:
    yield f'Policy "{entry["policy_name"]}" matched:'
    for rule in entry["rules"]:
        actions = ", ".join(rule["actions"])
        how = "matched" if rule["matched"] else f"skipped — {rule['skip_reason']}"
        yield f"  Rule {rule['index']}: {actions} → {rule['effect']}: {how}"
        for check in rule.get("conditions", ()):
            yield f"    {'✓' if check['passed'] else '✗'} {check['name']}: {check['detail']}"
        if rule["matched"]:
            yield f"    → {VERDICTS[rule['effect']]}"


def _default_words(request: PolicyRequest, evaluated: list[dict[str, Any]]) -> Iterator[str]:
    yield "No policy matched; the default applies."
    wanted = {tuple(tags) for entry in evaluated for tags in entry.get("required_tags", ())}
    if wanted and not request.resource.tags:
        sets = "; ".join(", ".join(tags) for tags in sorted(wanted))
        listed = request.resource.type in LISTED
        why = "is not in the inventory, so it has" if listed else "has"
        yield f"The resource {why} no tags. Policies exist for: {sets}"


def _footer(verdict: dict[str, Any]) -> Iterator[str]:
    match verdict["effect"]:
        case Effect.DENY:
            yield f"Reason: {verdict.get('message', 'denied')}"
        case Effect.REQUIRE_APPROVAL:
            people = verdict["approval_quorum"]
            many = f"{people} people" if people > 1 else "one person"
            role = f"with the role {verdict['approver_role']} or above"
            yield f"An approval by {many} {role} would be required; see `approvals list`."
        case _:
            yield "The operation is permitted."
