"""aiHelpDesk behaviour §8, items 1 (governance) to 6, over real HTTP where that matters."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_network
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from django.db import OperationalError

from governance import approvals
from governance.approvals import callbacks
from governance.audit.checkpoints import signer
from governance.models import Approval, AuditEvent
from governance.policy import current
from governance.types import Action, ActionClass, ActorKind, Principal, Resource
from tests.builders import pending_approval
from tests.children import environment, running
from tests.contract.helpdesk import (
    AUDITD,
    GATEWAY,
    INVENTORY,
    Helpdesk,
    asked,
    new_approval,
    ok,
    policy_in_force,
    refused,
)
from tests.governance.logbook import guards_off, sql
from tests.serving.instance import eventually, free_ports
from tests.stubs.receiver import receiving
from tickets import settling

SERVER = """
import uvloop
from django.conf import settings
from aura.serving.sockets import bind_all
from aura.serving.web import Server
uvloop.run(Server(lambda: None).serve(bind_all("127.0.0.1", settings.AURA.ports.listed())))
"""


@pytest.fixture(scope="module")
def house(django_db_setup: None, tmp_path_factory: Any) -> Iterator[Any]:
    """A web process on the tests' database; `auditd` and `gateway` are addresses."""
    del django_db_setup
    folder: Path = tmp_path_factory.mktemp("house")
    inventory = folder / "infra.json"
    inventory.write_text(json.dumps(INVENTORY))
    ports = free_ports()
    env = environment(
        folder / "data",
        **ports,
        HELPDESK_INFRA_CONFIG=inventory,
        AURA_OUTBOUND_ALLOW="127.0.0.0/8",
    )
    auditd, gateway = ports["AURA_AUDITD_PORT"], ports["AURA_GATEWAY_PORT"]
    with running(SERVER, env), httpx.Client(timeout=60) as client:
        found = SimpleNamespace(
            client=client,
            auditd=f"http://127.0.0.1:{auditd}",
            gateway=f"http://127.0.0.1:{gateway}",
            ports={"1199": str(auditd), "8080": str(gateway)},
        )
        eventually(lambda: _healthy(client, found.auditd), timeout_s=60)
        yield found


def _healthy(client: httpx.Client, url: str) -> bool:
    try:
        return client.get(f"{url}/health").status_code == 200
    except httpx.TransportError:
        return False


# --- 1: the document's own commands ---

