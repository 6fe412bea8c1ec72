"""Finds a request that given rules decide, or knows that there is none. Exact, and pure.

A rule decides what fits its policy and no earlier one. Everything a policy can ask for is of one
kind: more roles, tags or matching names only make more policies fit. So it is enough to try, for
each way to fit the rule, the request that has nothing beyond what that way needs. What is left to
search are names (several patterns may overlap) and moments (several schedules may), and both are
finite: names by the automaton of all patterns that matter, moments by the quarter hours of a year.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from itertools import pairwise, product
from typing import Any
from zoneinfo import ZoneInfo

from governance.policy import globs
from governance.policy.document import Policy, PrincipalMatch, ResourceMatch, Schedule, Who
from governance.policy.types import PolicyRequest
from governance.types import ActionClass, ActorKind, Principal, Resource

MOST_STEPS = 2_000_000  # of one question; each is about a microsecond
STEPS_OF_A_POLICY = 5
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
QUARTERS = 365 * 24 * 4
NICE = "abcdefghijklmnopqrstuvwxyz0123456789-_.ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class TooManyNames(Exception):
    """The rules overlap in more ways than are looked at."""


class Effort:
    """What all looks of one question may cost together: whoever writes a document must not keep a
    process busy with it.
    """

    def __init__(self) -> None:
        self._left = MOST_STEPS

    def spend(self, steps: int) -> None:
        """Raises `TooManyNames`, from the first time on that there is not enough left."""
        self._left -= steps
        if self._left < 0:
            raise TooManyNames


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """A rule that is to decide: `policies` are the enabled ones in order, `place` is that of its
    policy among them. `place` past the end stands for the default, and then `rule` means nothing.
    """

    policies: tuple[Policy, ...]
    place: int
    rule: int = 0

    @property
    def policy(self) -> Policy | None:
        return self.policies[self.place] if self.place < len(self.policies) else None


@dataclass(frozen=True, slots=True)
class _Names:
    """What a name must be, or must not be all of: exact texts and patterns."""

    exact: frozenset[str]
    patterns: frozenset[str]

    def __or__(self, other: _Names) -> _Names:
        return _Names(self.exact | other.exact, self.patterns | other.patterns)

    def fits(self, text: str) -> bool:
        return all(text == one for one in self.exact) and all(
            globs.matches(pattern, text) for pattern in self.patterns
        )


@dataclass(frozen=True, slots=True)
class _Blocker:
    """Something that would decide first: when its names fit, while one of `schedules` is active.

    Without schedules it is active always.
    """

    namespace: str
    name: _Names
    tool: _Names
    schedules: frozenset[Schedule]

    def fits(self, namespace: str, name: str, tool: str) -> bool:
        here = not self.namespace or self.namespace == namespace
        return here and self.name.fits(name) and self.tool.fits(tool)


NO_NAMES = _Names(frozenset(), frozenset())


def witness(
    sides: Sequence[Side], action: ActionClass, effort: Effort | None = None
) -> PolicyRequest | None:
    """A request, with its moment, that every side's rule decides; None: there is none.

    Raises `TooManyNames`.
    """
    effort = effort or Effort()
    for way in product(*(part for side in sides for part in _parts(side.policy))):
        effort.spend(STEPS_OF_A_POLICY * sum(1 + len(side.policies) for side in sides))
        items, specs = [item for item in way[::2] if item], [spec for spec in way[1::2] if spec]
        principal, wanted = _principal(items, sides), _wanted(specs)
        if principal is None or wanted is None:
            continue
        if (found := _search(sides, action, principal, wanted, effort)) is not None:
            return found
    return None


def _parts(policy: Policy | None) -> tuple[Sequence[Any], Sequence[Any]]:
    """Each way to fit a policy is one of its principals with one of its resources."""
    return (policy.principals or (None,), policy.resources) if policy else ((None,), (None,))


def _principal(items: Iterable[PrincipalMatch], sides: Sequence[Side]) -> Principal | None:
    """Somebody whom all items name and who has nothing else; None: nobody can be all of it."""
    named = {(item.who, item.name) for item in items if item.who in (Who.USER, Who.SERVICE)}
    roles = frozenset(item.name for item in items if item.who is Who.ROLE)
    if len(named) > 1:
        return None
    if not named:
        return Principal(kind=ActorKind.USER, name=_stranger(sides), roles=roles)
    ((who, name),) = named
    kind = ActorKind.USER if who is Who.USER else ActorKind.AGENT
    return Principal(kind=kind, name=name, roles=roles)


def _stranger(sides: Sequence[Side]) -> str:
    return _nobody(tuple(side.policies for side in sides))


@lru_cache(maxsize=16)
def _nobody(documents: tuple[tuple[Policy, ...], ...]) -> str:
    """A name that no policy knows."""
    known = {item.name for policies in documents for one in policies for item in one.principals}
    name = "somebody"
    while name in known:
        name += "-else"
    return name


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What a resource must have, and no more."""

    type: str
    tags: frozenset[str]
    sensitivity: frozenset[str]
    namespace: str
    name: _Names
    tool: _Names


