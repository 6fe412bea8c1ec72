"""The loader refuses whatever could mean something else than was meant, and says where."""

from __future__ import annotations

import pytest

from governance.inventory import parse
from governance.policy.current import built_in_text
from governance.policy.loader import load
from governance.policy.nodes import PolicyRefused
from governance.policy.types import Effect
from governance.types import Role
from governance.yamltext import MAX_CHARS
from tests.governance.policy.requests import document

GOOD = """\
version: "1"
policies:
  - name: one
    resources:
      - type: database
    rules:
      - action: read
        effect: allow
"""
RULE = "      - action: read\n        effect: allow\n"


def refusal(text, **more):
    with pytest.raises(PolicyRefused) as refused:
        load(text, "p.yaml", **more)
    return str(refused.value)


def with_rule(text):
    return GOOD.replace(RULE, text)


def with_conditions(text, effect="require_approval"):
    lines = "".join(f"          {line}\n" for line in text.splitlines())
    rule = f"      - action: read\n        effect: {effect}\n        conditions:\n{lines}"
    return GOOD.replace(RULE, rule)


def with_match(text):
    return GOOD.replace("type: database", f"{{type: database, match: {{{text}}}}}")


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("", "1:1", "nothing in it"),
        ("[]", "1:1", "must be a mapping"),
        ("a: b", "1:1", "no key 'a'"),
        ("policies: []", "1:11", "must not be empty"),
        (GOOD + "---\na: b\n", "9:1", "a second document"),
        (GOOD.replace('"1"', '"2"'), "1:10", "version must be one of 1"),
        (GOOD.replace("name: one", "name: no"), "3:11", "must be text and is a truth value"),
        (GOOD.replace("name: one", "name: 12"), "3:11", "must be text and is a number"),
        (GOOD.replace("name: one", "name: ''"), "3:11", "must not be empty"),
        (GOOD.replace("name: one", "nme: one"), "3:5", "no key 'nme'; did you mean name?"),
        (GOOD.replace("name: one", "priority: 1"), "3:5", "needs name"),
        (GOOD.replace("name: one", "name: one\n    effect: deny"), "4:5", "it belongs to a rule"),
        (
            GOOD.replace("effect: allow", "effect: deny\n        approval_quorum: 2"),
            "9:9",
            "a rule has no key 'approval_quorum'; it belongs below conditions, of a rule",
        ),
        (
            GOOD.replace("name: one", "name: one\n    conditions: {}"),
            "4:5",
            "a policy has no key 'conditions'; it belongs to a rule",
        ),
        (
            GOOD.replace("type: database", "{type: database, tags: [a]}"),
            "5:26",
            "it belongs below match, of an item of resources",
        ),
        (with_conditions("days: [mon]"), "10:11", "it belongs below schedule, of conditions"),
        (GOOD.replace("name: one", "name: one\n    name: two"), "4:5", "name is there twice"),
        (GOOD.replace("name: one", "name: one\n    priority: 010"), "4:15", "a whole number"),
        (GOOD.replace("name: one", "name: one\n    priority: 1:30"), "4:15", "a whole number"),
        (GOOD.replace("name: one", "name: one\n    enabled: yes"), "4:14", "true or false"),
        (GOOD.replace("name: one", 'name: "o\\u200bne"'), "3:11", "nobody sees, U+200B"),
        (GOOD.replace("name: one", 'name: "one\\0"'), "3:11", "nobody sees, U+0000"),
        (GOOD.replace("type: database", "type: data\u00adbase"), "5:15", "nobody sees, U+00AD"),
        (GOOD.replace("name: one", "name: &a one"), "3:11", "anchors and aliases"),
        (GOOD.replace("name: one", "name: *a"), "3:11", "anchors and aliases"),
        (GOOD.replace("name: one", "name: !!str one"), "3:11", "the tag"),
        (GOOD.replace("name: one", "name: !!python/name:os.system one"), "3:11", "the tag"),
        (GOOD.replace("name: one", 'name: "one'), "9:1", "not YAML"),
        (GOOD.replace("one", "x" * 101), "3:11", "at most 100 characters"),
        (GOOD + GOOD.split("policies:\n")[1], "9:11", "another policy is named one"),
        (GOOD.replace("type: database", "typ: database"), "5:9", "no key 'typ'"),
        (with_match("nam: a"), "5:34", "no key 'nam'"),
        (with_match("name_pattern: 'a[bc'"), "5:48", "cannot be read"),
        (with_match("tags: production"), "5:40", "tags must be a list"),
        (with_match("tags: [a, a]"), "5:44", "a is there twice"),
        (with_match("tags: []"), "5:40", "must not be empty"),
        (with_rule("      - effect: allow\n"), "7:9", "needs action"),
        (with_rule("      - action: read\n"), "7:9", "needs effect"),
        (with_rule(RULE.replace("read", "raed")), "7:17", "not 'raed'"),
        (with_rule(RULE.replace("read", "[read, unknown]")), "7:24", "not 'unknown'"),
        (with_rule(RULE.replace("read", "[read, read]")), "7:24", "twice"),
        (with_rule(RULE.replace("allow", "permit")), "8:17", "not 'permit'"),
        (with_rule("      []\n"), "7:7", "rules must not be empty"),
        (with_conditions("schedule: {days: [tues]}"), "10:29", "a day must be one of mon"),
        (with_conditions("schedule: {hours: [24]}"), "10:30", "from 0 to 23"),
        (with_conditions("schedule: {hours: [08]}"), "10:30", "a whole number"),
        (with_conditions("schedule: {hours: 8}"), "10:29", "hours must be a list"),
        (with_conditions("schedule: {}"), "10:21", "must name days or hours"),
        (
            with_conditions("schedule: {timezone: America/New_Yrok}"),
            "10:32",
            "America/New_Yrok is not a time zone",
        ),
        (with_conditions("schedule: {timezone: ../etc/passwd}"), "10:32", "not a time zone"),
        (with_conditions("schedule: {timezone: America}"), "10:32", "not a time zone"),
        (with_conditions("allowed_purposes: emergency"), "10:29", "must be a list"),
        (with_conditions("blocked_purposes: [1]"), "10:30", "must be text and is a number"),
        (with_conditions("allowed_purposes: []"), "10:29", "must not be empty"),
        (with_conditions("max_rows: 5"), "10:11", "did you mean max_rows_affected?"),
        (with_conditions("max_rows_affected: -1"), "10:30", "from 0"),
        (with_conditions("max_rows_affected: 1e3"), "10:30", "a whole number"),
        (with_conditions("approval_quorum: 0"), "10:28", "from 1"),
        (with_conditions("approver_role: boss"), "10:26", "viewer, operator, approver, admin"),
        (with_conditions("four_eyes: 1"), "10:22", "true or false"),
        (
            with_conditions("approval_quorum: 2", effect="allow"),
            "10:11",
            "says nothing where no approval is asked for",
        ),
        (
            GOOD.replace("    rules:", "    principals: [{user: a, role: b}]\n    rules:"),
            "6:18",
            "names one user, role or service",
        ),
        (
            GOOD.replace("    rules:", "    principals: [{any: false}]\n    rules:"),
            "6:24",
            "any can only be true",
        ),
        (
            GOOD.replace("    rules:", "    principals: [{group: a}]\n    rules:"),
            "6:19",
            "no key 'group'",
        ),
        ("a: " + "[" * 30 + "]" * 30, "1:23", "nested deeper than 20"),
        ("a: \x00", "1:1", "characters that YAML forbids"),
        ("#" * (MAX_CHARS + 1), "1:1", "longer than"),
    ],
)
def test_it_refuses(text, place, words):
    lines = refusal(text).splitlines()
    assert any(line.startswith(f"p.yaml:{place}: ") and words in line for line in lines), lines


