"""`python -m tests.bench.policy`: decisions at 17 and 1,000 policies, beside Cedar and casbin.

The same requests in one run. Cedar and casbin are asked which rule decides; limits and purposes,
which neither has, are left to their host and not measured. What they answer is compared with ours.
CPU time of the calling thread, each decision measured by itself.
"""

from __future__ import annotations

import json
import logging
import os
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib import resources
from statistics import quantiles
from typing import Any
from zoneinfo import ZoneInfo

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "aura.settings")  # noqa: TID251 - Django's own
django.setup()

from governance.policy.document import Document, Policy, ResourceMatch, Rule, Who  # noqa: E402
from governance.policy.engine import CompiledPolicy  # noqa: E402
from governance.policy.loader import load  # noqa: E402
from governance.policy.trace import explain  # noqa: E402
from governance.policy.types import PolicyRequest  # noqa: E402
from governance.types import ActionClass, ActorKind, Impact, Principal, Resource  # noqa: E402
from tests.bench.figures import Figure, say, show  # noqa: E402

REQUESTS, SLOW_REQUESTS, ROUNDS = 1000, 100, 5
PROMISED_US = {17: 20.0, 1000: 50.0}
TRACE_MS = 1.0
VIENNA = ZoneInfo("Europe/Vienna")
ROLES = ["dba", "sre", "developer", "automation", "incident-commander"]
TAGS = ["production", "staging", "development", "inventory", "reporting"]
NAMES = {
    "database": ["orders", "ledger", "people", "wiki"],
    "kubernetes": ["shop", "kube-system", "default"],
    "host": ["db1", "db2"],
    "file": ["apps/web.yaml"],
}

Decided = tuple[str, int | None]
Ask = Callable[[PolicyRequest], Decided]


def documents() -> dict[int, Document]:
    """Our example, and as many tenants with policies like it as make a thousand."""
    text = resources.files("governance.policy").joinpath("examples/production.yaml").read_text()
    example = load(text, "production.yaml")
    many = [tenant(policy, n) for n in range(60) for policy in example.policies]
    return {17: example, 1000: Document.of(many[:1000])}


def tenant(policy: Policy, number: int) -> Policy:
    """The policy for one tenant: it asks for the tenant's tag too."""
    more = frozenset([f"tenant-{number}"])
    specs = tuple(replace(spec, tags=spec.tags | more) for spec in policy.resources)
    return replace(policy, name=f"{policy.name}-{number}", resources=specs)


def requests(policies: int) -> list[PolicyRequest]:
    rng = random.Random(policies)  # noqa: S311 - a repeatable benchmark
    return [request(rng, 58 if policies > 17 else 0) for _ in range(REQUESTS)]


def request(rng: random.Random, tenants: int) -> PolicyRequest:
    kind = rng.choice(list(NAMES))
    tags = {*rng.sample(TAGS, rng.randint(0, 2)), f"tenant-{rng.randint(0, tenants)}"}
    service = rng.random() < 0.2
    return PolicyRequest(
        principal=Principal(
            kind=ActorKind.AGENT if service else ActorKind.USER,
            name=rng.choice(["reporting", "autopilot"] if service else ["ada", "bob"]),
            roles=frozenset(rng.sample(ROLES, rng.randint(0, 2))),
        ),
        tool=rng.choice(["", "terminate_connection", "delete_pod"]),
        action_class=ActionClass(rng.choice(["read", "write", "destructive"])),
        resource=Resource(
            type=kind,
            name=rng.choice(NAMES[kind]),
            tags=frozenset(tags),
            sensitivity=frozenset(["personal"] if rng.random() < 0.1 else []),
        ),
        purpose=rng.choice(["", "maintenance", "support"]),
        impact=Impact(rows=rng.choice([None, 10, 5000])),
        at=datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=rng.randrange(525_600)),
    )