def _wanted(specs: Sequence[ResourceMatch]) -> _Wanted | None:
    """All specs at once; None: nothing can be all of it."""
    types = {spec.type for spec in specs}
    namespaces = {spec.namespace for spec in specs if spec.namespace}
    if len(types) != 1 or len(namespaces) > 1:
        return None
    wanted = _Wanted(
        types.pop(),
        frozenset[str]().union(*(spec.tags for spec in specs)),
        frozenset[str]().union(*(spec.sensitivity for spec in specs)),
        namespaces.pop() if namespaces else "",
        _all_of(_names(spec.name, spec.name_pattern) for spec in specs),
        _all_of(_names(spec.tool, spec.tool_pattern) for spec in specs),
    )
    return None if len(wanted.name.exact) > 1 or len(wanted.tool.exact) > 1 else wanted


def _names(exact: str, pattern: str) -> _Names:
    return _Names(frozenset(filter(None, [exact])), frozenset(filter(None, [pattern])))


def _all_of(names: Iterable[_Names]) -> _Names:
    found = NO_NAMES
    for one in names:
        found |= one
    return found


def _search(
    sides: Sequence[Side],
    action: ActionClass,
    principal: Principal,
    wanted: _Wanted,
    effort: Effort,
) -> PolicyRequest | None:
    effort.spend(sum(len(one.resources) for side in sides for one in side.policies[: side.place]))
    needed, blockers = set[Schedule](), list[_Blocker]()
    for side in sides:
        if (found := _own(side, action)) is None:
            return None
        needed |= found[0]
        blockers += [*found[1], *_earlier(side, action, principal, wanted)]
    if any(_is_certain(one) and not one.schedules for one in blockers):
        return None
    schedules = frozenset(needed).union(*(one.schedules for one in blockers))
    for active, at in _moments(schedules, effort):
        if not needed <= active:
            continue
        awake = [one for one in blockers if not one.schedules or one.schedules & active]
        for name, tool in _texts(wanted, awake, effort):
            return PolicyRequest(
                principal=principal,
                tool=tool,
                action_class=action,
                resource=Resource(
                    type=wanted.type,
                    name=name,
                    tags=wanted.tags,
                    namespace=wanted.namespace,
                    sensitivity=wanted.sensitivity,
                ),
                at=at,
            )
    return None


def _own(side: Side, action: ActionClass) -> tuple[set[Schedule], list[_Blocker]] | None:
    """The schedule that the rule needs, and its policy's earlier rules; None: one is always on."""
    if side.policy is None:
        return set(), []
    earlier = [rule for index, rule in side.policy.rules_for(action) if index < side.rule]
    schedules = [rule.conditions.schedule for rule in earlier]
    if None in schedules:
        return None
    own = side.policy.rules[side.rule].conditions.schedule
    blockers = [
        _Blocker("", NO_NAMES, NO_NAMES, frozenset([schedule]))
        for schedule in schedules
        if schedule
    ]
    return ({own} if own else set()), blockers


def _earlier(
    side: Side, action: ActionClass, principal: Principal, wanted: _Wanted
) -> Iterator[_Blocker]:
    for policy in side.policies[: side.place]:
        near = [spec for spec in policy.resources if _may_fit(spec, wanted)]
        if not near or not policy.fits_principal(principal):
            continue
        schedules = [rule.conditions.schedule for _, rule in policy.rules_for(action)]
        if not schedules:
            continue
        sometimes = frozenset(one for one in schedules if one)
        for spec in near:
            yield _Blocker(
                spec.namespace,
                _names(spec.name, spec.name_pattern),
                _names(spec.tool, spec.tool_pattern),
                frozenset() if None in schedules else sometimes,
            )


def _may_fit(spec: ResourceMatch, wanted: _Wanted) -> bool:
    return (
        spec.type == wanted.type
        and spec.tags <= wanted.tags
        and spec.sensitivity <= wanted.sensitivity
        and spec.namespace in ("", wanted.namespace)
    )


def _is_certain(blocker: _Blocker) -> bool:
    return blocker.name == NO_NAMES and blocker.tool == NO_NAMES


# --- moments ---


def _moments(
    schedules: frozenset[Schedule], effort: Effort
) -> Iterator[tuple[frozenset[Schedule], datetime]]:
    """A moment for each set of schedules that are ever active together, with that set."""
    classes = [(frozenset[Schedule](), (1 << QUARTERS) - 1)]
    for schedule in sorted(schedules, key=repr):
        mask = _active(schedule)
        effort.spend(len(classes) * len(schedules))
        classes = [
            (active | {schedule} if inside else active, part)
            for active, quarters in classes
            for inside, part in ((True, quarters & mask), (False, quarters & ~mask))
            if part
        ]
    for active, quarters in classes:
        yield active, BEGIN + QUARTER * ((quarters & -quarters).bit_length() - 1)