CURLS = [
    "curl http://localhost:8080/api/v1/infrastructure",
    "curl http://localhost:8080/api/v1/databases",
    "curl http://localhost:8080/api/v1/governance",
    "curl http://localhost:8080/api/v1/governance/policies",
    (
        'curl "http://localhost:8080/api/v1/governance/explain'
        '?resource_type=database&resource_name=prod-db&action=write"'
    ),
    (
        'curl "http://localhost:8080/api/v1/governance/explain'
        '?resource_type=database&resource_name=prod-db&action=destructive&tags=production,critical"'
    ),
    'curl "http://localhost:8080/api/v1/governance/events?agent=postgres_database_agent"',
    (
        'curl "http://localhost:8080/api/v1/governance/events'
        '?action_class=destructive&since=2024-01-15T00:00:00Z"'
    ),
    "curl http://localhost:8080/api/v1/governance/events/tool_a1b2c3d4",
    "curl http://localhost:8080/api/v1/governance/approvals/pending",
    'curl "http://localhost:8080/api/v1/governance/approvals?status=approved&limit=50"',
    "curl http://localhost:8080/api/v1/governance/verify",
    "curl http://localhost:1199/v1/approvals/pending",
    'curl "http://localhost:1199/v1/approvals?status=pending"',
    "curl http://localhost:1199/v1/approvals/apr_abc123",
    """curl -X POST http://localhost:1199/v1/approvals/apr_abc123/approve \\
  -H "Content-Type: application/json" \\
  -d '{"approved_by": "ops-team", "reason": "Verified safe to proceed"}'""",
    """curl -X POST http://localhost:1199/v1/approvals/apr_abc123/deny \\
  -H "Content-Type: application/json" \\
  -d '{"denied_by": "ops-team", "reason": "Use the read-only report instead"}'""",
    """curl -X POST http://localhost:1199/v1/approvals/apr_abc123/cancel \\
  -H "Content-Type: application/json" \\
  -d '{"cancelled_by": "agent", "reason": "Request timed out"}'""",
    'curl "http://localhost:1199/v1/approvals/apr_abc123/wait?timeout=60s"',
    "curl http://localhost:1199/health",
]
SHAPES: dict[str, set[str]] = {
    "infrastructure": {"configured", "db_servers", "k8s_clusters", "vms", "databases", "summary"},
    "databases": {"databases", "count"},
    "governance": {"policy", "approvals", "audit", "timestamp"},
    "policies": {"enabled", "policy_file", "policies"},
    "explain": {"decision", "policies_evaluated", "explanation"},
    "tool_a1b2c3d4": {"event_id", "timestamp", "event_type", "session", "input", "event_hash"},
    "verify": {"valid", "total_events", "checked_at", "hashed_events", "broken_at", "last_hash"},
    "apr_abc123": {"approval_id", "status", "requested_by", "expires_at"},
    "approve": {"approval_id", "status", "resolved_by", "resolved_at"},
    "deny": {"approval_id", "status", "resolved_by", "resolved_at"},
    "cancel": {"approval_id", "status", "resolved_by", "resolved_at"},
    "wait": {"approval_id", "status", "resolved_by", "resolved_at"},
    "health": {"status"},
}


def as_typed(command: str, house: Any) -> Any:
    """What a shell prints for a command of the document, on our ports."""
    for documented, ours in house.ports.items():
        command = command.replace(f"localhost:{documented}", f"127.0.0.1:{ours}")
    shell = ["bash", "-c", command.replace("curl ", 'curl -sS -w "\\n%{http_code}" ', 1)]
    printed = subprocess.run(shell, capture_output=True, text=True, check=True, timeout=60)  # noqa: S603
    body, _, status = printed.stdout.rpartition("\n")
    assert status == "200", printed.stdout
    return json.loads(body)


@pytest.mark.django_db(transaction=True)
def test_1_every_documented_command_works_as_it_is_typed(house):
    client = house.client
    event = {"event_id": "tool_a1b2c3d4", "tool": {"agent": "postgres_database_agent"}}
    assert client.post(f"{house.auditd}/v1/events", json=event).status_code == 200
    for command in CURLS:
        Approval.objects.filter(key="apr_abc123").delete()
        made = client.post(f"{house.auditd}/v1/approvals", json=asked()).json()
        Approval.objects.filter(key=made["approval_id"]).update(key="apr_abc123")
        if command.endswith('wait?timeout=60s"'):
            Approval.objects.update(status="denied")
        answer = as_typed(command, house)
        last = re.findall(r"localhost:\d+([^ ?\"]*)", command)[0].rpartition("/")[2]
        if isinstance(answer, list):
            assert all(SHAPES["apr_abc123"] <= set(a) or "event_id" in a for a in answer)
        else:
            assert SHAPES[last] <= set(answer), command
    by_agent = as_typed(CURLS[6], house)
    assert "tool_a1b2c3d4" in {event["event_id"] for event in by_agent}


# --- 2: traces ---


