"""The compose file's services as processes of this machine, from the first login to a merge."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.e2e.support import demo_repository
from tests.fakes import git
from tests.operations.shape import OURS, SERVICES, Shape


class Desk:
    """A running shape, and a person at it with a token."""

    def __init__(self, shape: Shape, repository: Any) -> None:
        self.shape, self.repository = shape, repository
        printed = shape.run("web", "python", "manage.py", "first_login")
        self.token = printed.split("Token:")[1].strip()
        self.headers = {"Authorization": f"Bearer {self.token}"}
        self.http = self.client("web")
        made = shape.run("web", "python", "manage.py", "create_token", "admin")
        self.approver = {"Authorization": f"Bearer {made.strip()}"}

    def client(self, role: str) -> httpx.Client:
        return httpx.Client(
            base_url=self.shape.url(role), headers=self.headers, timeout=60, trust_env=False
        )

    def wait(self, ticket_id: str, *statuses: str, patience_s: float = 100) -> dict[str, Any]:
        deadline = time.monotonic() + patience_s
        while True:
            ticket: dict[str, Any] = self.http.get(f"/api/tickets/{ticket_id}").json()
            if ticket.get("status") in statuses:
                return ticket
            assert time.monotonic() < deadline, ticket
            time.sleep(0.1)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    root = tmp_path_factory.mktemp("shape")
    repository = demo_repository(root / "git")
    shape = Shape(root, {"AURA_GIT_REPO_URL": str(repository)})
    try:
        shape.start("postgres", "redis")
        shape.wait_healthy("postgres", "redis")
        shape.start("migrate")
        assert shape.processes["migrate"].wait(60) == 0, shape.log("migrate")
        shape.start("web", "stream", "worker", "beat")
        shape.wait_healthy("web", "stream")
        yield Desk(shape, repository)
    finally:
        shape.end()


def test_a_ticket_is_opened_planned_approved_and_merged_over_separate_processes(desk):
    answer = desk.http.post(
        "/api/tickets",
        json={
            "title": "Deploy nginx",
            "description": "Deploy nginx 1.27 with 2 replicas on port 80 in namespace web.",
        },
    )
    assert answer.status_code == 201, answer.text
    ticket_id = answer.json()["id"]
    seen, opened = [], threading.Event()

    def listen() -> None:
        with desk.client("stream") as http, contextlib.suppress(httpx.HTTPError):  # noqa: SIM117
            with http.stream("GET", f"/api/tickets/{ticket_id}/stream", timeout=60) as stream:
                for line in stream.iter_lines():
                    if line.startswith("event: "):
                        seen.append(line.removeprefix("event: "))
                        opened.set()

    threading.Thread(target=listen, daemon=True).start()
    assert opened.wait(60)
    assert desk.http.post(f"/api/tickets/{ticket_id}/run").status_code == 202
    desk.wait(ticket_id, "pending_plan_approval")
    assert desk.http.post(f"/api/tickets/{ticket_id}/approve-plan").status_code == 403
    answer = desk.http.post(f"/api/tickets/{ticket_id}/approve-plan", headers=desk.approver)
    assert answer.status_code == 200, answer.text
    done = desk.wait(ticket_id, "resolved", "failed", "paused")
    assert done["status"] == "resolved", done["lastError"]
    assert "nginx:1.27" in git(desk.repository, "show", "main:apps/nginx/deployment.yaml")
    deadline = time.monotonic() + 60
    while "resolved" not in seen:
        assert time.monotonic() < deadline, seen
        time.sleep(0.05)


INTENT = """
from django.db import transaction
from governance.audit.intent import IntentNotKept, ensure_intent_durable
from governance.audit.record import record, recorded_together
from governance.types import SYSTEM

with transaction.atomic(), recorded_together() as told:
    told.intent = True
    record("tool_invoked", actor=SYSTEM, action="an effect of the web tier")
for _ in range(3):  # on a busy machine two seconds are short, and the product tries again too
    try:
        ensure_intent_durable(told.linked)
    except IntentNotKept as reason:
        print(reason)
    else:
        print("may begin")
        break
"""


def test_an_effect_begins_in_web_which_has_no_key_when_the_worker_has_signed_its_intent(desk):
    shell = ("python", "manage.py", "shell", "--no-imports", "-c")
    assert "give it AURA_LOG_KEY_FILE, or in AURA_LOG_PUBLIC_KEY" in desk.shape.run(
        "web", *shell, INTENT
    )
    key = desk.shape.run("worker", "python", "manage.py", "log_key").split()[-1]
    told = desk.shape.run("web", *shell, INTENT, AURA_LOG_PUBLIC_KEY=key)
    assert told.endswith("may begin\n")
    assert not (desk.shape.root / "web/data/keys/log.key").exists()
    said = desk.shape.run("worker", "python", "manage.py", "verify_log", "--full", "--json")
    assert json.loads(said)["valid"]


def test_the_stream_service_serves_streams_and_its_health_alone(desk):
    with desk.client("stream") as http:
        assert http.get("/api/health").status_code == 200
        refused = http.get("/api/tickets")
        assert (refused.status_code, refused.json()["error"]["code"]) == (404, "NOT_FOUND")
        assert http.post("/api/stream").status_code == 405
        assert http.get("/admin/").status_code == 404


def test_nobody_without_a_token_is_served(desk):
    for role, path in (("web", "/api/tickets"), ("stream", "/api/stream")):
        answer = httpx.get(desk.shape.url(role) + path, trust_env=False)
        assert answer.status_code == 401, answer.text


@pytest.mark.parametrize("service", [name for name in SERVICES if name not in {"proxy", "migrate"}])
def test_every_health_check_passes_while_its_service_runs(desk, service):
    desk.shape.wait_healthy(service)


def test_only_the_worker_can_read_the_credentials_of_the_outside(desk):
    for service in OURS:
        granted = {path.name for path in (desk.shape.root / service / "secrets").iterdir()}
        outside = granted & {"AURA_GIT_TOKEN", "AURA_LLM_API_KEY"}
        assert bool(outside) == (service == "worker")


def test_no_secret_is_in_an_environment_or_on_a_command_line(desk):
    hidden = [
        desk.shape.secret(name)
        for name in ("AURA_SECRET_KEY", "postgres_password", "redis_password")
    ]
    for service, process in desk.shape.processes.items():
        if process.poll() is not None:
            continue
        for part in ("environ", "cmdline"):
            with open(f"/proc/{process.pid}/{part}", "rb") as file:  # noqa: PTH123
                shown = file.read().decode()
            assert not any(secret in shown for secret in hidden), (service, part)


def test_a_role_refuses_a_database_that_was_not_migrated(desk):
    base = desk.shape.secret("AURA_DATABASE_URL").removesuffix("/aura")
    with pytest.raises(AssertionError, match=r"lacks \d+ migration"):
        desk.shape.run(
            "web", "python", "manage.py", "serve", "web", AURA_DATABASE_URL=f"{base}/postgres"
        )


def test_a_role_ends_at_once_when_it_is_told_to(desk):
    """Compose stops a service with SIGTERM and kills it when its time is over."""
    for service in ("web", "stream", "beat"):
        process = desk.shape.processes[service]
        process.terminate()
        try:
            assert process.wait(30) == 0, desk.shape.log(service)
        finally:
            process.kill()
            desk.shape.start(service)  # the other tests come in any order
    desk.shape.wait_healthy("web", "stream", "beat")
