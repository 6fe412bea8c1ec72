"""Lint and diff are exact: checked against every request that a small document can tell apart."""

from __future__ import annotations

import itertools
import json
import random
from dataclasses import replace
from datetime import timedelta

import pytest

from governance.policy.diff import diff, loosens, outcome
from governance.policy.document import Document
from governance.policy.engine import CompiledPolicy
from governance.policy.lint import dead_rules, misspelt
from governance.policy.loader import load
from governance.policy.types import Effect
from governance.policy.witness import BEGIN, QUARTER, Side, witness
from governance.types import ActionClass
from tests.governance.policy.requests import ask, document
from tests.governance.policy.test_differential import maybe, some

NAMES = ["a", "ab", "abc", "b", "c/a", "zz", "z", "x/y", "ax", "axx", "abz", "zb", "c/"]
WEEK = [BEGIN + timedelta(hours=n) for n in range(7 * 24)]
READ = ActionClass.READ


def small(rng: random.Random) -> Document:
    """A few policies about names, two roles, a tag, and the day's halves."""
    policies = []
    for number in range(rng.randint(2, 5)):
        match = {
            **maybe(rng, "name", rng.choice(NAMES[:4]), 0.25),
            **maybe(rng, "name_pattern", rng.choice(["a*", "a?", "*", "?", "c/*", "*b*"]), 0.4),
            **maybe(rng, "tags", ["t"], 0.3),
            **maybe(rng, "tool", "x", 0.2),
        }
        halves = [{"hours": list(range(12))}, {"hours": list(range(12, 24))}, {"days": ["mon"]}]
        conditions = maybe(rng, "schedule", rng.choice(halves), 0.4)
        policies.append(
            {
                "name": f"p{number}",
                "resources": [{"type": "d", **({"match": match} if match else {})}],
                **maybe(rng, "principals", [{"role": r} for r in some(rng, ["r", "s"])], 0.4),
                "rules": [
                    {
                        "action": "read",
                        "effect": rng.choice(["allow", "deny", "require_approval"]),
                        **({"conditions": conditions} if conditions else {}),
                    }
                    for _ in range(rng.randint(1, 2))
                ],
            }
        )
    return load(json.dumps({"policies": policies}), "small.yaml")


def everything():
    """Every request that a small document can tell from another, on a Monday and a Tuesday."""
    moments = [WEEK[96 + hour] for hour in (0, 13, 24, 37)]
    for name, tags, roles, tool, at in itertools.product(
        NAMES, ["", "t"], ["", "r", "s", "r s"], ["", "x"], moments
    ):
        yield ask("read", "d", name, tags=tags, roles=roles, tool=tool, at=at)


REQUESTS = list(everything())


def reached(document):
    policy = CompiledPolicy(document)
    decided = (policy.decide(request) for request in REQUESTS)
    return {(d.policy, d.rule_index) for d in decided if d.rule_index is not None}


@pytest.mark.parametrize("seed", range(60))
def test_a_rule_is_dead_exactly_when_no_request_reaches_it(seed):
    drawn = small(random.Random(seed))  # noqa: S311 - a repeatable test
    dead = {(finding.policy, finding.rule) for finding in dead_rules(drawn)}
    rules = {(p.name, index) for p in drawn.policies for index in range(len(p.rules))}
    assert rules - dead == reached(drawn)


@pytest.mark.parametrize("seed", range(60))
def test_a_diff_tells_exactly_the_outcomes_that_change(seed):
    rng = random.Random(1000 + seed)  # noqa: S311 - likewise
    one = small(rng)
    other = small(rng) if seed % 3 else Document(tuple(rng.sample(one.policies, len(one.policies))))
    old, new = CompiledPolicy(one), CompiledPolicy(other)
    seen = set()
    for request in REQUESTS:
        pair = old.decide(request).effect, new.decide(request).effect
        seen |= {pair} if pair[0] is not pair[1] else set()
    told = diff(one, other)
    assert {(change.before.effect, change.after.effect) for change in told} == seen
    for change in told:
        assert outcome(old.decide(change.example)) == outcome(change.before)
        assert outcome(new.decide(change.example)) == outcome(change.after)


def test_a_name_is_found_between_overlapping_patterns():
    drawn = document(
        """
        policies:
          - {name: one, resources: [{type: d, match: {name_pattern: "a?*"}}],
             rules: [{action: read, effect: deny}]}
          - {name: two, resources: [{type: d, match: {name_pattern: "a*"}}],
             rules: [{action: read, effect: allow}]}
        """
    )
    found = witness([Side(policies=drawn.enabled, place=1)], READ)
    assert found is not None
    assert found.resource.name == "a"