@pytest.mark.django_db(transaction=True)
def test_2_a_pinned_trace_is_in_the_answer_and_in_every_event_of_the_call(house):
    client, pinned = house.client, {"X-Trace-ID": "tr_0f8fad5b-d9c"}
    said = {"resource_type": "database", "resource_name": "prod-db", "action": "destructive"}
    for method, url, body in (
        ("POST", f"{house.auditd}/v1/events", {"event_type": "x"}),
        ("POST", f"{house.auditd}/v1/approvals", asked(trace_id="")),
        ("POST", f"{house.auditd}/v1/governance/check", said),
        ("GET", f"{house.gateway}/api/v1/governance", None),
        ("GET", f"{house.gateway}/nowhere", None),
    ):
        answer = client.request(method, url, json=body, headers=pinned)
        assert answer.headers.get_list("x-trace-id") == ["tr_0f8fad5b-d9c"]
    assert AuditEvent.objects.count() == 3
    assert set(AuditEvent.objects.values_list("trace_id", flat=True)) == {"tr_0f8fad5b-d9c"}
    for path, prefix in (("/api/v1/governance", "tr"), ("/api/v1/db/x", "dt"), ("/no", "tr")):
        made = client.get(f"{house.gateway}{path}").headers["x-trace-id"]
        assert re.fullmatch(rf"{prefix}_[0-9a-f]{{8}}-[0-9a-f]{{3}}", made)
    assert client.get(f"{house.auditd}/v1/nowhere").headers["x-trace-id"]


# --- 3: concurrency ---


@pytest.mark.django_db(transaction=True)
def test_3_fifty_calls_at_once_keep_their_traces_and_make_one_chain(house):
    def post(number: int) -> Any:
        event = {
            "event_id": f"e{number}",
            "trace_id": f"t-{number}",
            "event_type": "tool_execution",
        }
        return house.client.post(f"{house.auditd}/v1/events", json=event)

    with ThreadPoolExecutor(50) as threads:
        answers = list(threads.map(post, range(50)))
    assert {answer.status_code for answer in answers} == {200}
    places = [answer.json() for answer in answers]
    for number, place in enumerate(places):
        (event,) = house.client.get(f"{house.auditd}/v1/events?trace_id=t-{number}").json()
        assert event["event_id"] == place["event_id"] == f"e{number}"
        assert event["event_hash"] == place["event_hash"]
    assert len({place["prev_hash"] for place in places}) == 50
    verdict = house.client.get(f"{house.auditd}/v1/verify").json()
    assert (verdict["valid"], verdict["total_events"]) == (True, 50)


# --- 4: tampering ---

TAMPERINGS: dict[str, str] = {
    "the effect of a decision": "UPDATE governance_auditevent SET body ="
    " replace(encode(body, 'escape'), 'deny', 'allow')::bytea WHERE key LIKE 'pol_%%'",
    "a column": "UPDATE governance_auditevent SET actor_name = 'eve' WHERE key = 'e2'",
    "a session": "UPDATE governance_auditevent SET session_id = 's' WHERE key = 'e2'",
    "a hash": "UPDATE governance_auditlink SET hash = prev_hash WHERE seq = 2",
    "an event in the middle, gone": "DELETE FROM governance_auditevent WHERE key = 'e2'",
    "a link in the middle, gone": "DELETE FROM governance_auditlink WHERE seq = 2",
    "the last event, gone": "WITH e AS (DELETE FROM governance_auditlink WHERE seq ="
    " (SELECT max(seq) FROM governance_auditlink) RETURNING event_id)"
    " DELETE FROM governance_auditevent WHERE id IN (SELECT event_id FROM e)",
}


@pytest.mark.django_db
@pytest.mark.parametrize("what", TAMPERINGS)
@pytest.mark.parametrize(
    ("surface", "path"), [(AUDITD, "/v1/verify"), (GATEWAY, "/api/v1/governance/verify")]
)
def test_4_whatever_is_changed_in_the_log_is_found(what, surface, path):
    auditd = Helpdesk(AUDITD)
    said = {"resource_type": "database", "resource_name": "prod-db", "action": "destructive"}
    ok(auditd.post("/v1/governance/check", said), 403)
    for number in range(4):
        ok(auditd.post("/v1/events", {"event_id": f"e{number}", "event_type": "x"}))
    signer.sign_head()
    assert ok(Helpdesk(surface).get(path))["valid"] is True
    guards_off()
    sql(TAMPERINGS[what])
    verdict = ok(Helpdesk(surface).get(path))
    assert verdict["valid"] is False
    assert verdict["broken_at"] >= 0
    assert verdict["error"]


