"""The trace and the explanation, as the document has them (aiHelpDesk §3.4)."""

from __future__ import annotations

import time

from governance.policy.engine import CompiledPolicy, Options
from governance.policy.trace import explain
from governance.types import Impact
from tests.governance.policy.requests import ask, compiled

TEXT = """
policies:
  - name: "off"
    enabled: false
    resources: [{type: database}]
    rules: [{action: read, effect: deny}]
  - name: people
    principals: [{role: dba}]
    resources: [{type: database}]
    rules: [{action: write, effect: allow}]
  - name: production
    resources: [{type: database, match: {tags: [production, eu]}}]
    rules:
      - {action: read, effect: allow}
      - action: write
        effect: deny
        conditions: {schedule: {hours: [3]}}
      - action: write
        effect: allow
        conditions: {require_approval: true, approval_quorum: 2, max_rows_affected: 100}
"""
POLICY = compiled(TEXT)


def test_a_trace_tells_of_every_policy_up_to_the_one_that_decided():
    trace = explain(POLICY, ask("write", tags="production eu", impact=Impact(rows=7)))
    explanation = trace.pop("explanation")
    assert trace == {
        "decision": {
            "effect": "require_approval",
            "policy_name": "production",
            "rule_index": 2,
            "message": "production asks for an approval of write here",
            "requires_approval": True,
            "approval_quorum": 2,
            "approver_role": "approver",
            "four_eyes": True,
            "reason_required": False,
        },
        "policies_evaluated": [
            {"policy_name": "off", "matched": False, "skip_reason": "disabled"},
            {"policy_name": "people", "matched": False, "skip_reason": "principal_mismatch"},
            {
                "policy_name": "production",
                "matched": True,
                "rules": [
                    {
                        "index": 0,
                        "actions": ["read"],
                        "effect": "allow",
                        "matched": False,
                        "skip_reason": "action_mismatch",
                    },
                    {
                        "index": 1,
                        "actions": ["write"],
                        "effect": "deny",
                        "matched": False,
                        "skip_reason": "schedule_inactive",
                    },
                    {
                        "index": 2,
                        "actions": ["write"],
                        "effect": "require_approval",
                        "matched": True,
                        "conditions": [
                            {"name": "require_approval", "passed": True, "detail": "quorum: 2"},
                            {
                                "name": "max_rows_affected",
                                "passed": True,
                                "detail": "7 rows affected, limit is 100",
                            },
                        ],
                    },
                ],
            },
        ],
        "policy_version": POLICY.version,
    }
    assert explanation.splitlines() == [
        "Access to database orders (tags: eu, production) for write: REQUIRES APPROVAL",
        "",
        'Policy "off": skipped (disabled)',
        'Policy "people": skipped (principal_mismatch)',
        'Policy "production" matched:',
        "  Rule 0: read → allow: skipped — action_mismatch",
        "  Rule 1: write → deny: skipped — schedule_inactive",
        "  Rule 2: write → require_approval: matched",
        "    ✓ require_approval: quorum: 2",
        "    ✓ max_rows_affected: 7 rows affected, limit is 100",
        "    → REQUIRES APPROVAL",
        (
            "An approval by 2 people with the role approver or above would be required; see"
            " `approvals list`."
        ),
    ]


def test_a_limit_that_is_hit_shows_as_failed():
    trace = explain(POLICY, ask("write", tags="production eu", impact=Impact(rows=101)))
    assert trace["decision"]["effect"] == "deny"
    assert trace["decision"]["conditions"] == ["max 100 rows"]
    assert "    ✗ max_rows_affected: 101 rows affected, limit is 100" in trace["explanation"]
    assert trace["explanation"].endswith("Reason: Operation affects 101 rows, limit is 100")


def test_what_the_inventory_could_hold_and_does_not_is_said_to_be_missing_there():
    trace = explain(POLICY, ask("destructive"))
    assert "The resource is not in the inventory, so it has no tags." in trace["explanation"]


def test_the_default_says_which_tags_there_are_policies_for():
    trace = explain(POLICY, ask("destructive"))
    assert trace["default_applied"] is True
    assert trace["decision"]["policy_name"] == "default"
    assert trace["policies_evaluated"][2]["required_tags"] == [["eu", "production"]]
    assert "Policies exist for: eu, production" in trace["explanation"]
    assert trace["explanation"].endswith("Reason: No matching policy found")


def test_a_dry_run_traces_what_would_have_been():
    trying = CompiledPolicy(POLICY.document, options=Options(dry_run=True))
    trace = explain(trying, ask("destructive"))
    assert trace["decision"]["effect"] == "deny"
    assert trace["decision"]["dry_run"] is True
    assert "This is a dry run" in trace["explanation"]


def test_read_only_mode_is_told_before_any_policy():
    trace = explain(
        CompiledPolicy(POLICY.document, options=Options(readonly=True)), ask("write", tool="x")
    )
    assert trace["policies_evaluated"] == []
    assert trace["decision"]["policy_name"] == "readonly_mode"


def test_a_thousand_policies_are_traced_in_milliseconds():
    line = "  - {name: p%d, resources: [{type: t%d}], rules: [{action: read, effect: allow}]}\n"
    policy = compiled("policies:\n" + "".join(line % (n, n) for n in range(1000)))
    began = time.process_time()
    assert explain(policy, ask("read", "t999"))["decision"]["policy_name"] == "p999"
    assert time.process_time() - began < 0.1