@lru_cache(maxsize=256)
def _active(schedule: Schedule) -> int:
    """The quarter hours of a year in which a schedule is active, as bits."""
    chosen = {24 * day + hour for day in schedule.days for hour in schedule.hours}
    bits = bytes(ord("1") if hour in chosen else ord("0") for hour in range(256))
    return int(_local(schedule.timezone)[::-1].translate(bits), 2)


@cache  # there are a few hundred zones
def _local(zone: str) -> bytes:
    """The hour of the week there, of every quarter hour."""
    there = ZoneInfo(zone)
    moments = ((BEGIN + QUARTER * n).astimezone(there) for n in range(QUARTERS))
    return bytes(24 * moment.weekday() + moment.hour for moment in moments)


# --- names ---


def _texts(
    wanted: _Wanted, blockers: Sequence[_Blocker], effort: Effort
) -> Iterator[tuple[str, str]]:
    """Names of a resource and of a tool that no blocker fits: plain ones if they will do."""
    plain = _plain(wanted.name, "anything"), _plain(wanted.tool, "")
    if _is_free(wanted, *plain, blockers):
        yield plain
        return
    named = [one.name for one in blockers], [one.tool for one in blockers]
    names = list(_choices(wanted.name, named[0], effort, may_be_empty=False))
    tools = list(_choices(wanted.tool, named[1], effort, may_be_empty=True))
    for pair in product(names, tools):
        effort.spend(1 + len(blockers))
        if _is_free(wanted, *pair, blockers):
            yield pair


def _is_free(wanted: _Wanted, name: str, tool: str, blockers: Sequence[_Blocker]) -> bool:
    fits = wanted.name.fits(name) and wanted.tool.fits(tool)
    return fits and not any(one.fits(wanted.namespace, name, tool) for one in blockers)


def _plain(names: _Names, usual: str) -> str:
    """A text to try first; it may not fit."""
    if names.exact:
        return min(names.exact)
    filled = (pattern.replace("*", "anything") for pattern in sorted(names.patterns))
    return next(filled, usual)


def _choices(
    wanted: _Names, others: Iterable[_Names], effort: Effort, *, may_be_empty: bool
) -> Iterator[str]:
    """A text for each way to be as wanted and to fit, or not, what others ask for."""
    if wanted.exact:
        return iter(sorted(text for text in wanted.exact if wanted.fits(text)))
    return _automaton(wanted.patterns, _all_of(others), effort, may_be_empty=may_be_empty)


def _automaton(
    required: frozenset[str], other: _Names, effort: Effort, *, may_be_empty: bool
) -> Iterator[str]:
    """The shortest text for each set of patterns and names that fit together."""
    machines = [globs.tokens(pattern) for pattern in sorted(required)]
    count = len(machines)
    machines += [globs.tokens(pattern) for pattern in sorted(other.patterns - required)]
    machines += [tuple(globs.exactly(name)) for name in sorted(other.exact)]
    alphabet = _alphabet(machines)
    start = tuple(globs.closure(machine, {0}) for machine in machines)
    seen, fits, queue = {start}, set[tuple[bool, ...]](), deque([(start, "")])
    while queue:
        state, text = queue.popleft()
        fit = tuple(len(m) in places for m, places in zip(machines, state, strict=True))
        if all(fit[:count]) and fit not in fits and (text or may_be_empty):
            fits.add(fit)
            yield text
        effort.spend(len(alphabet) * sum(map(len, state)))
        for char in alphabet:
            after = tuple(globs.step(m, p, char) for m, p in zip(machines, state, strict=True))
            if after not in seen and all(after[:count]):
                seen.add(after)
                queue.append((after, text + char))


def _alphabet(machines: Iterable[tuple[globs.Token, ...]]) -> list[str]:
    """One character of each kind that the patterns tell apart, readable where there is one."""
    edges = {1, ord("/"), ord("/") + 1, 0xD800, 0xE000, globs.MAX_CODE + 1}
    for machine in machines:
        for token in machine:
            if isinstance(token, globs.One):
                edges |= {edge for low, high in token.ranges for edge in (low, high + 1)}
    ordered = sorted(edge for edge in edges if edge >= 1)
    found = [
        next((char for char in NICE if low <= ord(char) < high), chr(low))
        for low, high in pairwise(ordered)
        if low != 0xD800  # noqa: PLR2004 - halves of characters
    ]
    return sorted(found, key=lambda char: (char not in NICE, NICE.find(char)))