# --- 5: the policy ---


@pytest.mark.django_db
def test_5_destruction_in_production_is_denied_explained_recorded_and_closed_when_unsure(
    settings, tmp_path, monkeypatch
):
    path = tmp_path / "infra.json"
    path.write_text(json.dumps(INVENTORY))
    settings.AURA = settings.AURA.model_copy(update={"infra_config": path})
    policy_in_force()
    said = {"resource_type": "database", "resource_name": "prod-db", "action": "destructive"}
    query = "&".join(f"{name}={value}" for name, value in said.items())
    explained = ok(Helpdesk(GATEWAY).get(f"/api/v1/governance/explain?{query}"))
    assert explained["decision"]["effect"] == "deny"
    assert explained["policies_evaluated"]

    checked = ok(Helpdesk().post("/v1/governance/check", said), 403)
    assert checked["effect"] == "deny"
    event = ok(Helpdesk(GATEWAY).get(f"/api/v1/governance/events/{checked['event_id']}"))
    assert event["event_id"].startswith("pol_")
    assert event["policy_decision"]["trace"]["policies_evaluated"]

    def away() -> Any:
        raise OperationalError("away")

    current.forget()
    monkeypatch.setattr(current, "_state", away)
    for action in ("read", "write", "destructive"):
        refused(Helpdesk().post("/v1/governance/check", said | {"action": action}), 503)


# --- 6: approvals ---

OPS = {"approved_by": "ops-team", "reason": "fine"}


@pytest.mark.django_db
def test_6_an_approval_is_given_once_and_in_time():
    auditd = Helpdesk()
    key = new_approval(auditd)
    ok(auditd.post(f"/v1/approvals/{key}/approve", OPS))
    refused(auditd.post(f"/v1/approvals/{key}/approve", OPS), 409)
    late = new_approval(auditd)
    sql("UPDATE governance_approval SET expires_at = now() - interval '1 s' WHERE key = %s", late)
    refused(auditd.post(f"/v1/approvals/{late}/approve", OPS), 409)


@pytest.mark.django_db
def test_6_what_changed_after_its_approval_is_refused():
    auditd = Helpdesk()
    key = new_approval(auditd, requested_by="ada")
    ok(auditd.post(f"/v1/approvals/{key}/approve", OPS))

    def action(**arguments: Any) -> Action:
        return Action(
            tool="run_vacuum",
            arguments=arguments,
            action_class=ActionClass.WRITE,
            resource=Resource(type="database", name="prod-db"),
            principal=Principal(kind=ActorKind.USER, name="ada"),
            trace_id=asked()["trace_id"],
        )

    assert approvals.consume(key, action=action(table="customers")) is False
    assert approvals.consume(key, action=action(table="orders")) is True
    assert approvals.consume(key, action=action(table="orders")) is False


@pytest.mark.django_db
def test_6_a_quorum_of_two_is_two_people_and_neither_is_the_requester(settings, tmp_path):
    path = tmp_path / "infra.json"
    path.write_text(json.dumps(INVENTORY))
    settings.AURA = settings.AURA.model_copy(update={"infra_config": path})
    policy_in_force()
    auditd = Helpdesk()
    url = f"/v1/approvals/{new_approval(auditd, requested_by='ada')}/approve"
    refused(auditd.post(url, {"approved_by": "ada"}), 403)
    first = ok(auditd.post(url, {"approved_by": "bob"}))
    assert (first["status"], first["quorum"]) == ("pending", 2)
    for again in ("bob", "BOB", "\uff22ob"):
        refused(auditd.post(url, {"approved_by": again}), 409)
    assert ok(auditd.post(url, {"approved_by": "eve"}))["status"] == "approved"


