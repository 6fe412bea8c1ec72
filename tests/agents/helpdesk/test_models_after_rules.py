"""A model's part over the wire: it is given the findings, and what it makes up is flagged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.db import connection
from django.utils.timezone import now

from agents.definition import HelpdeskAgent
from agents.helpdesk import catalogue, drive, review, tasks
from agents.models import HelpdeskTask, Run, ToolExecution
from agents.runtime.llm import FailureKind, ModelFailure
from agents.runtime.tool import Tool, ToolResult
from agents.triage import report
from agents.triage.findings import Evidence, Finding, Report, Severity
from aura.kernel.telemetry import metrics
from governance import approvals
from governance.audit.record import data_of
from governance.models import AuditEvent
from governance.types import ActionClass
from tests.agents import others
from tests.agents.helpdesk.desk import ADA, BEA, NAME, Desk, Said
from tests.agents.helpdesk.test_gateway import Gateway
from tests.agents.working import close_connections_of_bridge, working
from tests.fakes import ScriptedModel, says
from tests.stubs import openai_server as scripted

pytestmark = pytest.mark.django_db(transaction=True)

WHY = {"agent": "db", "message": "why is orders slow?"}
HONEST = "A session holds the lock (E1). I would end it."
CLAIM = "A session held the lock (E1). I terminated the session."
PROOF = "pid 4711 idle in transaction"
FOUND = Report(
    about="orders",
    roots=(
        Finding(
            cause="sessions/idle-in-transaction",
            object="database/orders",
            severity=Severity.CRITICAL,
            confidence=1.0,
            summary="One session blocks all.",
            evidence=(Evidence(source="pg_stat_activity", line=PROOF),),
        ),
    ),
)


class TriagedDesk(Desk):
    """A desk whose agent triages first, as those of the product do."""

    def agent(self) -> HelpdeskAgent:
        return replace(super().agent(), tools=lambda: [*self.tools(), self._triage()])

    def _triage(self) -> Tool:
        def run(said: Said, context: Any) -> ToolResult:
            self.ran.append("triage_desk")
            return ToolResult(content=report.text(FOUND), data=report.data(FOUND))

        return replace(
            self._tool("triage_desk", ActionClass.READ), run=run, tags=("inspection", "triage")
        )


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    made = TriagedDesk(questions=[("look", {}), ("triage_desk", {"text": "orders"})])
    others.in_place(monkeypatch, [made.agent()])
    return made


@pytest.fixture
def model(settings: Any) -> Iterator[scripted.ScriptedOpenAI]:
    """The configured model: a server that says what the test tells it to."""
    with scripted.ScriptedOpenAI() as server:
        settings.AURA = settings.AURA.model_copy(
            update={
                "llm_model": "openai/scripted",
                "llm_base_url": server.base_url,
                "llm_api_key": "key",
            }
        )
        yield server


@pytest.fixture
def gateway(desk: Desk) -> Iterator[Gateway]:
    with working():
        yield Gateway()
    close_connections_of_bridge()
    connection.close()


def flags(kind: str) -> float:
    found = metrics.REGISTRY.get_sample_value(
        "aura_answers_unverified_total", {"agent": NAME, "kind": kind}
    )
    return found or 0.0


def ended(task_id: str) -> dict[str, Any]:
    """What the log says of the end of a task."""
    event = AuditEvent.objects.get(session_id=task_id, type="gateway_request")
    data: dict[str, Any] = data_of(event.body)["data"]
    return data


def test_the_first_request_to_the_model_carries_the_findings(gateway, model, desk):
    model.play([scripted.says(HONEST)])
    body = gateway.post("/api/v1/query", WHY).json()
    (request,) = model.requests
    *_, called, result = request.json["messages"]
    assert called["tool_calls"][0]["function"]["name"] == "triage_desk"
    assert f"E1 [pg_stat_activity] {PROOF}" in result["content"]
    assert desk.ran == ["triage_desk"]
    assert body["text"] == HONEST


def test_an_honest_answer_is_left_as_it_is(gateway, model):
    before = flags("action")
    model.play([scripted.says(HONEST)])
    answer = gateway.post("/api/v1/query", WHY)
    assert answer.json()["text"] == HONEST
    assert [it["name"] for it in answer.json()["artifacts"]] == ["triage_desk"]
    assert "x-audit-mismatch" not in answer.headers
    assert flags("action") == before
    data = ended(answer.json()["task_id"])
    assert "mismatches" not in data
    assert "delegation_verification" not in data["event"]


def test_a_claim_of_what_nobody_did_is_flagged_wherever_the_answer_goes(gateway, model):
    before = flags("action")
    model.play([scripted.says(CLAIM)])
    answer = gateway.post("/api/v1/query", WHY)
    body = answer.json()
    assert list(body) == ["agent", "task_id", "state", "text", "artifacts"]
    assert body["state"] == "completed"
    note = body["text"].removeprefix(f"{CLAIM}\n\n")
    assert note.startswith("Not verified: no call that succeeded did what is said here: “I term")
    assert body["artifacts"][-1]["name"] == "audit_mismatch"
    fetched = gateway.get(f"/api/v1/tasks/{body['task_id']}")
    assert fetched.json() == body
    for told in (answer, fetched):
        assert told.headers["x-audit-mismatch"] == "true"
    assert flags("action") == before + 1
    data = ended(body["task_id"])
    assert data["mismatches"] == [{"kind": "action", "said": "“I terminated the session.”"}]
    assert data["event"]["delegation_verification"] == {
        "delegation_event_id": f"gw_{body['task_id'][5:]}",
        "agent": NAME,
        "tools_confirmed": ["triage_desk"],
        "destructive_confirmed": [],
        "mismatch": True,
    }


def test_what_was_approved_and_done_may_be_told(gateway, model, desk):
    said = "The session is ended (E1). I terminated the session."
    model.play([scripted.calls(("change", {"text": "4711"})), scripted.says(said)])
    body = gateway.post("/api/v1/query", WHY).json()
    assert body["state"] == "input-required"
    approvals.approve(body["approval_id"], by=BEA, reason="yes")
    later = gateway.get(f"/api/v1/tasks/{body['task_id']}?wait=60s")
    assert later.json()["text"] == said
    assert "x-audit-mismatch" not in later.headers
    assert desk.ran == ["triage_desk", "change"]


def test_an_answer_that_comes_late_has_the_header_as_well(gateway, model):
    model.play([scripted.calls(("change", {"text": "4711"})), scripted.says(CLAIM)])
    body = gateway.post("/api/v1/query", WHY).json()
    approvals.deny(body["approval_id"], by=BEA, reason="no")
    later = gateway.get(f"/api/v1/tasks/{body['task_id']}?wait=60s")
    assert later.json()["state"] == "completed"
    assert later.headers["x-audit-mismatch"] == "true"


def test_rules_without_a_model_are_never_flagged(gateway, desk):
    desk.questions = [("look", {"text": "I restarted the deployment (E9)."})]
    answer = gateway.post("/api/v1/query", WHY)
    assert answer.json()["text"] == "look: I restarted the deployment (E9)."
    assert "x-audit-mismatch" not in answer.headers


def test_a_question_that_is_no_diagnosis_begins_with_the_model(gateway, model, desk):
    desk.questions = [("look", {})]
    model.play([scripted.says("Hello.")])
    assert gateway.post("/api/v1/query", WHY).json()["text"] == "Hello."
    assert [it["role"] for it in model.requests[0].json["messages"]] == ["system", "user"]


def worked(task: HelpdeskTask, model: ScriptedModel) -> HelpdeskTask:
    drive.advance(task.run_id, model)
    found = tasks.find(task.key)
    assert found is not None
    return found


def test_a_run_that_is_taken_up_again_is_not_triaged_again(desk):
    task = tasks.ask(NAME, WHY["message"], by=ADA)
    away = ModelFailure(FailureKind.UNAVAILABLE, "away")
    model = ScriptedModel([away, says(text=HONEST)])
    assert worked(task, model).state == "submitted"
    Run.objects.filter(pk=task.run_id).update(due_at=now())
    assert worked(task, model).text == HONEST
    assert desk.ran == ["triage_desk"]
    assert ToolExecution.objects.filter(run=task.run_id).count() == 1
    assert [it.role for it in model.requests[1].messages] == ["system", "user", "assistant", "tool"]


def test_an_action_of_an_earlier_task_may_be_spoken_of(desk):
    desk.questions = []
    first = tasks.call(NAME, "change", {"text": "x"}, by=ADA, context_id="ctx")
    drive.advance(first.run_id)
    found = tasks.find(first.key)
    assert found is not None
    approvals.approve(found.approval, by=BEA, reason="yes")
    drive.advance(first.run_id)
    said = "I terminated the session."
    for context, flagged in (("ctx", False), ("another", True)):
        task = tasks.ask(NAME, "did you end it?", by=ADA, context_id=context)
        text = worked(task, ScriptedModel([says(text=said)])).text
        assert ("Not verified" in text) is flagged


@pytest.mark.parametrize("name", ["postgres_database_agent", "k8s_agent"])
def test_the_triage_of_the_product_is_known_by_its_tag(name):
    tagged = [tool.name for tool in catalogue.toolset(name) if review.TRIAGE in tool.tags]
    assert len(tagged) == 1
    assert tagged[0] in {"triage_database", "triage_namespace"}
