"""The vocabulary of causes is closed, and written down."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from agents.kubernetes.triage.rules import FAMILIES
from agents.triage.causes import CAUSES, database, kubernetes

ROOT = Path(__file__).resolve().parents[3]
RULES = sorted((ROOT / "agents/kubernetes/triage").rglob("*.py"))
_CAUSE = re.compile(r"[a-z]+/[a-z0-9-]+")
_CATEGORIES = {name.partition("/")[0] for name in CAUSES}


def test_names_are_unique_and_of_two_levels():
    assert len(CAUSES) == len(kubernetes.CAUSES) + len(database.CAUSES)
    for cause in CAUSES.values():
        assert re.fullmatch(r"[a-z]+/[a-z0-9]+(-[a-z0-9]+)*", cause.name)
        assert cause.title
        assert cause.about.endswith(".")


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.stem)
def test_rules_name_no_cause_outside_of_the_vocabulary(path):
    tree = ast.parse(path.read_text())
    texts = {it.value for it in ast.walk(tree) if isinstance(it, ast.Constant)}
    named = {
        it for it in texts if isinstance(it, str) and _CAUSE.fullmatch(it)
        and it.partition("/")[0] in _CATEGORIES
    }  # fmt: skip
    assert named <= set(CAUSES)


def test_every_rule_says_what_it_is_about():
    rules = [rule for family in FAMILIES for rule in family.RULES]
    assert len(rules) > 30
    assert all(rule.__doc__ for rule in rules)
    assert len(set(rules)) == len(rules)


def test_the_document_lists_every_cause_and_every_rule():
    said = (ROOT / "docs/triage.md").read_text()
    missing = [name for name in CAUSES if f"`{name}`" not in said]
    assert missing == [], "python -m agents.triage.causes prints the tables of docs/triage.md"
