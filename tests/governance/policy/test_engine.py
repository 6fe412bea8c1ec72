"""What decides: order, schedules, limits, modes, defaults."""

from __future__ import annotations

from datetime import datetime

import pytest

from governance.policy import globs
from governance.policy.engine import CompiledPolicy, Options
from governance.policy.types import Effect
from governance.types import ActionClass, Impact, Role
from tests.governance.policy.requests import ask, compiled, document

ALLOW, ASK, DENY = Effect

TWO = """
policies:
  - name: first
    resources: [{type: database}]
    rules: [{action: read, effect: allow}]
  - name: second
    resources: [{type: database}]
    rules: [{action: [read, write], effect: deny}]
"""


def one_rule(rule, action="write", effect="allow"):
    return compiled(
        f"""
        policies:
          - name: one
            resources: [{{type: database}}]
            rules: [{{action: {action}, effect: {effect}, conditions: {{{rule}}}}}]
        """
    )


def test_equal_priorities_are_tried_in_the_order_they_are_written():
    assert compiled(TWO).decide(ask("read")).policy == "first"
    names = [f"p{n}" for n in range(40)]
    text = "policies:\n" + "".join(
        f"  - {{name: {n}, resources: [{{type: database}}],"
        " rules: [{action: read, effect: allow}]}\n"
        for n in names
    )
    assert [policy.name for policy in compiled(text).policies] == names


def test_a_policy_whose_rules_all_miss_leaves_it_to_the_next():
    assert compiled(TWO).decide(ask("write")).policy == "second"


def test_what_nothing_decides_is_denied():
    decision = compiled(TWO).decide(ask("destructive"))
    assert (decision.effect, decision.policy, decision.rule_index) == (DENY, "default", None)
    assert decision.message == "No matching policy found"


@pytest.mark.parametrize("effect", Effect)
def test_the_default_may_be_set(effect):
    policy = compiled(TWO, options=Options(default_effect=effect))
    assert policy.decide(ask("destructive")).effect is effect


def test_what_does_not_tell_its_class_is_denied_whatever_the_default():
    policy = compiled(TWO, options=Options(default_effect=ALLOW, dry_run=True))
    decision = policy.decide(ask("unknown", tool="mystery"))
    assert decision.effect is DENY
    assert "mystery does not tell what it would do" in decision.message


def test_read_only_mode_comes_before_any_rule_and_before_a_dry_run():
    policy = one_rule("max_rows_affected: 1")
    readonly = CompiledPolicy(policy.document, options=Options(readonly=True, dry_run=True))
    assert policy.decide(ask("write")).effect is ALLOW
    for action in ("write", "destructive"):
        decision = readonly.decide(ask(action))
        assert (decision.effect, decision.policy) == (DENY, "readonly_mode")
    assert compiled(TWO, options=Options(readonly=True)).decide(ask("read")).effect is ALLOW


def test_a_dry_run_lets_through_and_says_what_it_would_have_done():
    decision = compiled(TWO, options=Options(dry_run=True)).decide(ask("write"))
    assert (decision.effect, decision.dry_run, decision.policy) == (ALLOW, True, "second")
    assert decision.message.startswith("[DRY RUN] ")
    assert not compiled(TWO, options=Options(dry_run=True)).decide(ask("read")).dry_run


@pytest.mark.parametrize(
    ("at", "active"),
    [
        ("2026-03-06T16:00:00+01:00", True),
        ("2026-03-06T15:59:59+01:00", False),
        ("2026-03-06T15:00:00+00:00", True),  # the same moment, said in London
        ("2026-07-03T14:00:00+00:00", True),  # summer time
        ("2026-07-03T16:00:00+00:00", False),
        ("2026-03-07T16:00:00+01:00", False),
    ],
)
def test_a_schedule_is_kept_in_its_own_time_zone(at, active):
    policy = one_rule("schedule: {days: [fri], hours: [16, 17], timezone: Europe/Vienna}")
    decision = policy.decide(ask("write", at=datetime.fromisoformat(at)))
    assert (decision.effect is ALLOW) is active


def test_a_schedule_is_looked_at_anew_though_the_match_is_remembered():
    moments = [datetime.fromisoformat(f"2026-03-04T{hour}:00:00+00:00") for hour in ("09", "21")]
    text = """
        policies:
          - name: one
            resources: [{type: database}]
            rules: [{action: write, effect: allow, conditions: {schedule: {hours: [9]}}}]
    """
    policy = compiled(text, clock=lambda: moments[0])
    assert policy.decide(ask("write", at=None)).effect is ALLOW
    assert policy.decide(ask("write", at=moments[1])).effect is DENY
    assert policy.decide(ask("write", at=None)).effect is ALLOW


@pytest.mark.parametrize(
    ("rule", "impact", "message"),
    [
        ("max_rows_affected: 100", Impact(rows=101), "Operation affects 101 rows, limit is 100"),
        ("max_pods_affected: 3", Impact(pods=4), "Operation affects 4 pods, limit is 3"),
        (
            "max_xact_age_secs: 60",
            Impact(xact_age_s=300),
            "Transaction has been open for 5m 0s; rollback may take as long. Limit is 1m 0s",
        ),
    ],
)
@pytest.mark.parametrize("effect", ["allow", "require_approval"])
def test_beyond_a_limit_it_is_denied_even_where_an_approval_would_do(rule, impact, message, effect):
    policy = one_rule(rule, effect=effect)
    decision = policy.decide(ask("write", impact=impact))
    assert (decision.effect, decision.message) == (DENY, message)
    assert decision.conditions


