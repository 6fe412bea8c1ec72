"""Four ways to the same decision: remembered, fresh, traced, and by somebody else's reading."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from governance.policy.engine import CompiledPolicy
from governance.policy.loader import load
from governance.policy.trace import explain
from governance.policy.types import PolicyRequest
from governance.types import ActionClass, ActorKind, Impact, Principal, Resource
from tests.governance.policy import naive

DOCUMENTS, REQUESTS = 200, 50  # 10,000 decisions
ROLES, USERS, SERVICES = ["dba", "sre", "dev"], ["ada", "bob"], ["aura", "bot"]
TYPES, TAGS, WORDS = ["database", "kubernetes"], ["production", "staging", "pii"], ["personal"]
NAMES = ["orders", "orders-eu", "ledger", "kube-system", "a/b"]
PATTERNS = ["orders*", "*", "kube-?ystem", "*-eu", "a/*", "o*s"]
TOOLS, SPACES = ["", "run_query", "terminate_session", "delete_pod"], ["", "shop", "kube-system"]
PURPOSES = ["", "maintenance", "emergency", "diagnostic"]
ZONES = ["UTC", "America/New_York", "Asia/Kolkata", "Europe/Vienna"]
ACTIONS = ["read", "write", "destructive"]


def some(rng: random.Random, words: list[Any], most: int = 2) -> list[Any]:
    return rng.sample(words, rng.randint(1, min(most, len(words))))


def maybe(rng: random.Random, key: str, value: Any, chance: float = 0.3) -> dict[str, Any]:
    return {key: value} if rng.random() < chance else {}


def a_policy(rng: random.Random, number: int) -> dict[str, Any]:
    who = [{"role": rng.choice(ROLES)}, {"user": rng.choice(USERS)}, {"any": True}]
    who.append({"service": rng.choice(SERVICES)})
    return {
        "name": f"p{number}",
        "resources": [a_resource(rng) for _ in range(rng.randint(1, 2))],
        "rules": [a_rule(rng) for _ in range(rng.randint(1, 3))],
        **maybe(rng, "priority", rng.choice([10, 20, -5])),
        **maybe(rng, "enabled", rng.random() < 0.5, 0.2),
        **maybe(rng, "principals", some(rng, who), 0.6),
    }


def a_resource(rng: random.Random) -> dict[str, Any]:
    match = {
        **maybe(rng, "name", rng.choice(NAMES), 0.2),
        **maybe(rng, "name_pattern", rng.choice(PATTERNS), 0.2),
        **maybe(rng, "tags", some(rng, TAGS), 0.4),
        **maybe(rng, "namespace", rng.choice(SPACES[1:]), 0.1),
        **maybe(rng, "sensitivity", WORDS, 0.1),
        **maybe(rng, "tool", rng.choice(TOOLS[1:]), 0.1),
        **maybe(rng, "tool_pattern", "t*", 0.1),
    }
    return {"type": rng.choice(TYPES), **({"match": match} if match else {})}


def a_rule(rng: random.Random) -> dict[str, Any]:
    conditions: dict[str, Any] = {
        **maybe(rng, "require_approval", value=True, chance=0.2),
        **maybe(rng, "max_rows_affected", rng.choice([0, 10, 100]), 0.2),
        **maybe(rng, "max_pods_affected", 3, 0.1),
        **maybe(rng, "max_xact_age_secs", 300, 0.1),
        **maybe(rng, "allowed_purposes", some(rng, PURPOSES[1:]), 0.2),
        **maybe(rng, "blocked_purposes", some(rng, PURPOSES[1:]), 0.2),
    }
    if rng.random() < 0.4:
        days = some(rng, naive.DAY_NAMES, 5)
        hours = rng.sample(range(24), 8)
        conditions["schedule"] = {"days": days, "hours": hours, "timezone": rng.choice(ZONES)}
    actions = some(rng, ACTIONS, 3)
    return {
        "action": actions[0] if len(actions) == 1 else actions,
        "effect": rng.choice(["allow", "deny", "require_approval"]),
        **({"conditions": conditions} if conditions else {}),
    }


def a_request(rng: random.Random) -> PolicyRequest:
    kind = rng.choice([ActorKind.USER, ActorKind.USER, ActorKind.AGENT, ActorKind.SYSTEM])
    measured = [None, 0, 10, 11, 101]
    return PolicyRequest(
        principal=Principal(
            kind=kind,
            name=rng.choice([*USERS, *SERVICES, "eve"]),
            roles=frozenset(rng.sample(ROLES, rng.randint(0, 2))),
        ),
        tool=rng.choice(TOOLS),
        action_class=ActionClass(rng.choice(ACTIONS)),
        resource=Resource(
            type=rng.choice([*TYPES, "host"] if rng.random() < 0.1 else TYPES),
            name=rng.choice(NAMES),
            tags=frozenset(rng.sample(TAGS, rng.randint(0, 2))),
            namespace=rng.choice(SPACES),
            sensitivity=frozenset(WORDS if rng.random() < 0.2 else []),
        ),
        purpose=rng.choice(PURPOSES),
        impact=Impact(
            rows=rng.choice(measured),
            pods=rng.choice([None, 3, 4]),
            xact_age_s=rng.choice([None, 300, 301]),
        ),
        at=datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=rng.randrange(525_600)),
    )


def check(rng: random.Random) -> set[str]:
    said = {"policies": [a_policy(rng, n) for n in range(rng.randint(1, 8))]}
    document = load(json.dumps(said, indent=1), "random.yaml")
    policy, effects = CompiledPolicy(document), set()
    for _ in range(REQUESTS):
        request = a_request(rng)
        expected = naive.decide(said, request)
        fresh = CompiledPolicy(document).decide(request)
        remembered = policy.decide(request)
        assert policy.decide(request) == remembered == fresh
        traced = explain(policy, request)["decision"]
        assert (fresh.effect, fresh.policy, fresh.rule_index) == expected, (said, request)
        told = (traced["effect"], traced["policy_name"], traced["rule_index"])
        assert told == expected
        assert traced.get("message", "") == fresh.message
        effects.add(str(fresh.effect) if fresh.policy != "default" else "default")
    return effects


@pytest.mark.parametrize("seed", range(4))
def test_memo_fresh_trace_and_a_naive_reading_agree(seed):
    rng, seen = random.Random(seed), set()  # noqa: S311 - a repeatable test
    for _ in range(DOCUMENTS // 4):
        seen |= check(rng)
    assert seen == {"allow", "deny", "require_approval", "default"}
