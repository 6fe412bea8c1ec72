"""`govexplain`: what would be decided, and what was. 0 allow, 1 deny, 2 require_approval, 3."""

from __future__ import annotations

import json

import httpx
import pytest

POLICY = """
policies:
  - name: reads
    resources: [{type: database}]
    rules: [{action: read, effect: allow}]
  - name: writes
    principals: [{role: dba}, {user: ada}]
    resources: [{type: database, match: {tags: [staging]}}]
    rules:
      - {action: write, effect: require_approval, message: ask first}
"""
INFRA = {"db_servers": {"stage": {"name": "Stage", "tags": ["staging"]}}}


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "policy.yaml"
    path.write_text(POLICY)
    return str(path)


@pytest.fixture
def explain(tool):
    return lambda *arguments: tool("govexplain", *arguments)


# --- a file, no server ---


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("database:x", "--action", "read"), 0, "ALLOWED"),
        (("database:x", "--action", "write"), 1, "DENIED"),
        (("database:x", "--action", "write", "--tags", "staging", "--user", "ada"), 2, "REQUIRES"),
        (("database:x", "--tags", "staging, pii", "--role", "dba", "--action", "write"), 2, "REQ"),
        (("database:x", "--action", "write", "--tags", "staging", "--user", "bob"), 1, "DENIED"),
    ],
)
def test_a_file_is_asked(explain, file, arguments, code, words):
    done = explain("--policy-file", file, "--resource", *arguments)
    assert (done.code, done.err) == (code, "")
    assert words in done.out.splitlines()[0]


def test_a_file_of_the_environment_counts_until_a_server_is_named(explain, file, monkeypatch, stub):
    monkeypatch.setenv("HELPDESK_POLICY_FILE", file)
    monkeypatch.setenv("HELPDESK_AUDIT_URL", stub.url)
    asked = ("--resource", "database:x", "--action", "read")
    assert explain(*asked).code == 0
    assert stub.got == []
    stub.says("/v1/governance/explain", (200, {"decision": {"effect": "deny"}}))
    assert explain(*asked, "--auditd", stub.url).code == 1


def test_tags_come_from_the_inventory(explain, file, tmp_path):
    infra = tmp_path / "infra.json"
    infra.write_text(json.dumps(INFRA))
    asked = ("--policy-file", file, "--action", "write", "--user", "ada", "--resource")
    assert explain(*asked, "database:stage").code == 1
    assert explain(*asked, "database:stage", "--infra-config", str(infra)).code == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (POLICY.replace("effect: allow", "effect: alow"), "policy.yaml:5:36: "),
        ("", "there is nothing in it"),
        ("policies: [", "not YAML"),
        (None, "cannot be read"),
    ],
)
def test_a_file_that_cannot_be_used_is_said_with_its_place(explain, tmp_path, text, words):
    path = tmp_path / "policy.yaml"
    if text is not None:
        path.write_text(text)
    done = explain("--policy-file", str(path), "--resource", "database:x", "--action", "read")
    assert (done.code, done.out) == (3, "")
    assert words in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("--resource", "database:x"),
        ("--resource", "database", "--action", "read"),
        ("--resource", ":x", "--action", "read"),
        ("--resource", "database:x", "--action", "drop"),
        ("--event", "pol_1", "--policy-file", "x"),
        ("--list", "--since", "yesterday"),
        ("--list", "--since", "2026-11-22T10:00:00"),
        ("--list", "--limit", "0"),
        ("--list", "--effect", "maybe"),
        (),
    ],
)
def test_a_question_that_is_none_is_said(explain, arguments):
    done = explain(*arguments)
    assert (done.code, done.out) == (3, "")
    assert "govexplain: " in done.err


# --- a server ---


def check(house, resource, action, trace):
    """Somebody's agent asks auditd, which records the decision; the event's id."""
    body = {"resource_type": "file", "resource_name": resource, "action": action}
    answer = httpx.post(
        f"{house.auditd}/v1/governance/check",
        json=body | {"trace_id": trace},
        headers={"Authorization": f"Bearer {house.admin}"},
    )
    return answer.json()["event_id"]


@pytest.fixture
def asked(explain, house, monkeypatch):
    monkeypatch.setenv("AURA_TOKEN", house.tokens["vic"])
    return explain


