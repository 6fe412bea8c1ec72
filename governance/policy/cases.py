"""Cases beside a document: what it is meant to decide, in the same strict YAML. Pure.

`production.tests.yaml` holds the cases of `production.yaml`:

    cases:
      - name: the freeze holds for DBAs too
        request: { user: ada, roles: [dba], action: write, type: database, name: orders,
                   tags: [production], at: "2026-03-06T17:00:00+01:00" }
        expect: { effect: deny, policy: release-freeze }
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import yaml

from governance.policy.engine import CompiledPolicy
from governance.policy.nodes import PolicyRefused, Reader, compose
from governance.policy.types import Decision, Effect, PolicyRequest
from governance.types import ActionClass, ActorKind, Impact, Principal, Resource, Role

TEXTS = ("user", "service", "tool", "purpose", "type", "name", "namespace", "at")
LISTS = ("roles", "tags", "sensitivity")
NUMBERS = ("rows", "pods", "xact_age_secs")
EXPECTED = ("effect", "policy", "rule", "quorum", "approver_role", "four_eyes", "reason_required")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A request and what is to come of it; what `expect` does not name may be anything."""

    name: str
    line: int
    request: PolicyRequest
    expect: dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """`wrong` says what differs; empty when the case holds."""

    case: Case
    decision: Decision
    wrong: str


def beside(policy_file: Path) -> Path:
    """Where the cases of a policy file are kept."""
    return policy_file.with_suffix(f".tests{policy_file.suffix}")


def load_cases(text: str, source: str) -> list[Case]:
    """The cases in `text`. Raises `PolicyRefused` with every fault and its place."""
    root, reader = compose(text, source), Reader()
    keys = reader.mapping(root, "the file", ["cases"], needs=["cases"])
    nodes = reader.sequence(keys["cases"], "cases") if "cases" in keys else []
    cases = [_case(node, reader) for node in nodes]
    if reader.faults:
        raise PolicyRefused(source, reader.faults)
    return cases


def run(policy: CompiledPolicy, cases: Sequence[Case]) -> Iterator[Result]:
    """Ask the policy about every case."""
    for case in cases:
        decision = policy.decide(case.request)
        said = {
            "effect": decision.effect,
            "policy": decision.policy,
            "rule": decision.rule_index,
            "quorum": decision.quorum,
            "approver_role": decision.approver_role,
            "four_eyes": decision.four_eyes,
            "reason_required": decision.reason_required,
        }
        wrong = [
            f"{key} is {said[key]} and not {wanted}"
            for key, wanted in case.expect.items()
            if said[key] != wanted
        ]
        yield Result(case=case, decision=decision, wrong="; ".join(wrong))


def uncovered(policy: CompiledPolicy, results: Sequence[Result]) -> list[tuple[str, int]]:
    """(policy, rule index) of every enabled rule that decided no case."""
    reached = {(result.decision.policy, result.decision.rule_index) for result in results}
    return [
        (one.name, index)
        for one in policy.document.enabled
        for index in range(len(one.rules))
        if (one.name, index) not in reached
    ]


def _case(node: yaml.Node, reader: Reader) -> Case:
    keys = reader.mapping(
        node, "a case", ("name", "request", "expect"), needs=("name", "request", "expect")
    )
    return Case(
        name=reader.text(keys["name"], "name") if "name" in keys else "",
        line=node.start_mark.line + 1,
        request=_request(keys.get("request", node), reader),
        expect=_expected(keys["expect"], reader) if "expect" in keys else {},
    )


def _request(node: yaml.Node, reader: Reader) -> PolicyRequest:
    keys = reader.mapping(
        node, "request", (*TEXTS, *LISTS, *NUMBERS, "action"), needs=("action", "type", "name")
    )
    texts = {key: reader.text(keys[key], key) for key in TEXTS if key in keys}
    lists = {key: frozenset(reader.texts(keys[key], key)) for key in LISTS if key in keys}
    counts = {key: reader.whole(keys[key], key, least=0) for key in NUMBERS if key in keys}
    if "user" in keys and "service" in keys:
        reader.fault(keys["service"], "who asks is a user or a service")
    kind = ActorKind.AGENT if "service" in keys else ActorKind.USER
    who = texts.get("service") or texts.get("user", "somebody")
    action = reader.choice(keys["action"], "action", list(ActionClass)) if "action" in keys else ""
    return PolicyRequest(
        principal=Principal(kind=kind, name=who, roles=lists.get("roles", frozenset())),
        tool=texts.get("tool", ""),
        action_class=ActionClass(action or ActionClass.UNKNOWN),
        resource=Resource(
            type=texts.get("type", ""),
            name=texts.get("name", ""),
            tags=lists.get("tags", frozenset()),
            namespace=texts.get("namespace", ""),
            sensitivity=lists.get("sensitivity", frozenset()),
        ),
        purpose=texts.get("purpose", ""),
        impact=Impact(
            rows=counts.get("rows"), pods=counts.get("pods"), xact_age_s=counts.get("xact_age_secs")
        ),
        at=_moment(keys["at"], reader) if "at" in keys else None,
    )


def moment(text: str) -> datetime:
    """An aware moment. Raises `ValueError`."""
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError(f"{text} lacks its offset from UTC")
    return found


def _moment(node: yaml.Node, reader: Reader) -> datetime | None:
    try:
        return moment(str(node.value))
    except ValueError:
        reader.fault(node, 'at must be a moment such as "2026-03-06T17:00:00+01:00"')
        return None


def _expected(node: yaml.Node, reader: Reader) -> dict[str, object]:
    keys = reader.mapping(node, "expect", EXPECTED, needs=["effect"])
    found: dict[str, object] = {}
    for key, value in keys.items():
        if key in ("four_eyes", "reason_required"):
            found[key] = reader.truth(value, key)
        elif key in ("rule", "quorum"):
            found[key] = reader.whole(value, key, least=0)
        elif key == "policy":
            found[key] = reader.text(value, key)
        else:
            found[key] = reader.choice(value, key, list(Effect if key == "effect" else Role))
    return found
