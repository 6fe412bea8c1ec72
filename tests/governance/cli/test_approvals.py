"""`approvals` against a running product, and against what a running one rarely says."""

from __future__ import annotations

import json

import httpx
import pytest

from tests.governance.cli.stub import serving
from tests.serving.instance import eventually


@pytest.fixture
def ada(tool, house, monkeypatch):
    """`approvals` as ada types it."""
    monkeypatch.setenv("HELPDESK_AUDIT_URL", house.auditd)
    monkeypatch.setenv("AURA_TOKEN", house.tokens["ada"])
    return lambda *arguments: tool("approvals", *arguments)


def status(house, key):
    headers = {"Authorization": f"Bearer {house.admin}"}
    return httpx.get(f"{house.auditd}/v1/approvals/{key}", headers=headers).json()


# --- failures first ---


def test_nobody_is_let_in_without_a_token(tool, house):
    done = tool("approvals", "pending", "--url", house.auditd)
    assert done.code == 1
    assert "wants to know who you are: set AURA_TOKEN" in done.err


def test_a_viewer_cannot_decide(tool, house):
    key = house.asks()
    done = tool("approvals", "--token", house.tokens["vic"], "--url", house.auditd, "approve", key)
    assert done.code == 1
    assert done.err.lower().count("you are not allowed to do this") == 1
    assert status(house, key)["status"] == "pending"


def test_who_asked_cannot_approve(tool, house):
    key = house.asks()
    done = tool("approvals", "approve", key, "--url", house.auditd, "--token", house.admin)
    assert done.code == 1
    assert "not allowed" in done.err


def test_an_unknown_request_is_not_found(ada):
    for verb in ("show", "approve", "cancel", "wait"):
        done = ada(verb, "apr_ffffffffffff")
        assert (done.code, done.out) == (1, "")
        assert "approval not found" in done.err


def test_an_id_cannot_lead_elsewhere(ada):
    for key in ("../events", "..%2Fverify", "apr_1/../../verify", "x?y=1#z"):
        done = ada("show", key)
        assert (done.code, done.out) == (1, "")
        assert "(404)" in done.err


def test_a_second_decision_is_a_conflict(ada, house):
    key = house.asks()
    assert ada("approve", key).code == 0
    done = ada("deny", key, "--reason", "too late")
    assert done.code == 1
    assert "(409)" in done.err


@pytest.mark.parametrize("arguments", [(), ("--reason",), ("--reason", ""), ("--reason", "  ")])
def test_a_denial_without_a_reason_is_not_sent(ada, house, arguments):
    key = house.asks()
    assert ada("deny", key, *arguments).code == 1
    assert status(house, key)["status"] == "pending"


@pytest.mark.parametrize("value", ["0", "-1", "soon", "1.5"])
def test_a_window_that_is_none_is_refused(ada, value):
    assert ada("approve", "apr_x", "--valid-for", value).code == 1


# --- deciding ---


def test_options_may_stand_before_and_behind_the_id(ada, house):
    for arguments in (
        ("approve", "--reason", "fine", "ID"),
        ("approve", "ID", "--reason", "fine"),
        ("--json", "approve", "ID", "--reason", "fine"),
        ("approve", "ID", "--reason=fine", "--json"),
    ):
        key = house.asks()
        done = ada(*(key if part == "ID" else part for part in arguments))
        assert done.code == 0, done.err
        assert status(house, key)["resolution_reason"] == "fine"
        if "--json" in arguments:
            assert json.loads(done.out)["status"] == "approved"


def test_the_decider_is_who_the_token_says(ada, house):
    key = house.asks()
    assert ada("approve", key, "--user", "mallory").code == 0
    assert status(house, key)["resolved_by"] == "ada"


def test_an_approval_may_be_given_for_a_while(ada, house):
    key = house.asks()
    done = ada("approve", "--valid-for", "30", key)
    assert done.out.startswith(f"{key}  ✓ approved  destructive terminate_connection on database")
    assert status(house, key)["approval_valid_until"]


