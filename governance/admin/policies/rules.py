"""The rules of a document in words: who, on what, and what is decided. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from governance.policy.document import (
    DAYS,
    Conditions,
    Document,
    Policy,
    PrincipalMatch,
    ResourceMatch,
    Rule,
    Schedule,
    Who,
)
from governance.policy.types import Effect

EVERYBODY: Final = "everybody"
# Effect -> (what it is called, the badge that looks like it)
EFFECTS: Final[dict[Effect, tuple[str, str]]] = {
    Effect.ALLOW: ("allowed", "approved"),
    Effect.REQUIRE_APPROVAL: ("asks a person", "pending"),
    Effect.DENY: ("denied", "denied"),
}
SET_BY_HOUR: Final = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleWords:
    """`effect` and `badge` are of `EFFECTS`; `terms` are an approval's, `limits` deny beyond."""

    index: int
    actions: str
    effect: str
    badge: str
    terms: str
    limits: tuple[str, ...]
    message: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyWords:
    """One policy: whom it is about, on what, and its rules in their order."""

    policy: Policy
    who: str
    what: tuple[str, ...]
    rules: tuple[RuleWords, ...]


def in_words(document: Document) -> list[PolicyWords]:
    """Every policy, in the order they are tried."""
    return [
        PolicyWords(
            policy=policy,
            who=" or ".join(map(_who, policy.principals)) or EVERYBODY,
            what=tuple(map(_what, policy.resources)),
            rules=tuple(_rule(index, rule) for index, rule in enumerate(policy.rules)),
        )
        for policy in document.policies
    ]


def _who(item: PrincipalMatch) -> str:
    return EVERYBODY if item.who is Who.ANY else f"{item.who} {item.name}"


def _what(spec: ResourceMatch) -> str:
    parts = (
        f"named {spec.name}" if spec.name else "",
        f"named like {spec.name_pattern}" if spec.name_pattern else "",
        f"in the namespace {spec.namespace}" if spec.namespace else "",
        f"tagged {_all(spec.tags)}" if spec.tags else "",
        f"with {_all(spec.sensitivity)} data" if spec.sensitivity else "",
        f"by the tool {spec.tool}" if spec.tool else "",
        f"by tools like {spec.tool_pattern}" if spec.tool_pattern else "",
    )
    return ", ".join([spec.type, *filter(None, parts)])


def _rule(index: int, rule: Rule) -> RuleWords:
    effect, badge = EFFECTS[rule.outcome]
    asks = rule.outcome is Effect.REQUIRE_APPROVAL
    return RuleWords(
        index=index,
        actions=", ".join(rule.actions),
        effect=effect,
        badge=badge,
        terms=_terms(rule.conditions) if asks else "",
        limits=tuple(_limits(rule.conditions)),
        message=rule.message,
        line=rule.line,
    )


def _terms(conditions: Conditions) -> str:
    """How an approval is given."""
    quorum, minutes = conditions.approval_quorum, conditions.valid_minutes
    people = f"{quorum} people" if quorum > 1 else "one person"
    parts = (
        f"{people} with the role {conditions.approver_role} or above",
        "not who asked" if conditions.four_eyes else "also who asked",
        "with a reason" if conditions.reason_required else "",
        f"valid for {minutes} min" if minutes else "for one use",
    )
    return ", ".join(filter(None, parts))


def _limits(conditions: Conditions) -> Iterator[str]:
    """What a rule asks for besides; a schedule says when it applies, all else denies beyond."""
    if conditions.schedule is not None:
        yield f"only {_when(conditions.schedule)}"
    if conditions.max_rows_affected:
        yield f"at most {conditions.max_rows_affected} rows"
    if conditions.max_pods_affected:
        yield f"at most {conditions.max_pods_affected} pods"
    if conditions.max_xact_age_secs:
        yield f"a transaction at most {conditions.max_xact_age_secs} s old"
    if conditions.allowed_purposes:
        yield f"for the purpose {_any(conditions.allowed_purposes)}"
    if conditions.blocked_purposes:
        yield f"not for the purpose {_any(conditions.blocked_purposes)}"


def _when(schedule: Schedule) -> str:
    days = ", ".join(DAYS[day].capitalize() for day in sorted(schedule.days))
    hours = ", ".join(_spans(schedule.hours)) if len(schedule.hours) < SET_BY_HOUR else ""
    return " ".join(filter(None, [days, hours, schedule.timezone]))


def _spans(hours: Iterable[int]) -> Iterator[str]:
    """Hours that follow each other as one span, e.g. `16:00-24:00`."""
    numbered = enumerate(sorted(hours))
    for _, run in groupby(numbered, key=lambda pair: pair[1] - pair[0]):
        span = [hour for _, hour in run]
        yield f"{span[0]:02}:00-{span[-1] + 1:02}:00"


def _all(words: Iterable[str]) -> str:
    return " and ".join(sorted(words))


def _any(words: Iterable[str]) -> str:
    return " or ".join(sorted(words))