def rules(document: Document) -> Iterator[tuple[Policy, int, Rule]]:
    for policy in document.enabled:
        for index, rule in enumerate(policy.rules):
            yield policy, index, rule


# --- ours ---


def ours(policy: CompiledPolicy) -> Ask:
    def ask(request: PolicyRequest) -> Decided:
        decision = policy.decide(request)
        return decision.policy, decision.rule_index

    return ask


def afresh(policy: CompiledPolicy) -> Ask:
    """Nothing remembered: what a request costs that was never seen."""

    def ask(request: PolicyRequest) -> Decided:
        policy._memo.clear()
        decision = policy.decide(request)
        return decision.policy, decision.rule_index

    return ask


def traced(policy: CompiledPolicy) -> Ask:
    def ask(request: PolicyRequest) -> Decided:
        decision = explain(policy, request)["decision"]
        return decision["policy_name"], decision["rule_index"]

    return ask


# --- Cedar: each rule a permit; the host takes the first of those that hold ---


def cedar(document: Document) -> Ask:
    import cedarpy

    order = list(rules(document))
    policies = cedarpy.PolicySet.from_str("\n".join(permit(p, rule) for p, _, rule in order))
    entities = cedarpy.Entities.from_json_str("[]")

    def ask(request: PolicyRequest) -> Decided:
        asked = {
            "principal": {"type": "User", "id": request.principal.name},
            "action": {"type": "Action", "id": str(request.action_class)},
            "resource": {"type": "Resource", "id": request.resource.name},
            "context": context(request),
        }
        answer = cedarpy.is_authorized(asked, policies, entities)
        hits = [int(reason.removeprefix("policy")) for reason in answer.diagnostics.reasons]
        if not hits:
            return "default", None
        policy, index, _ = order[min(hits)]
        return policy.name, index

    return ask


def context(request: PolicyRequest) -> dict[str, Any]:
    assert request.at is not None
    there = request.at.astimezone(VIENNA)
    return {
        "service": request.principal.kind is not ActorKind.USER,
        "roles": sorted(request.principal.roles),
        "type": request.resource.type,
        "tags": sorted(request.resource.tags),
        "sensitivity": sorted(request.resource.sensitivity),
        "name": request.resource.name,
        "tool": request.tool,
        "day": there.weekday(),
        "hour": there.hour,
    }


def permit(policy: Policy, rule: Rule) -> str:
    actions = ", ".join(f'Action::"{action}"' for action in rule.actions)
    when = [any_of(spec_words(spec) for spec in policy.resources)]
    if policy.principals:
        when.append(any_of(who_words(item.who, item.name) for item in policy.principals))
    if schedule := rule.conditions.schedule:
        assert schedule.timezone == VIENNA.key
        when.append(f"{sorted(schedule.days)}.contains(context.day)")
        when.append(f"{sorted(schedule.hours)}.contains(context.hour)")
    return f"permit (principal, action in [{actions}], resource) when {{ {' && '.join(when)} }};"


def any_of(words: Iterator[str]) -> str:
    return f"({' || '.join(words)})"


def spec_words(spec: ResourceMatch) -> str:
    words = [f"context.type == {json.dumps(spec.type)}"]
    words += [f"context.tags.containsAll({json.dumps(sorted(spec.tags))})"] if spec.tags else []
    if spec.sensitivity:
        words.append(f"context.sensitivity.containsAll({json.dumps(sorted(spec.sensitivity))})")
    for key in ("name", "tool"):
        exact, pattern = getattr(spec, key), getattr(spec, f"{key}_pattern")
        words += [f"context.{key} == {json.dumps(exact)}"] if exact else []
        words += [f"context.{key} like {json.dumps(pattern)}"] if pattern else []
    return f"({' && '.join(words)})"


def who_words(who: Who, name: str) -> str:
    if who is Who.ROLE:
        return f"context.roles.contains({json.dumps(name)})"
    service = "context.service" if who is Who.SERVICE else "!context.service"
    return f"({service} && principal == User::{json.dumps(name)})"


