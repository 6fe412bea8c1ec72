"""Governance info endpoints of auditd and the gateway: info, policies, explain, check, verify."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.utils.timezone import now

from governance.audit import contradiction, halting
from governance.audit.query import Filter, count
from governance.models import AuditEvent
from governance.policy import current, replay
from governance.types import Role
from tests.contract.helpdesk import (
    AUDITD,
    GATEWAY,
    INVENTORY,
    Helpdesk,
    new_approval,
    ok,
    policy_in_force,
    refused,
)
from tests.contract.wire import moment
from tests.people import headers_of, person

pytestmark = pytest.mark.django_db
BOTH = pytest.mark.parametrize(
    ("surface", "base"), [(AUDITD, "/v1/governance"), (GATEWAY, "/api/v1/governance")]
)
PROD = {"resource_type": "database", "resource_name": "prod-db", "action": "destructive"}


@pytest.fixture
def auditd():
    return Helpdesk(AUDITD)


@pytest.fixture
def inventory(settings: Any, tmp_path: Any) -> Mapping[str, Any]:
    path = tmp_path / "infra.json"
    path.write_text(json.dumps(INVENTORY))
    settings.AURA = settings.AURA.model_copy(update={"infra_config": path})
    return INVENTORY


# --- info ---


@pytest.mark.parametrize(
    ("surface", "path"), [(AUDITD, "/v1/governance/info"), (GATEWAY, "/api/v1/governance")]
)
def test_info_tells_of_policy_approvals_and_log(auditd, surface, path):
    new_approval(auditd)
    body = ok(Helpdesk(surface).get(path))
    assert {"policy", "approvals", "audit", "timestamp"} <= set(body)
    assert {"enabled", "file", "policies_count", "rules_count", "policies"} <= set(body["policy"])
    assert body["policy"]["enabled"] is True
    assert body["policy"]["policies_count"] == len(body["policy"]["policies"])
    rules = [rule for policy in body["policy"]["policies"] for rule in policy["rules"]]
    assert body["policy"]["rules_count"] == len(rules)
    for policy in body["policy"]["policies"]:
        assert {"name", "enabled", "resources", "rules"} <= set(policy)
        assert all({"actions", "effect"} <= set(rule) for rule in policy["rules"])
    assert body["approvals"] == {
        "enabled": True,
        "webhook_configured": False,
        "email_configured": False,
        "default_timeout": "60m",
        "pending_count": 1,
    }
    assert set(body["audit"]) == {
        "enabled", "backend", "events_total", "chain_valid", "last_event_at"
    }  # fmt: skip
    assert body["audit"]["chain_valid"] is True
    assert body["audit"]["events_total"] == 1
    for text in (body["audit"]["last_event_at"], body["timestamp"]):
        assert now() - moment(text) < timedelta(minutes=1)


def test_the_conditions_of_rules_are_told_in_words(auditd):
    policy_in_force()
    (production, *_) = ok(auditd.get("/v1/governance/info"))["policy"]["policies"]
    assert production["name"] == "production"
    assert [rule.get("conditions") for rule in production["rules"]] == [
        None,
        ["requires approval", "row limit"],
    ]


@BOTH
def test_policies_are_shown_rule_by_rule(surface, base):
    policy_in_force()
    body = ok(Helpdesk(surface).get(f"{base}/policies"))
    assert body["enabled"] is True
    assert body["policy_file"] == "policy.yaml"
    assert body["version"] == current.version()
    (production, *_) = body["policies"]
    assert production["resources"] == ["database"]
    assert production["rules"] == [
        {
            "actions": ["destructive"],
            "effect": "deny",
            "message": "nothing is destroyed in production",
        },
        {"actions": ["write"], "effect": "require_approval", "requires_approval": True},
    ]


# --- explain ---


def query(**asked: str) -> str:
    return "&".join(f"{name}={value}" for name, value in asked.items())


@BOTH
def test_explain_gives_the_trace_and_records_nothing(inventory, surface, base):
    policy_in_force()
    before = count(Filter())
    body = ok(Helpdesk(surface).get(f"{base}/explain?{query(**PROD)}"))
    assert body["decision"]["effect"] == "deny"
    assert body["decision"]["policy_name"] == "production"
    assert body["policies_evaluated"][0]["matched"] is True
    assert "prod-db" in body["explanation"]
    assert "DENIED" in body["explanation"]
    assert count(Filter()) == before


def test_tags_are_those_of_the_inventory_unless_some_are_named(auditd, inventory):
    policy_in_force()

    def decided(**more: str) -> str:
        body = ok(auditd.get(f"/v1/governance/explain?{query(**PROD | more)}"))
        policy: str = body["decision"]["policy_name"]
        return policy

    assert decided() == "production"
    assert decided(tags="staging") == "infrastructure"
    assert decided(resource_name="dev-db") == "infrastructure"
    assert decided(resource_name="dev-db", tags="production,critical") == "production"
    assert decided(resource_name="strange-db", tags="production,inventory") == "default"


def test_what_is_not_in_the_inventory_is_denied_by_default(auditd):
    body = ok(auditd.get(f"/v1/governance/explain?{query(**PROD)}"))
    assert body["default_applied"] is True
    assert body["decision"]["effect"] == "deny"


def test_an_action_that_nobody_knows_is_denied(auditd, inventory):
    body = ok(auditd.get(f"/v1/governance/explain?{query(**PROD | {'action': 'nuke'})}"))
    assert body["decision"]["effect"] == "deny"


@pytest.mark.parametrize("missing", PROD)
def test_explain_says_what_it_needs(auditd, missing):
    some = {name: value for name, value in PROD.items() if name != missing}
    text = refused(auditd.get(f"/v1/governance/explain?{query(**some)}"), 400)
    assert text == "resource_type, resource_name and action are required"


NOT_FOR_INTERNS = """
policies:
  - name: not-for-interns
    priority: 100
    principals: [{role: intern}, {user: eve}]
    resources: [{type: database}]
    rules: [{action: read, effect: deny}]
