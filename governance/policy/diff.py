"""What another document would decide otherwise: grouped, with an example each, and exact. Pure.

Only pairs of rules are looked at of which a request can be decided by the one before and by the
other afterwards; an example is asked of both documents before it is told.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

from governance.policy.document import Conditions, Document, Policy
from governance.policy.engine import CompiledPolicy, Options
from governance.policy.types import Decision, Effect, PolicyRequest
from governance.policy.witness import Effort, Side, witness
from governance.types import ActionClass, Impact, Role

STRICTNESS = {Effect.ALLOW: 0, Effect.REQUIRE_APPROVAL: 1, Effect.DENY: 2}
AS_SHIPPED = Options()
ACTIONS = (ActionClass.READ, ActionClass.WRITE, ActionClass.DESTRUCTIVE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """A request, the `example`, that was decided as `before` and is as `after`."""

    before: Decision
    after: Decision
    example: PolicyRequest

    @property
    def words(self) -> tuple[str, str]:
        """Both outcomes, as people name them."""
        return outcome_words(self.before), outcome_words(self.after)

    @property
    def loosens(self) -> bool:
        return loosens(self.before, self.after)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change(Compared):
    """`cases` requests of `action` whose outcome changes alike."""

    action: ActionClass
    cases: int = 1


def diff(before: Document, after: Document, *, options: Options = AS_SHIPPED) -> list[Change]:
    """Every kind of outcome that changes, once for each action; loosening ones first.

    Raises `TooManyNames` (`witness`).
    """
    if before == after:
        return []
    old = CompiledPolicy(before, options=options)
    new = CompiledPolicy(after, options=options)
    groups: dict[tuple[ActionClass, tuple[str, str]], Change] = {}
    effort, steps = Effort(), 10 + _size(before) + _size(after)
    for request in _pairs(before, after, effort):
        effort.spend(steps)
        for change in _changes(old, new, request):
            key = (change.action, change.words)
            seen = groups.get(key)
            groups[key] = replace(seen, cases=seen.cases + 1) if seen else change
    return sorted(groups.values(), key=lambda c: (not c.loosens, c.action, c.words))


def _size(document: Document) -> int:
    """How much one decision may look at."""
    known = [rule.conditions for policy in document.enabled for rule in policy.rules]
    return len(known) + sum(len(one.allowed_purposes | one.blocked_purposes) for one in known)


def loosens(before: Decision, after: Decision) -> bool:
    """Whether afterwards more may be done, or with less of an approval."""
    if before.effect is not after.effect:
        return STRICTNESS[after.effect] < STRICTNESS[before.effect]
    if before.effect is not Effect.REQUIRE_APPROVAL:
        return False
    return any(b > a for b, a in zip(_demands(before), _demands(after), strict=True))


def outcome(decision: Decision) -> tuple[object, ...]:
    """What of a decision counts when two are compared."""
    if decision.effect is not Effect.REQUIRE_APPROVAL:
        return (decision.effect,)
    return (decision.effect, *_demands(decision))


def outcome_words(decision: Decision) -> str:
    """A decision in words, e.g. `require_approval (2 people, admin, reason)`."""
    if decision.effect is not Effect.REQUIRE_APPROVAL:
        return str(decision.effect)
    wants = [
        f"{decision.quorum} people" if decision.quorum > 1 else "",
        str(decision.approver_role) if decision.approver_role is not Role.APPROVER else "",
        "" if decision.four_eyes else "also who asked",
        "reason" if decision.reason_required else "",
        f"valid {decision.valid_minutes} min" if decision.valid_minutes else "",
    ]
    said = ", ".join(filter(None, wants))
    return f"{decision.effect} ({said})" if said else str(decision.effect)


def _demands(decision: Decision) -> tuple[float, ...]:
    """What an approval demands; a higher number demands more."""
    once = float("inf") if decision.valid_minutes is None else -float(decision.valid_minutes)
    return (
        decision.quorum,
        decision.approver_role.rank,
        decision.four_eyes,
        decision.reason_required,
        once,
    )


# --- pairs ---


def _pairs(before: Document, after: Document, effort: Effort) -> Iterator[PolicyRequest]:
    """A request for each pair of rules that decide it, one before and the other afterwards."""
    old, new = before.enabled, after.enabled
    places = {policy: place for place, policy in enumerate(new)}
    moved = {place: places.get(policy) for place, policy in enumerate(old)}
    kept = {place for place in moved.values() if place is not None}
    for a, b in product(range(len(old) + 1), range(len(new) + 1)):
        effort.spend(1)
        if _is_settled(a, b, moved, kept, (len(old), len(new))):
            continue
        for action in ACTIONS:
            for x, y in product(_rules(old, a, action), _rules(new, b, action)):
                sides = Side(policies=old, place=a, rule=x), Side(policies=new, place=b, rule=y)
                if _may_differ(sides) and (found := witness(sides, action, effort)) is not None:
                    yield from _variants(found, sides)


def _is_settled(
    a: int, b: int, moved: dict[int, int | None], kept: set[int], ends: tuple[int, int]
) -> bool:
    """Whether nothing can be decided by `a` before and by `b` afterwards, or it is the same.

    Of two policies that both stayed as they are and in their order, the earlier one goes on to
    decide; what it decides needs no look. Equally for what no policy decided, and the default.
    """
    if (a, b) == ends:
        return True
    if a == ends[0]:
        return b in kept  # what fits a policy that was there before was not left to the default
    now = moved[a]
    if now is None:
        return False
    if b == ends[1] or now == b:
        return True
    if b not in kept:
        return False
    was = next(place for place, there in moved.items() if there == b)
    return (a < was) == (now < b)


def _rules(policies: Sequence[Policy], place: int, action: ActionClass) -> list[int]:
    """The indices of a policy's rules for the action; of the default, one that means nothing."""
    if place == len(policies):
        return [0]
    return [index for index, _ in policies[place].rules_for(action)]


def _may_differ(sides: tuple[Side, Side]) -> bool:
    rules = [side.policy.rules[side.rule] if side.policy else None for side in sides]
    if rules[0] is None or rules[1] is None:
        return True
    one, other = (
        (rule.effect, replace(rule.conditions, schedule=None)) for rule in rules if rule is not None
    )
    return one != other


def _variants(request: PolicyRequest, sides: tuple[Side, Side]) -> Iterator[PolicyRequest]:
    """The request with every purpose and on every side of every limit that the rules know."""
    both = [s.policy.rules[s.rule].conditions if s.policy else Conditions() for s in sides]
    named = [purpose for c in both for purpose in c.allowed_purposes | c.blocked_purposes]
    purposes = sorted({*named, "", "something-else"} if named else {""})
    rows = _around(c.max_rows_affected for c in both)
    pods = _around(c.max_pods_affected for c in both)
    ages = _around(c.max_xact_age_secs for c in both)
    for purpose, row, pod, age in product(purposes, rows, pods, ages):
        impact = Impact(rows=row, pods=pod, xact_age_s=age)
        yield replace(request, purpose=purpose, impact=impact)


def _around(limits: Iterator[int]) -> list[int | None]:
    """Not measured, and just within and beyond each limit."""
    return [None, *sorted({n for limit in limits if limit for n in (limit, limit + 1)})]


def _changes(old: CompiledPolicy, new: CompiledPolicy, request: PolicyRequest) -> Iterator[Change]:
    before, after = old.decide(request), new.decide(request)
    if outcome(before) != outcome(after):
        yield Change(action=request.action_class, before=before, after=after, example=request)