def test_a_denial_says_why(ada, house):
    key = house.asks()
    done = ada("deny", key, "--reason", "use the replica")
    assert done.code == 0
    assert "use the replica" in done.out
    assert status(house, key)["status"] == "denied"


def test_a_request_is_withdrawn(ada, house):
    key = house.asks()
    assert ada("cancel", key, "--reason", "not needed").code == 0
    assert status(house, key)["status"] == "cancelled"


def test_where_more_than_one_has_to_say_yes_it_says_so(tool, stub):
    waiting = {"approval_id": "apr_1", "status": "pending", "action_class": "destructive"}
    stub.says("/v1/approvals/apr_1/approve", (200, waiting))
    done = tool("approvals", "approve", "apr_1", "--url", stub.url, "--user", "ada")
    assert done.code == 0
    assert "It still waits" in done.err
    assert stub.got[0][3]["approved_by"] == "ada"


# --- looking ---


def test_what_waits_is_a_table(ada, house):
    key = house.asks(trace_id="tr_table")
    lines = ada("pending").out.splitlines()
    assert lines[0].split() == [
        *("ID", "STATUS", "ACTION", "TOOL", "RESOURCE", "AGENT", "REQUESTED", "EXPIRES")
    ]
    row = next(line for line in lines if key in line)
    assert "destructive  terminate_connection  database:prod  dba" in " ".join(row.split("\t"))


def test_a_list_is_narrowed_by_the_server(ada, house):
    key = house.asks(trace_id="tr_narrow")
    found = json.loads(ada("list", "--trace-id", "tr_narrow", "--json").out)
    assert [one["approval_id"] for one in found] == [key]
    assert ada("list", "--trace-id", "tr_narrow", "--status", "denied").out == "No requests.\n"
    assert len(json.loads(ada("--json", "list", "--limit", "1").out)) == 1


def test_one_request_is_shown_whole(ada, house):
    key = house.asks(request_context={"pid": 42})
    out = ada("show", key).out
    assert f"approval_id:          {key}" in out
    assert '"pid": 42' in out
    assert json.loads(ada("show", key, "--json").out)["request_context"] == {"pid": 42}


def test_what_a_request_would_touch_is_shown_as_lines(ada, house):
    key = house.asks(request_context={"pid": 42, "preview": "Session 42\n  waits\x1b[2J"})
    out = ada("show", key).out
    assert out.endswith("found out:\n  Session 42\n    waits\\x1b[2J\n")
    assert '"pid": 42' in out
    assert '"preview"' not in out


def test_a_request_cannot_write_on_the_terminal(tool, stub):
    evil = {
        "approval_id": "apr_1",
        "status": "pending",
        "tool_name": "\x1b[2Jx\r\n",
        "agent_name": 1,
    }
    stub.says("/v1/approvals/pending", (200, [evil]))
    stub.says("/v1/approvals/apr_1", (200, evil | {"request_context": {"a": "\x1b[0m\u202e"}}))
    for verb in (("pending",), ("show", "apr_1")):
        out = tool("approvals", *verb, "--url", stub.url).out
        assert "\x1b" not in out
        assert "\u202e" not in out
        assert "\\x1b[2Jx\\r\\n" in out


# --- waiting and watching ---


def test_wait_ends_when_it_is_decided(started, ada, house):
    key, other = house.asks(), house.asks()
    environment = {"AURA_TOKEN": house.tokens["vic"], "HELPDESK_AUDIT_URL": house.auditd}
    waiting = started("approvals", "wait", key, "--timeout", "60s", **environment)
    refused = started("approvals", "wait", other, "--json", **environment)
    ada("approve", key)
    ada("deny", other, "--reason", "no")
    waiting.line("✓ approved")
    assert waiting.process.wait(60) == 0
    assert refused.process.wait(60) == 1


def test_wait_gives_up_in_time(ada, house):
    done = ada("wait", house.asks(), "--timeout", "1s")
    assert done.code == 1
    assert "pending" in done.out