def test_every_fault_is_told_at_once():
    text = GOOD.replace("read", "raed").replace("allow", "alow").replace("one", "no")
    assert len(refusal(text).splitlines()) == 3


def test_an_alias_bomb_is_refused_before_it_is_built():
    bomb = "a: &a [x, x]\n" + "\n".join(f"b{n}: &b{n} [*a, *a, *a]" for n in range(9))
    assert "anchors and aliases" in refusal(bomb)


def test_nothing_is_taken_from_the_environment(monkeypatch):
    monkeypatch.setenv("SECRET", "hunter2")
    text = GOOD.replace("effect: allow", "effect: allow\n        message: costs $5, ${SECRET}")
    assert document(text).policies[0].rules[0].message == "costs $5, ${SECRET}"


def test_all_that_the_language_has_is_read():
    policy = document(
        with_conditions(
            "approval_quorum: 2\napprover_role: admin\nfour_eyes: false\nreason_required: true\n"
            "valid_minutes: 30\nmax_rows_affected: 10\nmax_pods_affected: 3\n"
            "max_xact_age_secs: 60\nallowed_purposes: [a]\nblocked_purposes: [b]\n"
            "schedule: {days: [mon, sun], hours: [0, 23], timezone: Europe/Vienna}"
        )
    ).policies[0]
    conditions = policy.rules[0].conditions
    assert policy.rules[0].effect is Effect.REQUIRE_APPROVAL
    assert (conditions.approval_quorum, conditions.approver_role) == (2, Role.ADMIN)
    assert (conditions.four_eyes, conditions.reason_required) == (False, True)
    assert conditions.schedule.days == {0, 6}
    assert conditions.schedule.hours == {0, 23}


def test_the_digest_is_that_of_what_is_said_not_of_how_it_is_laid_out():
    plain = load(GOOD, "a.yaml")
    moved = load("# a comment\n" + GOOD.replace("type: database", "{type: database}"), "b.yaml")
    other = load(GOOD.replace("allow", "deny"), "a.yaml")
    assert plain.digest() == moved.digest() != other.digest()


INVENTORY = parse(
    '{"db_servers": {"orders": {"name": "o", "tags": ["production"], "sensitivity": ["pii"]}}}'
)


@pytest.mark.parametrize(
    ("match", "words"),
    [
        ("name: order", "there is no database in the inventory named order; there is orders"),
        ("name_pattern: 'x*'", "no database in the inventory fits x*"),
        ("tags: [prodution]", "nothing in the inventory has prodution in tags"),
        ("sensitivity: [pi]", "nothing in the inventory has pi in sensitivity"),
    ],
)
def test_names_that_nothing_in_the_inventory_has_are_refused(match, words):
    assert words in refusal(with_match(match), inventory=INVENTORY)


@pytest.mark.parametrize(
    "match", ["name: orders", "name_pattern: 'o*'", "tags: [production, inventory]"]
)
def test_names_of_the_inventory_are_read(match):
    assert load(with_match(match), "p.yaml", inventory=INVENTORY).policies


def test_the_document_that_comes_with_the_product_is_read_beside_any_inventory():
    assert load(built_in_text(), "p.yaml", inventory=INVENTORY).policies


def test_without_an_inventory_any_name_is_read():
    assert load(with_match("name: whatever"), "p.yaml").policies
