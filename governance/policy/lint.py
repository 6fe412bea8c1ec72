"""What a document says in vain: rules that can never decide, words that look misspelt. Pure."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

from governance.policy.document import Document, Policy, Rule, Who
from governance.policy.engine import CompiledPolicy
from governance.policy.witness import Effort, Side, TooManyNames, witness
from governance.types import ActionClass

ALIKE = 0.85
COMPARED_MOST = 200
WORD_CHARS = 100  # of a word that is compared: two of 10,000 characters take minutes
# What the work of a ticket needs to be decided, and what does not go without it.
OF_TICKETS = (
    ("ticket", ActionClass.READ, "agents may not plan, ask or give up"),
    ("repository", ActionClass.READ, "agents may not look around in Git"),
    ("file", ActionClass.READ, "agents may read no file"),
    ("file", ActionClass.WRITE, "agents may write no file"),
    ("repository", ActionClass.WRITE, "agents may not commit, push or resolve"),
)
TICKETS = "tickets"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """`rule` is the index of a rule that never decides `action`, because `before` does.

    A finding without a rule is about a word or about something missing, and only `message` tells
    of it. `undecided`: the names overlap in too many ways to know.
    """

    line: int
    column: int
    message: str
    policy: str = ""
    rule: int | None = None
    action: ActionClass | None = None
    before: str = ""
    undecided: bool = False

    @property
    def name(self) -> str:
        """What it is waived by; empty when it is not."""
        return self.policy if self.rule is None else f"{self.policy}#{self.rule}"


def lint(document: Document) -> list[Finding]:
    """Everything found: dead rules first, then words, then what tickets miss."""
    return [*dead_rules(document), *misspelt(document), *without_tickets(document)]


def without_tickets(document: Document) -> Iterator[Finding]:
    """What no rule can decide, and every ticket needs. Only whole types are looked for."""
    for kind, action, then in OF_TICKETS:
        if not any(_speaks_of(policy, kind, action) for policy in document.enabled):
            message = (
                f"no rule decides {action} of a {kind}: {then}; the policy `{TICKETS}` of the"
                " built-in document has such rules (manage.py policy show --text before the first"
                " activation, or docs/policy.md)"
            )
            yield Finding(line=1, column=1, message=message, policy=TICKETS)


def _speaks_of(policy: Policy, kind: str, action: ActionClass) -> bool:
    typed = any(spec.type == kind for spec in policy.resources)
    return typed and any(action in rule.actions for rule in policy.rules)


def dead_rules(document: Document) -> Iterator[Finding]:
    """Every action of every rule that no request can ever be decided by. Exact."""
    policies, engine, effort = document.enabled, CompiledPolicy(document), Effort()
    for place, policy in enumerate(policies):
        for index, rule in enumerate(policy.rules):
            for action in rule.actions:
                side = Side(policies=policies, place=place, rule=index)
                try:
                    if witness([side], action, effort) is None:
                        yield _dead(policy, index, action, before=_first(engine, side, action))
                except TooManyNames:
                    yield _unknown(policy, index, action)


def _dead(policy: Policy, index: int, action: ActionClass, *, before: str) -> Finding:
    why = f"{before} decides first" if before else "what it asks for can never be at once"
    return Finding(
        line=policy.rules[index].line,
        column=policy.rules[index].column,
        message=f"{policy.name} rule {index} never decides {action}: {why}",
        policy=policy.name,
        rule=index,
        action=action,
        before=before,
    )


def _unknown(policy: Policy, index: int, action: ActionClass) -> Finding:
    return Finding(
        line=policy.rules[index].line,
        column=policy.rules[index].column,
        message=(
            f"whether {policy.name} rule {index} ever decides {action} is not known: its patterns"
            " and those before it overlap in too many ways"
        ),
        policy=policy.name,
        rule=index,
        action=action,
        undecided=True,
    )


def _first(engine: CompiledPolicy, side: Side, action: ActionClass) -> str:
    """Who decides what the rule was written for, over a week; empty when that cannot be."""
    policy = side.policy
    assert policy is not None  # noqa: S101 - a rule's side has its policy
    rules = tuple(
        rule if index == side.rule else replace(rule, actions=())
        for index, rule in enumerate(policy.rules)
    )
    alone = Side(policies=(replace(policy, rules=rules),), place=0, rule=side.rule)
    request = witness([alone], action)
    if request is None:
        return ""
    assert request.at is not None  # noqa: S101 - a witness has its moment
    week = (request.at + timedelta(hours=hour) for hour in range(7 * 24))
    own = policy.rules[side.rule].conditions.schedule
    decided = (
        engine.decide(replace(request, at=at)) for at in week if own is None or own.active(at)
    )
    return " or ".join(dict.fromkeys(f"{one.policy} rule {one.rule_index}" for one in decided))


# --- words ---


def misspelt(document: Document) -> Iterator[Finding]:
    """Words used once that look like others used more often: roles, tags, purposes and so on."""
    uses: dict[str, dict[str, list[Policy | Rule]]] = {}
    for policy in document.policies:
        for kind, word, within in _words(policy):
            if len(word) <= WORD_CHARS:
                uses.setdefault(kind, {}).setdefault(word, []).append(within)
    for kind, words in uses.items():
        often = [word for word, places in words.items() if len(places) > 1][:COMPARED_MOST]
        for word, places in words.items():
            more = [o for o in often if _bare(o) != _bare(word)] if len(places) == 1 else []
            for near in difflib.get_close_matches(word, more, n=1, cutoff=ALIKE):
                message = f"the {kind} {word} is named once; is {near} meant?"
                yield Finding(line=places[0].line, column=places[0].column, message=message)


def _bare(word: str) -> str:
    """A word without its numbers: `tenant-1` and `tenant-2` are both meant."""
    return re.sub("[0-9]+", "0", word)


def _words(policy: Policy) -> Iterator[tuple[str, str, Policy | Rule]]:
    for item in policy.principals:
        if item.who is Who.ROLE:
            yield "role", item.name, policy
    for spec in policy.resources:
        yield "type", spec.type, policy
        yield from (("tag", tag, policy) for tag in spec.tags)
        yield from (("sensitivity", word, policy) for word in spec.sensitivity)
    for rule in policy.rules:
        yield from (("purpose", word, rule) for word in _purposes(rule))


def _purposes(rule: Rule) -> Iterable[str]:
    return sorted(rule.conditions.allowed_purposes | rule.conditions.blocked_purposes)
