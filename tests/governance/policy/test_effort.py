"""Whoever writes a document, or a name, keeps nobody's process busy with it."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from governance.policy import current, globs, witness
from governance.policy.comparison import compare
from governance.policy.document import Document
from governance.policy.lint import dead_rules
from governance.policy.loader import load
from governance.policy.nodes import PolicyRefused


def made(*policies: dict[str, Any]) -> Document:
    rule = {"action": "read", "effect": "allow"}
    filled = [
        {"name": f"p{number}", "resources": [{"type": "d"}], "rules": [rule], **one}
        for number, one in enumerate(policies)
    ]
    return load(json.dumps({"policies": filled}), "policy.yaml")


@pytest.fixture
def in_force() -> Document:
    return load(current.built_in_text(), current.BUILT_IN)


def test_a_rule_with_thousands_of_purposes_is_not_compared_to_the_end(in_force):
    conditions = {
        "allowed_purposes": [f"x{number}" for number in range(5_000)],
        "max_rows_affected": 3,
        "max_pods_affected": 4,
        "max_xact_age_secs": 5,
    }
    rule = {"action": "read", "effect": "allow", "conditions": conditions}
    wanted = made({"resources": [{"type": "database"}], "rules": [rule]})
    assert compare(in_force, wanted).unknown


def test_all_rules_of_a_document_share_what_may_be_spent_on_it(monkeypatch):
    monkeypatch.setattr(witness, "MOST_STEPS", 20)  # enough for either rule, not for both
    found = list(dead_rules(made({"resources": [{"type": "a"}]}, {"resources": [{"type": "b"}]})))
    assert [(one.policy, one.undecided) for one in found] == [("p1", True)]


def test_ways_to_fit_a_policy_are_not_all_made_at_once():
    many = {
        "principals": [{"user": f"u{number}"} for number in range(3_000)],
        "resources": [{"type": "d"}] * 3_000,
    }
    assert [one.undecided for one in dead_rules(made({}, many))] == [True]


@pytest.mark.parametrize("name", ["a" * 200, "-" * 2_000])
def test_no_name_makes_a_pattern_of_many_stars_look_for_long(name):
    assert not globs.matches("*a" * 20 + "*-" * 20 + "*b", name)


def test_patterns_of_many_stars_fit_what_the_regular_expression_says():
    rng = random.Random(7)  # noqa: S311 - tests only
    for _ in range(3_000):
        pattern = "".join(rng.choice(["*", "*", "?", "a", "b", "/", "[^a]"]) for _ in range(7))
        name = "".join(rng.choice("ab/") for _ in range(rng.randint(0, 7)))
        assert globs.matches(pattern, name) == bool(globs.compiled(pattern).fullmatch(name))


def test_a_pattern_as_long_as_a_document_is_a_fault():
    with pytest.raises(PolicyRefused, match="more than 1000 characters"):
        made({"resources": [{"type": "d", "match": {"name_pattern": "[a-z]" * 300}}]})