def test_watch_shows_what_comes_and_decides_what_is_typed(started, house):
    token = {"AURA_TOKEN": house.tokens["ada"], "HELPDESK_AUDIT_URL": house.auditd}
    watching = started("approvals", "watch", "--interval", "1", **token)
    first = house.asks()
    watching.line(f"{first}  … pending")
    second = house.asks()
    watching.line(f"{second}  … pending")
    watching.type(f"!{first}")
    watching.line("say why: !ID reason")
    watching.type("apr_ffffffffffff yes")
    watching.line("does not wait here")
    watching.type(f"{first} go ahead")
    watching.line(f"{first}  ✓ approved")
    watching.type(f"!{second} not today")
    watching.line(f"{second}  ✗ denied")
    assert status(house, first)["resolution_reason"] == "go ahead"
    assert status(house, second)["resolution_reason"] == "not today"


def test_watch_survives_a_restart_of_the_server(started, stub):
    one = {"approval_id": "apr_1", "status": "pending", "fingerprint": "abc"}
    stub.port = 0
    with serving(stub):
        stub.says("/v1/approvals/pending", (200, []))
        watching = started("approvals", "watch", "--interval", "1", "--url", stub.url, "--json")
        eventually(lambda: stub.got)
    watching.line("trying again")
    stub.says("/v1/approvals/pending", (503, {"error": "starting"}), (200, [one]))
    stub.says("/v1/approvals/apr_1/approve", (200, one | {"status": "approved"}))
    stub.says("/v1/approvals/apr_1", (200, one | {"status": "approved"}))
    with serving(stub):
        watching.line("The server is back.")
        assert json.loads(watching.line("apr_1")) == one
        watching.type("apr_1 fine")
        stub.says("/v1/approvals/pending", (200, []))
        assert json.loads(watching.line("approved"))["status"] == "approved"
    sent = next(body for method, _, _, body in stub.got if method == "POST")
    assert (sent["reason"], sent["fingerprint"]) == ("fine", "abc")


def test_watch_ends_where_trying_again_does_not_help(started, stub):
    stub.says("/v1/approvals/pending", (403, {"error": "no"}))
    watching = started("approvals", "watch", "--url", stub.url)
    assert watching.process.wait(60) == 1


# --- what is asked for ---


def test_a_list_says_in_words_what_is_asked_for(tool, stub):
    asked = {"approval_id": "apr_1", "status": "pending", "tool_name": "submit_plan"}
    stub.says(
        "/v1/approvals/pending",
        (200, [asked | {"request_context": {"summary": "Deploy nginx\n\u202egone"}}, asked]),
    )
    lines = tool("approvals", "pending", "--url", stub.url).out.splitlines()
    assert lines[2] == "    Deploy nginx \\u202egone"
    assert [line.split()[0] for line in (lines[1], lines[3])] == ["apr_1", "apr_1"]


def test_a_person_at_a_terminal_is_shown_it_and_asked_first(tool, stub, monkeypatch):
    asked = {"approval_id": "apr_1", "status": "pending", "fingerprint": "abc", "reason": "stuck"}
    stub.says("/v1/approvals/apr_1", (200, asked))
    stub.says("/v1/approvals/apr_1/approve", (200, asked | {"status": "approved"}))
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    for said in ("n\n", "\n", ""):
        monkeypatch.setattr("sys.stdin.readline", lambda said=said: said, raising=False)
        done = tool("approvals", "approve", "apr_1", "--url", stub.url)
        assert done.code == 1
        assert "stuck" in done.out
        assert "done" in done.err
    assert {method for method, *_ in stub.got} == {"GET"}
    monkeypatch.setattr("sys.stdin.readline", lambda: "y\n", raising=False)
    assert tool("approvals", "approve", "apr_1", "--url", stub.url).code == 0
    assert stub.got[-1][3]["fingerprint"] == "abc"
