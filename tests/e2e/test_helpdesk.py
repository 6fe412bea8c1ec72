"""The helpdesk as its user has it: `up`, the document's own calls as typed, no model, real targets.

The database is the embedded one, under the names of the document; the cluster is the sandbox.
"""

from __future__ import annotations

import json
import tarfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from aura.embedded.places import Places
from tests.agents.kubernetes.triage import shop
from tests.agents.sandbox.running import sandbox
from tests.serving.instance import Instance

PATIENCE_S = 60.0
KEYS = ["agent", "task_id", "state", "text", "artifacts"]
POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "my-pod-abc123", "namespace": "default"},
    "spec": {"containers": [{"name": "main", "image": "nginx:1.27"}]},
}


class Helpdesk:
    """Its ports, and what stands behind it."""

    def __init__(self, instance: Instance) -> None:
        self.instance = instance
        self.http = httpx.Client(timeout=PATIENCE_S, trust_env=False)

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        url = self.instance.url("AURA_GATEWAY_PORT", path)
        return self.http.request(method, url, json=body, headers=headers)

    def auditd(self, path: str) -> Any:
        return self.http.get(self.instance.url("AURA_AUDITD_PORT", path)).json()

    def database(self) -> psycopg.Connection[Any]:
        return psycopg.connect(Places(self.instance.data).database_url(), autocommit=True)


@pytest.fixture(scope="module")
def helpdesk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Helpdesk]:
    data = tmp_path_factory.mktemp("helpdesk")
    with sandbox() as cluster:
        cluster.put(POD)
        shop.open_shop(cluster, "shop", fault="crash-loop:missing-env")
        sockets = Places(data).sockets
        place = f"host={sockets} dbname=aura user=aura_readonly"
        said = {
            "db_servers": {
                "prod-db": {
                    "name": "Production",
                    "connection_string": place,
                    "operator_user": "aura_operator",
                    "aliases": ["prod-db.example.com:5432"],
                    "tags": ["production"],
                }
            },
            "k8s_clusters": {"sandbox": {"name": "Sandbox", "context": "aura-sandbox"}},
        }
        inventory = data / "own.json"
        inventory.write_text(json.dumps(said))
        instance = Instance(
            data, HELPDESK_INFRA_CONFIG=inventory, AURA_KUBECONFIG=cluster.kubeconfig
        )
        instance.start()
        try:
            instance.wait_ready()
            yield Helpdesk(instance)
        finally:
            instance.clean()


DOCUMENTED = [
    ("GET", "/api/v1/agents", None),
    ("POST", "/api/v1/query", {"agent": "database", "message": "Check replication lag on prod-db"}),
    (
        "POST",
        "/api/v1/incidents",
        {"host": "prod-db.example.com", "description": "OOM killer triggered"},
    ),
    ("GET", "/api/v1/incidents", None),
    ("POST", "/api/v1/db/check_replication_lag", {"host": "prod-db.example.com", "port": 5432}),
    ("POST", "/api/v1/k8s/get_pod_logs", {"namespace": "default", "pod": "my-pod-abc123"}),
    ("POST", "/api/v1/research", {"query": "PostgreSQL 16 logical replication known issues"}),
    ("GET", "/api/v1/infrastructure", None),
    ("GET", "/api/v1/databases", None),
    ("GET", "/api/v1/governance", None),
    ("GET", "/api/v1/governance/policies", None),
    ("GET", "/api/v1/governance/events", None),
    ("GET", "/api/v1/governance/approvals/pending", None),
    ("GET", "/api/v1/governance/approvals", None),
    ("GET", "/api/v1/governance/verify", None),
]


@pytest.mark.parametrize(("method", "path", "body"), DOCUMENTED)
def test_the_documents_calls_work_as_typed(helpdesk, method, path, body):
    answer = helpdesk.send(method, path, body)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    if body is not None or path.endswith("incidents"):
        said = answer.json()
        assert list(said) == KEYS
        assert said["state"] == "completed"
        assert said["text"]
        assert answer.headers["x-trace-id"][:3] in {"tr_", "dt_"}
        assert len(answer.headers["x-trace-id"]) == 15


def test_why_something_fails_is_answered_with_the_lines_that_prove_it(helpdesk):
    asked = {"agent": "k8s", "message": "why is checkout failing in shop?"}

    def answered() -> str:
        text: str = helpdesk.send("POST", "/api/v1/query", asked).json()["text"]
        return text

    begun, text = time.monotonic(), answered()
    while text.startswith("Nothing wrong") and time.monotonic() - begun < PATIENCE_S:
        text = answered()  # its first pod is still starting
    cause, proof = text.partition("Proof:")[::2]
    assert cause.startswith("deployment/shop/checkout: Setting missing.")
    assert "environment variable DATABASE_URL is not set" in proof
    assert "Remedy: Set the environment variable" in proof