# --- casbin: the first rule that a function of the host lets match ---

MODEL = """
[request_definition]
r = asked
[policy_definition]
p = rule, eft
[policy_effect]
e = priority(p.eft) || deny
[matchers]
m = fits(r.asked, p.rule)
"""


def casbin(document: Document) -> Ask:
    import casbin as library

    logging.disable(logging.WARNING)  # it logs every refusal in full
    order = list(rules(document))
    model = library.Model()
    model.load_model_from_text(MODEL)
    enforcer = library.Enforcer(model)
    enforcer.add_policies([[str(place), "allow"] for place in range(len(order))])

    def fits(request: PolicyRequest, place: str) -> bool:
        policy, _, rule = order[int(place)]
        schedule = rule.conditions.schedule
        assert request.at is not None
        return (
            request.action_class in rule.actions
            and policy.fits_resource(request)
            and policy.fits_principal(request.principal)
            and (schedule is None or schedule.active(request.at))
        )

    enforcer.add_function("fits", fits)

    def ask(request: PolicyRequest) -> Decided:
        allowed, matched = enforcer.enforce_ex(request)
        if not allowed:
            return "default", None
        policy, index, _ = order[int(matched[0])]
        return policy.name, index

    return ask


# --- measuring ---


def measure(
    ask: Ask, asked: Sequence[PolicyRequest], *, rounds: int = ROUNDS
) -> tuple[float, float, list[Decided]]:
    """(median, 99th percentile) in microseconds of CPU, the best of some rounds; the answers."""
    answers = [ask(request) for request in asked]
    found = []
    for _ in range(rounds):
        taken = []
        for request in asked:
            began = time.thread_time_ns()
            ask(request)
            taken.append((time.thread_time_ns() - began) / 1000)
        cut = quantiles(taken, n=100)
        found.append((cut[49], cut[98]))
    best = min(found, key=lambda pair: pair[1])
    return *best, answers


def figures(count: int, document: Document) -> list[Figure]:
    asked = requests(count)
    few = asked if count == 17 else asked[:SLOW_REQUESTS]
    policy = CompiledPolicy(document)
    p50, p99, answers = measure(ours(policy), asked)
    others: dict[str, tuple[float, float]] = {}
    for name, ask in (("Cedar", cedar(document)), ("casbin", casbin(document))):
        say(f"{count} policies: {name} …")
        *taken, theirs = measure(ask, few, rounds=1)
        others[name] = (taken[0], taken[1])
        differing = sum(a != b for a, b in zip(theirs, answers, strict=False))
        say(f"{count} policies: {name} decides {differing} of {len(few)} requests otherwise")
    best = min(pair[1] for pair in others.values())
    said = "; ".join(f"{name} {a:.0f}, {b:.0f}" for name, (a, b) in others.items())
    _, cold, _ = measure(afresh(policy), few)
    _, trace, _ = measure(traced(policy), few)
    return [
        Figure(
            name=f"decision, {count} policies, CPU p50, p99 in us",
            ours=f"{p50:.1f}, {p99:.1f}",
            theirs=said,
            ratio=p99 / best,
            promise=f"p99 < {PROMISED_US[count]:.0f} us",
            held=p99 < PROMISED_US[count],
        ),
        Figure(
            name=f"a request never seen, {count} policies, p99",
            ours=f"{cold:.0f} us",
            promise="told only",
            held=True,
        ),
        Figure(
            name=f"full trace and explanation, {count} policies, p99",
            ours=f"{trace / 1000:.2f} ms",
            promise=f"< {TRACE_MS:.0f} ms",
            held=trace / 1000 < TRACE_MS,
        ),
    ]


def main() -> None:
    every = [
        figure for count, document in documents().items() for figure in figures(count, document)
    ]
    show("The policy engine", every)


if __name__ == "__main__":
    main()
