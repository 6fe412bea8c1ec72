"""The policy in words: what `manage.py policy` prints and the console shows."""

from __future__ import annotations

from collections.abc import Iterator

from governance.models import PolicyVersion
from governance.policy import deciders
from governance.policy.diff import Change
from governance.policy.engine import CompiledPolicy
from governance.policy.replay import Replayed
from governance.policy.types import PolicyRequest
from governance.types import ActorKind

ALIKE = "Nothing would be decided otherwise."
UNKNOWN = "the patterns overlap in too many ways to be compared"


def status(policy: CompiledPolicy) -> Iterator[str]:
    """The policy in force, the candidate next to it, and what waits for a second person."""
    rules = sum(len(one.rules) for one in policy.policies)
    yield f"In force:  {policy.source}, {len(policy.policies)} policies, {rules} rules"
    yield f"Version:   {policy.version}"
    for row in PolicyVersion.objects.filter(active=True):
        confirmed = f", confirmed by {row.confirmed_by}" if row.confirmed_by else ""
        yield f"Since:     {row.activated_at:%Y-%m-%d %H:%M} UTC by {row.proposed_by}{confirmed}"
    for row in PolicyVersion.objects.filter(shadow=True):
        yield f"Candidate: {row}"
    for row in PolicyVersion.objects.filter(waiting=True):
        yield f"Waiting:   {row}, proposed by {row.proposed_by}"
    options = policy.options
    yield (
        f"Settings:  default {options.default_effect},"
        f" dry run {'on' if options.dry_run else 'off'},"
        f" read-only {'on' if options.readonly else 'off'}"
    )


def waits(version: PolicyVersion) -> str:
    """What is told of a version that loosens the one in force: who goes on with it, and how."""
    return (
        f"{version} loosens the policy in force and waits for a second person: at"
        f" {deciders.page_of(version)}, or manage.py policy activate {version.digest[:12]}"
        " --confirm NAME"
    )


def changed(change: Change | Replayed) -> Iterator[str]:
    """One kind of change: what it is, whether it loosens, and an example."""
    before, after = change.words
    mark = "LOOSENS " if change.loosens else "tightens"
    yield f"{mark}  {change.example.action_class}: {before} -> {after}{times(change)}"
    yield f"          e.g. {asked(change.example)}"
    yield f"          {rules(change)}"


def times(change: Change | Replayed) -> str:
    """How often it was asked for, where that was counted."""
    return f"  ({change.count} times)" if isinstance(change, Replayed) else ""


def rules(change: Change | Replayed) -> str:
    """Which rule decides the example before, and which afterwards."""
    old, new = change.before, change.after
    return f"{_rule(old.policy, old.rule_index)} -> {_rule(new.policy, new.rule_index)}"


def asked(request: PolicyRequest) -> str:
    """A request in words."""
    principal, resource, impact = request.principal, request.resource, request.impact
    kind = "service" if principal.kind is not ActorKind.USER else "user"
    parts = [
        f"{kind} {principal.name}",
        _listed("roles", principal.roles),
        f"{request.tool or 'any tool'} on {resource}",
        _listed("tags", resource.tags),
        _listed("sensitivity", resource.sensitivity),
        f"namespace {resource.namespace}" if resource.namespace else "",
        f"purpose {request.purpose}" if request.purpose else "",
        f"{impact.rows} rows" if impact.rows is not None else "",
        f"{impact.pods} pods" if impact.pods is not None else "",
        f"{impact.xact_age_s} s open" if impact.xact_age_s is not None else "",
        f"at {request.at:%a %Y-%m-%d %H:%M} UTC" if request.at is not None else "",
    ]
    return ", ".join(filter(None, parts))


def _listed(what: str, words: frozenset[str]) -> str:
    return f"{what} {'+'.join(sorted(words))}" if words else ""


def _rule(policy: str, index: int | None) -> str:
    return policy if index is None else f"{policy} rule {index}"
