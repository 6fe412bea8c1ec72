"""The gateway's agent endpoints over ASGI, with a worker that drives what is due."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from django.conf import settings

from agents.models import HelpdeskTask
from agents.runtime.tool import ToolFailure
from aura.asgi import application
from governance import approvals
from governance.models import AuditEvent
from governance.types import Resource, Role
from tests.agents.helpdesk.desk import BEA, NAME, Desk
from tests.agents.working import close_connections_of_bridge, working
from tests.people import headers_of, person

pytestmark = pytest.mark.django_db(transaction=True)

JSON = {"Content-Type": "application/json"}
KEYS = ["agent", "task_id", "state", "text", "artifacts"]


@pytest.fixture(autouse=True)
def connections_closed() -> Iterator[None]:
    yield
    close_connections_of_bridge()


@pytest.fixture
def worker(desk: Desk) -> Iterator[None]:
    with working():
        yield


class Gateway:
    """A client with an operator's token, or another's."""

    def __init__(self, role: Role | None = Role.OPERATOR) -> None:
        self.headers = {}
        if role is not None:
            sent = headers_of(person(f"user-{role.value}", role))
            self.headers["Authorization"] = sent["HTTP_AUTHORIZATION"]

    def send(self, method: str, path: str, **more) -> httpx.Response:
        return self.send_all([(method, path, more)])[0]

    def send_all(self, requests) -> list[httpx.Response]:
        """Side by side."""

        async def go() -> list[httpx.Response]:
            transport = httpx.ASGITransport(application)
            base = f"http://localhost:{settings.AURA.ports.gateway}"
            async with httpx.AsyncClient(transport=transport, base_url=base) as client:
                sent = (self._sent(client, *each) for each in requests)
                answers: list[httpx.Response] = await asyncio.gather(*sent)
                return answers

        return asyncio.run(go())

    def _sent(self, client, method, path, more):
        headers = self.headers | more.pop("headers", {})
        return client.request(method, path, headers=headers, **more)

    def post(self, path: str, json=None, **more) -> httpx.Response:
        return self.send("POST", path, json=json, **more)

    def get(self, path: str, **more) -> httpx.Response:
        return self.send("GET", path, **more)


@pytest.fixture
def gateway(desk: Desk, worker: None) -> Gateway:
    return Gateway()


def test_a_direct_call_is_answered_in_the_envelope(gateway):
    answer = gateway.post("/api/v1/db/look", {"text": "hello"})
    assert answer.status_code == 200
    body = answer.json()
    assert list(body) == KEYS
    assert (body["agent"], body["state"], body["text"]) == (NAME, "completed", "look: hello")
    assert body["artifacts"][0]["parts"] == '{"said": "hello"}'
    assert answer.headers["x-trace-id"].startswith("dt_")
    assert len(answer.headers["x-trace-id"]) == 15
    assert answer.text.endswith("\n")


def test_null_is_no_arguments(gateway):
    answer = gateway.post(
        "/api/v1/db/look", content=b"null", headers={"Content-Type": "application/json"}
    )
    assert answer.json()["text"] == "look: "


@pytest.mark.parametrize(
    ("path", "content", "says"),
    [
        ("/api/v1/db/look", b"{", "invalid JSON body: "),
        ("/api/v1/db/look", b"", "invalid JSON body: "),
        ("/api/v1/db/look", b"[1]", "invalid JSON body: "),
        ("/api/v1/db/nothing", b"{}", "unknown tool: nothing"),
        ("/api/v1/query", b'{"agent": "database"}', '"message" (or "query") is required'),
        ("/api/v1/query", b'{"message": "x"}', 'unknown agent "" (valid: '),
        ("/api/v1/query", b'{"message": "x", "agent": "test_agent"}', 'unknown agent "test_agent"'),
        ("/api/v1/research", b"{}", "query is required"),
    ],
)
def test_bad_bodies_are_refused_in_words(gateway, path, content, says):
    answer = gateway.post(path, content=content, headers=JSON)
    assert answer.status_code == 400
    assert list(answer.json()) == ["error"]
    assert says in answer.json()["error"]
    assert answer.headers["x-trace-id"]
    assert not HelpdeskTask.objects.exists()


def test_a_denial_is_403_and_a_failed_tool_422(gateway, desk):
    desk.resource = Resource(type="database", name="elsewhere")
    denied = gateway.post("/api/v1/db/look", {})
    assert denied.status_code == 403
    assert "policy denied" in denied.json()["error"]
    desk.resource = Resource(type="incident", name="x")
    desk.fault = ToolFailure("connection refused\nERROR — look failed for x")
    failed = gateway.post("/api/v1/db/look", {})
    assert failed.status_code == 422
    assert "ERROR — look failed" in failed.json()["error"]
    assert failed.headers["x-trace-id"] != denied.headers["x-trace-id"]


def test_a_question_is_answered_without_a_model(gateway, desk):
    desk.questions = [("look", {"text": "there"})]
    body = gateway.post("/api/v1/query", {"agent": "db", "query": "what is there?"}).json()
    assert (body["state"], body["text"]) == ("completed", "look: there")


def test_what_no_rule_answers_is_told_with_what_can_be_asked_and_called(gateway, desk):
    text = gateway.post("/api/v1/query", {"agent": "db", "query": "destroy it"}).json()["text"]
    assert "AURA_LLM_MODEL" in text
    assert "  - What is there?" in text
    assert "names one of what is registered here: prod-db\n" in text
    assert "POST /api/v1/db/TOOL; these read: look\n" in text
    assert text.endswith("one: change, destroy")
    desk.targets = []
    text = gateway.post("/api/v1/query", {"agent": "db", "query": "destroy it"}).json()["text"]
    assert "nothing is registered here that could be looked at" in text


def test_an_argument_that_there_is_not_is_answered_with_those_that_there_are(gateway, desk):
    failed = gateway.post("/api/v1/db/look", {"txt": "x"})
    assert failed.status_code == 422
    assert failed.json()["error"].endswith("txt: Extra inputs are not permitted; there are: text")


def test_what_wants_a_reason_says_so_in_the_command_that_decides(gateway, desk):
    change = gateway.post("/api/v1/db/change", {"text": "x"}).json()
    destroy = gateway.post("/api/v1/db/destroy", {"text": "x"}).json()
    assert f"`approvals approve {change['approval_id']}`" in change["text"]
    assert f'`approvals approve {destroy["approval_id"]} --reason "…"`' in destroy["text"]


def test_what_needs_approval_is_answered_at_once_and_fetched_after_the_decision(gateway, desk):
    began = time.monotonic()
    body = gateway.post("/api/v1/db/change", {"text": "x"}).json()
    assert time.monotonic() - began < 30  # who waits, waits for minutes
    assert body["state"] == "input-required"
    assert desk.ran == []
    approvals.approve(body["approval_id"], by=BEA, reason="yes")
    later = gateway.get(f"/api/v1/tasks/{body['task_id']}?wait=60s").json()
    assert (later["state"], later["text"]) == ("completed", "change: x")
    listed = gateway.get("/api/v1/tasks?state=completed").json()
    assert [task["task_id"] for task in listed["tasks"]] == [body["task_id"]]


def test_the_result_can_be_waited_for_while_somebody_decides(gateway, desk):
    body = gateway.post("/api/v1/db/change", {"text": "x"}).json()
    task = f"/api/v1/tasks/{body['task_id']}"
    assert gateway.get(f"{task}?wait=100ms").json()["state"] == "input-required"
    with ThreadPoolExecutor(1) as pool:
        later = pool.submit(gateway.get, f"{task}?wait=60s")
        with pytest.raises(TimeoutError):
            later.result(timeout=0.5)
        approvals.approve(body["approval_id"], by=BEA, reason="yes")
        assert later.result(timeout=60).json()["text"] == "change: x"


def test_who_does_not_want_to_wait_is_told_how_it_stands(desk):
    body = Gateway().post("/api/v1/db/look?wait=0", {}).json()  # no worker here
    assert body["state"] == "submitted"
    assert (
        Gateway(Role.ADMIN).post(f"/api/v1/tasks/{body['task_id']}/cancel").json()["state"]
        == "canceled"
    )


def test_a_task_that_nobody_made_is_not_found(gateway):
    assert gateway.get("/api/v1/tasks/task-nothing").status_code == 404
    assert gateway.post("/api/v1/tasks/task-nothing/cancel").status_code == 404


def test_a_pinned_trace_comes_back_and_is_in_every_event(gateway):
    answer = gateway.post("/api/v1/db/look", {}, headers={"X-Trace-ID": "my-trace.1"})
    assert answer.headers["x-trace-id"] == "my-trace.1"
    found = AuditEvent.objects.filter(trace_id="my-trace.1")
    assert sorted(found.values_list("type", flat=True)) == ["gateway_request", "tool_called"]


def test_fifty_calls_at_once_keep_their_traces_apart(gateway):
    wanted = [
        ("POST", "/api/v1/db/look", {"json": {"text": f"{n}"}, "headers": {"X-Trace-ID": f"t-{n}"}})
        for n in range(50)
    ]
    for n, answer in enumerate(gateway.send_all(wanted)):
        assert answer.json()["text"] == f"look: {n}"
        assert answer.headers["x-trace-id"] == f"t-{n}"
        assert AuditEvent.objects.filter(trace_id=f"t-{n}").count() == 2


def test_a_viewer_may_see_the_agents_and_ask_none(desk, settings):
    settings.AURA = settings.AURA.model_copy(update={"auth": "on"})
    viewer = Gateway(Role.VIEWER)
    agents = viewer.get("/api/v1/agents").json()
    assert list(agents[0]) == ["name", "invoke_url", "description", "version", "skills"]
    assert "secret instructions" not in str(agents)
    assert viewer.get("/api/v1/tools/look").json()["action_class"] == "read"
    assert viewer.post("/api/v1/db/look", {}).status_code == 403
    assert viewer.get("/api/v1/tasks").status_code == 403
    assert Gateway(None).post("/api/v1/db/look", {}).status_code == 401
    assert not HelpdeskTask.objects.exists()
