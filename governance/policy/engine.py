"""The policy engine: a compiled document that answers requests. Pure, but for its clock.

Policies are tried by falling priority, equal ones in the order they are written. The first whose
principal and resource fit, and in it the first rule that names the action and whose schedule is
active, decides; what nothing decides has the default effect. What depends on who, what and on which
resource alone is worked out once and remembered; schedules and limits are looked at every time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from django.utils.timezone import now

from governance.policy.document import Document, Policy, Rule, Schedule
from governance.policy.limits import outcome
from governance.policy.types import Decision, Effect, PolicyRequest
from governance.types import ActionClass

REMEMBERED_MOST = 50_000
DEFAULT = "default"
NO_MATCH = "No matching policy found"
READONLY = "readonly_mode"
UNKNOWN = "unknown-denied"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What is set beside the document. `readonly`: nothing but reads, whatever it says."""

    default_effect: Effect = Effect.DENY
    dry_run: bool = False
    readonly: bool = False


class Candidate(NamedTuple):
    """A rule that may decide a remembered request, and what it says while no limit is hit."""

    rule: Rule
    schedule: Schedule | None
    limited: bool
    decision: Decision


class CompiledPolicy:
    """A document ready to judge. Safe to use from many threads."""

    def __init__(
        self,
        document: Document,
        *,
        source: str = "",
        options: Options = Options(),
        clock: Callable[[], datetime] = now,
    ) -> None:
        self.document = document
        self.version = document.digest()
        self.source = source
        self.options = options
        self.clock = clock
        self.default = Decision(
            effect=options.default_effect, policy=DEFAULT, message=NO_MATCH, version=self.version
        )
        self._enabled = document.enabled
        self._memo: dict[tuple[object, ...], tuple[Candidate, ...]] = {}

    @property
    def policies(self) -> tuple[Policy, ...]:
        """All policies, in the order they are tried; disabled ones too."""
        return self.document.policies

    def decide(self, request: PolicyRequest) -> Decision:
        """The decision, without looking at plans (`coverage`)."""
        if (fixed := self.fixed(request)) is not None:
            return fixed
        return self.tried(self._decided(request))

    def fixed(self, request: PolicyRequest) -> Decision | None:
        """What is decided in code, whatever the document says; None: nothing is."""
        action = request.action_class
        if action is ActionClass.READ:
            return None
        if action is ActionClass.UNKNOWN:
            message = f"{request.tool} does not tell what it would do, so it may not run"
            return self._denial(UNKNOWN, message)
        if self.options.readonly:
            message = f"the product is in read-only mode, so {request.tool or action} may not run"
            return self._denial(READONLY, message)
        return None

    def tried(self, decision: Decision) -> Decision:
        """The decision as it counts: in a dry run whatever it is, it allows."""
        if not self.options.dry_run or decision.effect is Effect.ALLOW:
            return decision
        message = f"[DRY RUN] {decision.message}"
        return replace(decision, effect=Effect.ALLOW, message=message, dry_run=True)

    def _denial(self, policy: str, message: str) -> Decision:
        return Decision(effect=Effect.DENY, policy=policy, message=message, version=self.version)

    def _decided(self, request: PolicyRequest) -> Decision:
        principal, resource = request.principal, request.resource
        key = (
            principal.kind,
            principal.name,
            principal.roles,
            request.tool,
            request.action_class,
            resource.type,
            resource.name,
            resource.tags,
            resource.namespace,
            resource.sensitivity,
        )
        candidates = self._memo.get(key)
        if candidates is None:
            candidates = self._candidates(request)
            if len(self._memo) >= REMEMBERED_MOST:
                self._memo.clear()
            self._memo[key] = candidates
        for rule, schedule, limited, decision in candidates:
            if schedule is None or schedule.active(request.at or self.clock()):
                return limit(decision, rule, request) if limited else decision
        return self.default

    def _candidates(self, request: PolicyRequest) -> tuple[Candidate, ...]:
        """The rules that may decide, in order: the last applies at any time, or none does."""
        found = []
        for policy in self._enabled:
            if not (policy.fits_resource(request) and policy.fits_principal(request.principal)):
                continue
            for index, rule in policy.rules_for(request.action_class):
                schedule = rule.conditions.schedule
                said = decision(policy, index, request.action_class, version=self.version)
                found.append(Candidate(rule, schedule, rule.conditions.limited, said))
                if schedule is None:
                    return tuple(found)
        return tuple(found)


def decision(policy: Policy, index: int, action: ActionClass, *, version: str) -> Decision:
    """What a rule says while no limit is hit."""
    rule = policy.rules[index]
    conditions, effect = rule.conditions, rule.outcome
    if effect is Effect.ALLOW:
        return Decision(
            effect=effect,
            policy=policy.name,
            rule_index=index,
            message=rule.message,
            version=version,
        )
    verb = "forbids" if effect is Effect.DENY else "asks for an approval of"
    return Decision(
        effect=effect,
        policy=policy.name,
        rule_index=index,
        message=rule.message or f"{policy.name} {verb} {action} here",
        quorum=conditions.approval_quorum,
        approver_role=conditions.approver_role,
        four_eyes=conditions.four_eyes,
        reason_required=conditions.reason_required,
        valid_minutes=conditions.valid_minutes,
        version=version,
    )


def limit(said: Decision, rule: Rule, request: PolicyRequest) -> Decision:
    """What a rule says, with its limits looked at."""
    after = outcome(rule, request)
    if not after.message:
        return said
    return replace(said, effect=after.effect, message=after.message, conditions=after.hit)