def test_the_documents_a2a_call_works_as_typed(helpdesk):
    body = {
        "jsonrpc": "2.0",
        "id": "1",
        "method": "message/send",
        "params": {
            "message": {
                "role": "user",
                "parts": [{"type": "text", "text": "Check replication lag on prod-db"}],
            }
        },
    }
    answer = helpdesk.http.post(helpdesk.instance.url("AURA_AGENT_PORT", "/"), json=body)
    assert answer.status_code == 200
    task = answer.json()["result"]
    assert task["status"]["state"] == "completed"


def test_a_pinned_trace_is_in_every_event_of_the_call(helpdesk):
    said = {"connection_string": "prod-db"}
    answer = helpdesk.send("POST", "/api/v1/db/check_connection", said, **{"X-Trace-ID": "my-1"})
    assert answer.headers["x-trace-id"] == "my-1"
    events = helpdesk.auditd("/v1/events?trace_id=my-1")
    assert {event["event_type"] for event in events} == {"tool_execution", "gateway_request"}
    assert {event["trace_id"] for event in events} == {"my-1"}


def test_fifty_calls_at_once_keep_their_traces_apart(helpdesk):
    def called(number: int) -> httpx.Response:
        said = {"connection_string": "prod-db"}
        answer: httpx.Response = helpdesk.send(
            "POST", "/api/v1/db/check_connection", said, **{"X-Trace-ID": f"many-{number}"}
        )
        return answer

    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(called, range(50)))
    assert [answer.status_code for answer in answers] == [200] * 50
    for number in range(50):
        events = helpdesk.auditd(f"/v1/events?trace_id=many-{number}")
        assert sorted(e["event_type"] for e in events) == ["gateway_request", "tool_execution"]
    verdict = helpdesk.auditd("/v1/verify")
    assert verdict["valid"] is True
    previous = [e["prev_hash"] for e in helpdesk.auditd("/v1/events?limit=200")]
    assert len(set(previous)) == len(previous)


HOSTILE = [
    ("get_config_parameter", {"parameter_name": "%x'; DELETE FROM hostile; --"}),
    ("get_table_stats", {"schema_name": "public'; DELETE FROM hostile; --", "table_name": "x"}),
    ("get_table_stats", {"table_name": "x' OR true; DROP TABLE hostile; --"}),
    (
        "explain_query",
        {"query": "EXPLAIN ANALYZE WITH d AS (DELETE FROM hostile RETURNING 1) SELECT * FROM d"},
    ),
    ("run_query", {"query": "WITH d AS (DELETE FROM hostile RETURNING 1) SELECT * FROM d"}),
    ("run_query", {"query": "SELECT 1; DELETE FROM hostile"}),
    ("run_query", {"query": "SELECT pg_terminate_backend(1)"}),
]


@pytest.mark.parametrize(("tool", "said"), HOSTILE)
def test_a_hostile_parameter_of_a_read_changes_nothing(helpdesk, tool, said):
    with helpdesk.database() as database:
        database.execute("CREATE TABLE IF NOT EXISTS public.hostile AS SELECT 1 AS kept")
        helpdesk.send(
            "POST", f"/api/v1/db/{tool}?wait=20s", {"connection_string": "prod-db", **said}
        )
        assert database.execute("SELECT count(*) FROM public.hostile").fetchone() == (1,)


def test_a_dead_database_still_yields_a_bundle_without_passwords(helpdesk):
    said = {
        "connection_string": "host=127.0.0.1 port=1 dbname=x user=u password=sup3rs3cret",
        "description": "it is down",
    }
    bundle = helpdesk.send("POST", "/api/v1/incidents", said).json()
    assert bundle["state"] == "completed"
    path = Path(json.loads(bundle["artifacts"][0]["parts"])["bundle_path"])
    with tarfile.open(path) as archive:
        files = [member for member in archive.getmembers() if member.isfile()]
        texts = {member.name: archive.extractfile(member).read() for member in files}
    (manifest,) = (json.loads(text) for name, text in texts.items() if "manifest.json" in name)
    assert {"os", "storage"} <= set(manifest["layers"])
    assert any(name.endswith("errors.txt") for name in texts)
    assert not any(b"sup3rs3cret" in text for text in texts.values())


def test_a_repair_waits_for_a_person_and_is_done_after_the_decision(helpdesk):
    with helpdesk.database() as session:
        pid = session.info.backend_pid
        asked = {"connection_string": "prod-db", "pid": pid}
        waiting = helpdesk.send("POST", "/api/v1/db/terminate_connection", asked).json()
        assert waiting["state"] == "input-required", waiting
        assert session.execute("SELECT 1").fetchone() == (1,)
        url = helpdesk.instance.url(
            "AURA_AUDITD_PORT", f"/v1/approvals/{waiting['approval_id']}/approve"
        )
        body = {"approved_by": "somebody-else", "reason": "it blocks the others"}
        decided = helpdesk.http.post(url, json=body)
        assert decided.status_code == 200, decided.text
        done = helpdesk.send("GET", f"/api/v1/tasks/{waiting['task_id']}?wait=50s").json()
        assert done["state"] == "completed", done
        with pytest.raises(psycopg.OperationalError):
            session.execute("SELECT 1")