@pytest.mark.parametrize("target", ["--auditd", "--gateway"])
def test_what_would_be_decided_is_the_same_at_both_doors(asked, house, target):
    url = house.auditd if target == "--auditd" else house.gateway
    question = ("--resource", "file:apps/web.yaml", target, url, "--action")
    assert asked(*question, "read").code == 0
    assert asked(*question, "destructive").code == 2
    done = asked("--resource", "database:prod", "--action", "write", target, url)
    assert done.code == 1
    assert done.out.startswith("Access to database prod for write: DENIED")
    told = asked("--resource", "database:prod", "--action", "write", target, url, "--json")
    assert told.code == 1
    assert json.loads(told.out)["decision"]["effect"] == "deny"


@pytest.mark.parametrize("target", ["--auditd", "--gateway"])
def test_a_recorded_decision_is_explained(asked, house, target):
    url = house.auditd if target == "--auditd" else house.gateway
    event = check(house, "apps/web.yaml", "destructive", f"tr_event{target}")
    done = asked("--event", event, target, url)
    assert done.code == 2
    assert "REQUIRES APPROVAL" in done.out
    assert json.loads(asked("--event", event, target, url, "--json").out)["event_id"] == event


def test_a_list_exits_with_its_worst(asked, house, monkeypatch):
    monkeypatch.setenv("HELPDESK_AUDIT_URL", house.auditd)
    trace = ("--list", "--trace", "tr_worst")
    check(house, "a", "read", "tr_worst")
    assert asked(*trace).code == 0
    check(house, "a", "destructive", "tr_worst")
    assert asked(*trace).code == 2
    body = {"resource_type": "database", "resource_name": "x", "action": "write"}
    headers = {"Authorization": f"Bearer {house.admin}"}
    denied = body | {"trace_id": "tr_worst"}
    httpx.post(f"{house.auditd}/v1/governance/check", json=denied, headers=headers)
    for form in ((), ("--json",), ("--table",)):
        assert asked(*trace, *form).code == 1
    assert asked(*trace, "--effect", "allow").code == 0
    assert len(asked(*trace, "--table").out.splitlines()) == 4
    assert len(json.loads(asked(*trace, "--json", "--limit", "2").out)) == 2
    assert asked("--list", "--trace-prefix", "tr_wor", "--since", "1h").code == 1
    assert asked("--list", "--trace", "tr_nobody").out == "No decisions.\n"


def test_the_decisions_of_tool_calls_are_listed_too(asked, house, monkeypatch):
    monkeypatch.setenv("HELPDESK_AUDIT_URL", house.auditd)
    check(house, "a", "read", "tr_calls")
    judged = {
        "actionClass": "write",
        "resource": "file:apps/web.yaml",
        "policy": "tickets",
        "decision": {"effect": "require_approval", "ruleIndex": 1},
    }
    house.called("tr_calls", judged, {"resource": ""})  # and one that never came to the policy
    done = asked("--list", "--trace", "tr_calls", "--table")
    assert done.code == 2
    assert "file:apps/web.yaml" in done.out
    assert len(done.out.splitlines()) == 3
    done = asked("--list", "--trace", "tr_calls")
    assert "git_write_file" in done.out
    assert asked("--list", "--trace", "tr_calls", "--limit", "1", "--json").code in (0, 2)


def test_an_event_that_is_no_decision_has_no_answer(asked, house, monkeypatch):
    monkeypatch.setenv("HELPDESK_AUDIT_URL", house.auditd)
    headers = {"Authorization": f"Bearer {house.admin}"}
    made = httpx.post(f"{house.auditd}/v1/events", json={"event_type": "hello"}, headers=headers)
    done = asked("--event", made.json()["event_id"])
    assert (done.code, done.out) == (3, "")
    assert "is no policy decision but hello" in done.err
    assert asked("--event", "pol_ffffffffffff").code == 3


def test_governance_that_is_not_enabled_is_said(explain, stub):
    stub.says("/api/v1/governance/explain", (200, {"enabled": False, "message": "not configured"}))
    done = explain("--resource", "a:b", "--action", "read", "--gateway", stub.url)
    assert (done.code, done.err) == (3, "govexplain: not configured\n")


def test_an_effect_nobody_knows_is_no_answer(explain, stub):
    stub.says("/v1/governance/explain", (200, {"decision": {"effect": "perhaps"}}))
    done = explain("--resource", "a:b", "--action", "read", "--auditd", stub.url)
    assert done.code == 3