@pytest.mark.parametrize("impact", [Impact(), Impact(rows=100), Impact(rows=0)])
def test_at_the_limit_and_before_it_is_measured_the_rule_holds(impact):
    assert one_rule("max_rows_affected: 100").decide(ask("write", impact=impact)).effect is ALLOW


def test_a_limit_of_zero_is_no_limit():
    policy = one_rule("max_rows_affected: 0")
    assert policy.decide(ask("write", impact=Impact(rows=10**9))).effect is ALLOW


@pytest.mark.parametrize(
    ("purpose", "effect"), [("emergency", ALLOW), ("", DENY), ("test", DENY), ("audit", ALLOW)]
)
def test_a_purpose_that_is_not_allowed_denies_and_does_not_skip(purpose, effect):
    policy = one_rule("allowed_purposes: [emergency, audit]")
    assert policy.decide(ask("write", purpose=purpose)).effect is effect


def test_an_approval_is_asked_for_as_the_rule_says():
    policy = one_rule(
        "require_approval: true, approval_quorum: 2, approver_role: admin, four_eyes: false,"
        " reason_required: true, valid_minutes: 5"
    )
    decision = policy.decide(ask("write"))
    assert (decision.effect, decision.quorum, decision.approver_role) == (ASK, 2, Role.ADMIN)
    assert (decision.four_eyes, decision.reason_required) == (False, True)
    assert decision.valid_minutes == 5


def test_an_approval_is_by_default_of_one_other_person_with_the_approvers_role():
    decision = one_rule("max_rows_affected: 1", effect="require_approval").decide(ask("write"))
    assert (decision.quorum, decision.approver_role, decision.four_eyes) == (1, Role.APPROVER, True)


def test_who_is_named_and_what_the_roles_are_is_told_apart():
    text = """
        policies:
          - name: one
            principals: [{user: ada}, {role: dba}, {service: bot}]
            resources: [{type: database}]
            rules: [{action: read, effect: allow}]
    """
    policy = compiled(text)
    assert policy.decide(ask("read", user="ada")).effect is ALLOW
    assert policy.decide(ask("read", roles="dba")).effect is ALLOW
    assert policy.decide(ask("read", service="bot")).effect is ALLOW
    assert policy.decide(ask("read", user="bot")).effect is DENY
    assert policy.decide(ask("read", service="ada")).effect is DENY
    assert policy.decide(ask("read", user="dba")).effect is DENY


@pytest.mark.parametrize(
    ("pattern", "fits", "fits_not"),
    [
        ("orders-*", ["orders-", "orders-eu"], ["orders", "orders-a/b", "xorders-"]),
        ("a?c", ["abc", "a\nc"], ["ac", "a/c", "abbc"]),
        ("[a-c]x", ["ax", "cx"], ["dx", "-x"]),
        ("[^a-c]x", ["dx", "/x"], ["ax"]),
        (r"a\*", ["a*"], ["ab"]),
        (r"[\]]", ["]"], ["\\"]),
        ("a.b+", ["a.b+"], ["axb+", "a.bb"]),
        ("", [""], ["a"]),
    ],
)
def test_patterns_are_those_of_the_shell(pattern, fits, fits_not):
    assert all(globs.matches(pattern, name) for name in fits)
    assert not any(globs.matches(pattern, name) for name in fits_not)


@pytest.mark.parametrize("pattern", ["[", "[]", "[a", "[b-a]", "[a-]", "a\\", "[-a]"])
def test_a_pattern_that_cannot_be_read_is_refused(pattern):
    with pytest.raises(globs.BadPattern):
        globs.compiled(pattern)


def test_the_memory_of_matches_is_bounded(monkeypatch):
    monkeypatch.setattr("governance.policy.engine.REMEMBERED_MOST", 10)
    policy = compiled(TWO)
    for number in range(35):
        assert policy.decide(ask("read", name=f"db{number}")).policy == "first"
    assert len(policy._memo) <= 10


def test_disabled_policies_decide_nothing():
    text = TWO.replace("name: first", "name: first\n    enabled: false")
    assert compiled(text).decide(ask("read")).policy == "second"


def test_every_action_of_the_document_is_one_of_three():
    actions = {a for p in document(TWO).policies for r in p.rules for a in r.actions}
    assert actions <= {ActionClass.READ, ActionClass.WRITE, ActionClass.DESTRUCTIVE}


@pytest.mark.parametrize(
    ("principals", "match", "fitting"),
    [
        ("{user: ada}", "", {"user": "ada"}),
        ("{role: dba}", "", {"roles": "dba"}),
        ("{service: somebody}", "", {"service": "somebody"}),
        ("{any: true}", "name: ledger", {"name": "ledger"}),
        ("{any: true}", "tags: [a]", {"tags": "a"}),
        ("{any: true}", "namespace: a", {"namespace": "a"}),
        ("{any: true}", "sensitivity: [a]", {"sensitivity": "a"}),
        ("{any: true}", "tool: a", {"tool": "a"}),
    ],
)
def test_requests_that_differ_in_one_thing_are_not_taken_for_each_other(principals, match, fitting):
    text = f"""
        policies:
          - name: one
            principals: [{principals}]
            resources: [{{type: database, match: {{{match or "tool_pattern: '*'"}}}}}]
            rules: [{{action: read, effect: allow}}]
    """
    policy = compiled(text)
    for _ in range(2):
        assert policy.decide(ask("read")).effect is DENY
        assert policy.decide(ask("read", **fitting)).effect is ALLOW
    assert policy.decide(ask("write", **fitting)).effect is DENY
    assert policy.decide(ask("read", "host", **fitting)).effect is DENY