def test_a_rule_lives_in_the_one_hour_that_others_leave():
    text = """
        policies:
          - {name: early, resources: [{type: d}],
             rules: [{action: read, effect: deny, conditions:
               {schedule: {hours: [0,1,2,3,4,5,6,7,8,9,10,11,12,13,14], timezone: Asia/Kolkata}}}]}
          - {name: late, resources: [{type: d}],
             rules: [{action: read, effect: deny, conditions:
               {schedule: {hours: [10,11,12,13,14,15,16,17,18], timezone: UTC}}}]}
          - {name: between, resources: [{type: d}],
             rules: [{action: read, effect: allow, conditions: {schedule: {hours: [9]}}}]}
    """
    drawn = document(text)
    assert list(dead_rules(drawn)) == []
    found = witness([Side(policies=drawn.enabled, place=2)], READ)
    assert (found.at.hour, found.at.minute) == (9, 30)
    assert list(dead_rules(document(text.replace("hours: [9]", "hours: [8]"))))


def test_the_moments_are_quarters_of_an_hour():
    assert timedelta(minutes=15) == QUARTER


STAYS = """
    policies:
      - name: one
        resources: [{type: d}]
        rules: [{action: write, effect: require_approval, conditions: {%s}}]
"""


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("approval_quorum: 2", "approval_quorum: 1"),
        ("approver_role: admin", "approver_role: approver"),
        ("four_eyes: true", "four_eyes: false"),
        ("reason_required: true", "reason_required: false"),
        ("valid_minutes: 5", "valid_minutes: 10"),
        ("reason_required: false", "valid_minutes: 1"),
        ("max_rows_affected: 10", "max_rows_affected: 11"),
        ("max_rows_affected: 10", "max_rows_affected: 0"),
        ("allowed_purposes: [a]", "allowed_purposes: [a, b]"),
        ("blocked_purposes: [a, b]", "blocked_purposes: [a]"),
    ],
)
def test_it_loosens_when_less_is_asked_for_and_tightens_the_other_way_round(before, after):
    one, other = document(STAYS % before), document(STAYS % after)
    assert any(change.loosens for change in diff(one, other))
    assert [change.loosens for change in diff(other, one)] == [False]


def test_words_and_layout_change_nothing():
    one = document(STAYS % "approval_quorum: 2")
    other = document((STAYS % "approval_quorum: 2").replace("effect:", "message: hello, effect:"))
    assert one.digest() != other.digest()
    assert diff(one, other) == []


def test_a_policy_switched_off_is_one_that_is_not_there():
    one = document(STAYS % "approval_quorum: 2")
    off = Document(tuple(replace(policy, enabled=False) for policy in one.policies))
    (change,) = diff(one, off)
    assert (change.before.effect, change.after.effect) == (Effect.REQUIRE_APPROVAL, Effect.DENY)
    assert not change.loosens
    assert loosens(change.after, change.before)


def test_a_word_that_looks_misspelt_is_told():
    text = """
        policies:
          - {name: a, resources: [{type: d, match: {tags: [production]}}],
             rules: [{action: read, effect: allow}]}
          - {name: b, resources: [{type: e, match: {tags: [production]}}],
             rules: [{action: read, effect: allow}]}
          - {name: c, resources: [{type: e, match: {tags: [prodction, tenant-1]}}],
             rules: [{action: write, effect: deny}]}
    """
    (finding,) = misspelt(document(text))
    assert finding.message == "the tag prodction is named once; is production meant?"
    assert (finding.line, finding.column) == (7, 5)


def test_words_as_long_as_texts_are_not_compared():
    """Made so that to compare two of them takes minutes."""
    long, alike = ("".join(chr(0x4E00 + n * step % 110) for n in range(9999)) for step in (1, 7))
    text = """
        policies:
          - {name: a, resources: [{type: d, match: {tags: [%s]}}],
             rules: [{action: read, effect: allow}]}
          - {name: b, resources: [{type: e, match: {tags: [%s]}}],
             rules: [{action: read, effect: allow}]}
          - {name: c, resources: [{type: e, match: {tags: [%s]}}],
             rules: [{action: write, effect: deny}]}
    """ % (long, long, alike)  # noqa: UP031 - the text is full of braces
    assert list(misspelt(document(text))) == []


def test_a_thousand_policies_are_looked_through():
    policies = [
        {
            "name": f"p{n}",
            "resources": [{"type": "d", "match": {"name": f"db-{n}"}}],
            "rules": [{"action": "read", "effect": "allow"}],
        }
        for n in range(300)
    ]
    policies.append(policies[7] | {"name": "twin"})
    drawn = load(json.dumps({"policies": policies}), "many.yaml")
    assert [finding.policy for finding in dead_rules(drawn)] == ["twin"]