"""


def test_a_question_may_be_asked_for_somebody_else(auditd, inventory):
    policy_in_force(NOT_FOR_INTERNS)
    url = f"/v1/governance/explain?{query(**PROD | {'action': 'read'})}"
    for who, effect in (("", "allow"), ("&role=intern", "deny"), ("&user_id=eve", "deny")):
        assert ok(auditd.get(url + who))["decision"]["effect"] == effect


# --- check ---


def check(auditd: Helpdesk, **fields: Any) -> Any:
    headers = fields.pop("headers", {})
    return auditd.post("/v1/governance/check", PROD | fields, **headers)


def test_a_denied_check_is_403_with_the_whole_decision_and_an_event(auditd, inventory):
    policy_in_force()
    answer = check(auditd, trace_id="dt_1", agent_name="postgres_database_agent", session_id="s-1")
    body = ok(answer, 403)
    assert list(body) == [
        "effect", "policy_name", "message", "explanation", "requires_approval", "trace",
        "event_id", "trace_id",
    ]  # fmt: skip
    assert (body["effect"], body["policy_name"]) == ("deny", "production")
    assert body["message"] == "nothing is destroyed in production"
    assert re.fullmatch(r"pol_[0-9a-f]{16}", body["event_id"])
    assert body["trace_id"] == "dt_1"

    event = ok(auditd.get(f"/v1/events/{body['event_id']}"))
    assert event["event_type"] == "policy_decision"
    assert event["action_class"] == "destructive"
    assert event["session"]["id"] == "s-1"
    assert event["session"]["agent_name"] == "postgres_database_agent"
    decision = event["policy_decision"]
    assert decision["effect"] == "deny"
    assert decision["trace"]["decision"] == body["trace"]["decision"]
    assert decision["explanation"] == body["explanation"]
    found = ok(auditd.get("/v1/events?agent=postgres_database_agent"))
    assert [each["event_id"] for each in found] == [body["event_id"]]


def test_what_is_allowed_or_needs_an_approval_is_200(auditd, inventory):
    policy_in_force()
    read, write = check(auditd, action="read"), check(auditd, action="write")
    assert ok(read)["effect"] == "allow"
    assert ok(write)["effect"] == "require_approval"
    assert (read.json()["requires_approval"], write.json()["requires_approval"]) == (False, True)


def test_a_limit_is_judged_with_what_was_measured(auditd, inventory):
    policy_in_force()
    assert ok(check(auditd, action="write", rows_affected=100))["effect"] == "require_approval"
    body = ok(check(auditd, action="write", rows_affected=101), 403)
    assert body["message"] == "Operation affects 101 rows, limit is 100"


def test_a_claimed_tag_does_not_put_a_resource_into_the_inventory(auditd, inventory):
    ok(check(auditd, resource_name="strange-db", action="read", tags=["inventory"]), 403)


def test_a_check_without_a_trace_gets_one_of_its_own(auditd, inventory):
    answer = check(auditd, action="read")
    assert re.fullmatch(r"chk_[0-9a-f]{8}", answer.json()["trace_id"])
    assert answer["X-Trace-ID"] == answer.json()["trace_id"]
    pinned = check(auditd, action="read", headers={"HTTP_X_TRACE_ID": "tr_mine"})
    assert pinned.json()["trace_id"] == pinned["X-Trace-ID"] == "tr_mine"


def test_an_agent_says_which_trace_it_works_in(auditd):
    answer = check(auditd, agent_name="k8s_agent")
    assert refused(answer, 400) == "agent requests must include trace_id"


@pytest.mark.parametrize(
    "fields",
    [
        {"resource_name": ""},
        {"tags": "a"},
        {"rows_affected": "5"},
        {"rows_affected": -1},
        {"post_execution": "yes"},
        {"trace_id": "a b"},
    ],
)
def test_a_bad_check_is_refused_and_not_recorded(auditd, fields):
    refused(check(auditd, **fields), 400)
    assert not AuditEvent.objects.exists()


def test_while_the_policy_cannot_be_read_nothing_is_allowed(auditd, inventory, monkeypatch):
    def away() -> Any:
        raise OperationalError("the database is away")

    monkeypatch.setattr(current, "_state", away)
    refused(check(auditd, action="read"), 503)


def test_while_the_inventory_cannot_be_read_nothing_is_allowed(auditd, settings, tmp_path):
    path = tmp_path / "infra.json"
    path.write_text("{")
    settings.AURA = settings.AURA.model_copy(update={"infra_config": path})
    refused(check(auditd, action="read"), 503)


def test_nobody_fills_the_memory_with_tags(auditd):
    tags = [f"t{number}" for number in range(101)]
    said = {"resource_type": "database", "resource_name": "a", "action": "read"}
    refused(auditd.post("/v1/governance/check", said | {"tags": tags}), 400)
    refused(auditd.get(f"/v1/governance/explain?{query(**said, tags=','.join(tags))}"), 400)
    ok(auditd.get(f"/v1/governance/explain?{query(**said, tags=','.join(tags[1:]))}"))


def test_what_was_checked_can_be_judged_again_by_another_policy(auditd, inventory):
    ok(check(auditd, purpose="maintenance", rows_affected=3), 200)
    (again,) = replay.recorded(now() - timedelta(minutes=1))
    assert again.resource.name == "prod-db"
    assert again.resource.tags == {"inventory", "production"}
    assert (again.purpose, again.impact.rows) == ("maintenance", 3)


def test_who_asks_is_judged_as_who_they_are(auditd, inventory, login_required):
    olga = headers_of(person("olga", Role.OPERATOR))
    body = ok(auditd.post("/v1/governance/check", PROD | {"user_id": "root"}, **olga))
    event = ok(auditd.get(f"/v1/events/{body['event_id']}", **olga))
    assert event["principal"] == {"kind": "user", "name": "olga", "roles": ["operator"]}
    vera = headers_of(person("vera", Role.VIEWER))
    refused(auditd.post("/v1/governance/check", PROD, **vera), 403)


def test_a_log_that_does_not_hold_denies_everything_but_reads(auditd, inventory):
    policy_in_force()
    halting.halt("place 7: a column was changed")
    try:
        for action in ("write", "destructive"):
            body = ok(check(auditd, action=action), 403)
            assert (body["effect"], body["policy_name"]) == ("deny", "log-contradicted")
            assert "place 7: a column was changed" in body["message"]
            assert body["explanation"] == body["trace"]["decision"]["message"] == body["message"]
        assert ok(check(auditd, action="read"))["effect"] == "allow"
    finally:
        contradiction.settle()


# --- verify ---


@pytest.mark.parametrize(
    ("surface", "path"), [(AUDITD, "/v1/verify"), (GATEWAY, "/api/v1/governance/verify")]
)
def test_verify_answers_with_every_key_of_both_documents(auditd, surface, path):
    empty = ok(Helpdesk(surface).get(path))
    assert (empty["valid"], empty["total_events"], empty["broken_at"]) == (True, 0, -1)
    first = ok(auditd.post("/v1/events", {}))
    last = ok(auditd.post("/v1/events", {}))
    body = ok(Helpdesk(surface).get(path))
    assert now() - moment(body.pop("checked_at")) < timedelta(minutes=1)
    assert body == {
        "valid": True,
        "total_events": 2,
        "hashed_events": 2,
        "legacy_events": 0,
        "broken_at": -1,
        "first_event_id": first["event_id"],
        "last_event_id": last["event_id"],
        "last_hash": last["event_hash"],
        "verified_before": 0,
    }
