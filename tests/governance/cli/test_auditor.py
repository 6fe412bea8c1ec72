"""`auditor`: 0 valid, 1 broken, 2 not checked."""

from __future__ import annotations

import json

import httpx
import pytest

from governance.audit.checkpoints import signer
from governance.audit.export import export
from governance.audit.keys import signing_key
from tests.governance import logbook
from tests.governance.cli.stub import serving
from tests.serving.instance import eventually

BROKEN = {
    "valid": False,
    "total_events": 9,
    "hashed_events": 3,
    "broken_at": 3,
    "error": "a column was changed",
}


@pytest.fixture
def viewer(tool, house, monkeypatch):
    monkeypatch.setenv("HELPDESK_AUDIT_URL", house.auditd)
    monkeypatch.setenv("AURA_TOKEN", house.tokens["vic"])
    return lambda *arguments: tool("auditor", *arguments)


# --- verify ---


def test_a_broken_log_is_told_and_exits_1(tool, stub):
    stub.says("/v1/verify", (200, BROKEN))
    done = tool("auditor", "verify", "--url", stub.url)
    assert done.code == 1
    assert done.out.startswith("INVALID\n")
    assert "Problem:    a column was changed" in done.out
    assert json.loads(tool("auditor", "verify", "--json", "--url", stub.url).out) == BROKEN


def test_a_log_that_holds_exits_0(viewer):
    done = viewer("verify")
    assert done.code == 0
    assert done.out.startswith("VALID\n")
    assert json.loads(viewer("verify", "--full", "--json").out)["verified_before"] == 0


def test_keys_are_for_bundles(viewer):
    assert viewer("verify", "--key", "x").code == 2


# --- a bundle ---


@pytest.fixture
def bundle(db, tmp_path):
    logbook.write(5)
    signer.sign_head()
    export(tmp_path / "log")
    return tmp_path / "log"


def test_a_bundle_is_checked_without_a_server(tool, bundle):
    key = signing_key()
    assert key is not None
    done = tool("auditor", "verify", "--bundle", str(bundle), "--key", key.public.text)
    assert (done.code, done.out.splitlines()[0]) == (0, "VALID")
    assert "OK: 5 entries" in done.out
    told = json.loads(tool("auditor", "--json", "verify", "--bundle", str(bundle)).out)
    assert told["valid"] is True


def test_a_changed_bundle_is_broken(tool, bundle):
    part = next(bundle.glob("entries/*.jsonl"))
    part.write_text(part.read_text().replace("did 3", "did 4"))
    done = tool("auditor", "verify", "--bundle", str(bundle))
    assert (done.code, done.out.splitlines()[0]) == (1, "INVALID")
    assert "BROKEN: entry 4 was changed" in done.out
    assert json.loads(tool("auditor", "verify", "--bundle", str(bundle), "--json").out) == {
        "valid": False,
        "message": ["BROKEN: entry 4 was changed: its hash does not follow"],
    }


def test_a_bundle_that_is_not_there_is_not_checked(tool, tmp_path):
    done = tool("auditor", "verify", "--bundle", str(tmp_path / "nowhere"))
    assert (done.code, done.out) == (2, "")


# --- watch ---


def post(house, kind):
    headers = {"Authorization": f"Bearer {house.admin}"}
    url = f"{house.auditd}/v1/events"
    return httpx.post(url, json={"event_type": kind}, headers=headers).json()["event_id"]


def test_watch_shows_each_event_once_and_that_the_log_holds(started, house):
    watching = started(
        "auditor",
        "watch",
        "--interval",
        "1",
        "--type",
        "hello",
        HELPDESK_AUDIT_URL=house.auditd,
        AURA_TOKEN=house.tokens["vic"],
    )
    watching.line("The log holds")
    keys = [post(house, "hello") for _ in range(3)]
    post(house, "other")
    for key in keys:
        assert "hello" in watching.line(key)
    last = post(house, "hello")
    watching.line(last)
    assert [line for line in watching.lines if keys[0] in line] != []
    assert len([line for line in watching.lines if "hello" in line]) == 4
    assert not [line for line in watching.lines if "other" in line]


def test_watch_says_that_the_log_is_broken_and_survives_a_restart(started, stub):
    stub.port = 0
    late = {"event_id": "evt_2", "event_type": "b", "timestamp": "2026-11-22T10:00:01Z"}
    first = {"event_id": "evt_1", "event_type": "a", "timestamp": "2026-11-22T10:00:00Z"}
    with serving(stub):
        stub.says("/v1/events", (200, [first]))
        stub.says("/v1/verify", (200, BROKEN))
        watching = started(
            *("auditor", "watch", "--interval", "1", "--verify-every", "1", "--url", stub.url)
        )
        watching.line("evt_1")
        watching.line("INVALID: the log is broken at 3: a column was changed")
    watching.line("trying again")
    stub.says("/v1/events", (200, [late, first]))
    with serving(stub):
        watching.line("The server is back.")
        watching.line("evt_2")
    assert len([line for line in watching.lines if "evt_1" in line]) == 1


def test_watch_as_json_is_one_object_a_line(started, stub):
    event = {"event_id": "evt_1", "event_type": "security_alert", "timestamp": "x"}
    stub.says("/v1/events", (200, [event, {"event_id": "evt_0", "event_type": "other"}]))
    stub.says("/v1/verify", (200, {"valid": True, "total_events": 1}))
    watching = started("auditor", "--json", "watch", "--alerts", "--url", stub.url)
    assert json.loads(watching.line("evt_1")) == event
    assert json.loads(watching.line("verdict"))["verdict"]["valid"] is True


def test_an_alert_of_the_running_product_is_seen_everywhere(started, house):
    environment = {"HELPDESK_AUDIT_URL": house.auditd, "AURA_TOKEN": house.tokens["vic"]}
    watching = started("auditor", "watch", "--alerts", "--interval", "1", **environment)
    headers = {"Authorization": f"Bearer {house.admin}"}

    def metrics() -> list[str]:
        url = house.up.url("AURA_SECBOT_PORT", "/metrics")
        return httpx.get(url, headers=headers).text.splitlines()

    watching.line("The log holds")
    ran = {
        "event_type": "tool_execution",
        "action_class": "destructive",
        "tool": {"name": "terminate_connection", "agent": "rogue"},
    }
    for _ in range(2):
        httpx.post(f"{house.auditd}/v1/events", json=ran, headers=headers)
    eventually(lambda: 'secbot_alerts_total{type="unauthorized_destructive"} 2.0' in metrics(), 30)
    assert "secbot_connected 1.0" in metrics()
    assert "secbot_incidents_created_total 1.0" in metrics()
    watching.line("security_alert")
    watching.line("security_incident_recorded")