@pytest.mark.django_db(transaction=True)
def test_6_who_waits_is_answered_soon_after_the_decision(house):
    url = f"{house.auditd}/v1/approvals"
    key = house.client.post(url, json=asked()).json()["approval_id"]

    def wait(_: int) -> tuple[Any, float]:
        with httpx.Client(timeout=60) as client:
            return client.get(f"{url}/{key}/wait?timeout=50s"), time.monotonic()

    with ThreadPoolExecutor(20) as threads:
        waiting = [threads.submit(wait, number) for number in range(20)]
        time.sleep(0.5)  # they may also come later; then they are answered at once
        decided = time.monotonic()
        house.client.post(f"{url}/{key}/approve", json=OPS)
        ended = [each.result() for each in waiting]
    for answer, at in ended:
        assert answer.json()["status"] == "approved"
        assert answer.headers["content-type"] == "application/json"
        assert at - decided < 30
    at_once = time.monotonic()
    assert house.client.get(f"{url}/{key}/wait?timeout=120s").json()["status"] == "approved"
    assert time.monotonic() - at_once < 30


@pytest.mark.django_db(transaction=True)
def test_6_a_wait_that_ends_unanswered_says_pending(house):
    url = f"{house.auditd}/v1/approvals"
    key = house.client.post(url, json=asked()).json()["approval_id"]
    began = time.monotonic()
    answer = house.client.get(f"{url}/{key}/wait?timeout=2s", headers={"X-Trace-ID": "tr_mine"})
    assert answer.json()["status"] == "pending"
    assert answer.headers["x-trace-id"] == "tr_mine"
    assert 1.9 < time.monotonic() - began < 40
    for timeout in ("0s", "-5s", "1ms", "0"):
        assert house.client.get(f"{url}/{key}/wait?timeout={timeout}").json()["status"] == "pending"
    missing = house.client.get(f"{url}/apr_none/wait?timeout=30s")
    assert (missing.status_code, missing.json()) == (404, {"error": "approval not found"})
    foreign = house.client.get(f"{url}/{key}/wait", headers={"Origin": "https://evil.example"})
    assert foreign.status_code == 403
    assert list(foreign.json()) == ["error"]
    bad = house.client.get(f"{url}/{key}/wait", headers={"Authorization": "Bearer aura_x"})
    assert bad.status_code == 401
    head = house.client.head(f"{url}/{key}/wait?timeout=0s")
    assert (head.status_code, head.content) == (200, b"")
    assert house.client.post(f"{url}/{key}/wait").status_code == 405


@pytest.mark.django_db
def test_6_a_late_approval_resumes_the_parked_work(django_capture_on_commit_callbacks: Any):
    ticket = pending_approval()
    auditd = Helpdesk()
    (waits, *_) = ok(auditd.get(f"/v1/approvals?trace_id={ticket.pk}&status=pending"))
    url = f"/v1/approvals/{waits['approval_id']}/approve"
    with django_capture_on_commit_callbacks(execute=True):
        ok(auditd.post(url, {"approved_by": "grace", "reason": "late"}))
    settling.settle_trace(str(ticket.pk))
    ticket.refresh_from_db()
    assert ticket.status == "executing"


@pytest.mark.django_db
def test_6_a_callback_is_delivered_once(settings):
    allowed = {"outbound_allow": (ip_network("127.0.0.0/8"),)}
    settings.AURA = settings.AURA.model_copy(update=allowed)
    auditd = Helpdesk()
    with receiving() as receiver:
        key = new_approval(auditd, callback_url=receiver.url())
        ok(auditd.post(f"/v1/approvals/{key}/approve", OPS))
        for _ in range(3):
            callbacks.pump()
        (got,) = receiver.got
    told = json.loads(got.body)
    assert (told["approval_id"], told["status"], told["resolved_by"]) == (
        key,
        "approved",
        "ops-team",
    )
    assert ok(auditd.get(f"/v1/approvals/{key}"))["callback_sent_at"]
