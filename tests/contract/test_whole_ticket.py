"""Tickets from the request to the end, over the API alone, with the real engine and real Git."""

from __future__ import annotations

import re

import pytest

from agents.runtime.llm import Request
from tests.contract.wire import at, moment, ok
from tests.fakes import call, plan, says, whole_ticket
from tests.tickets.conftest import Desk
from tickets.models import Ticket

pytestmark = pytest.mark.django_db

SHORT_SHA = re.compile(r"[0-9a-f]{7,12}")
PATH = "apps/nginx/config.yaml"


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path)


@pytest.fixture
def opened(api):
    """Id of a ticket that was created and started."""
    body = ok(api.post("/api/tickets", {"title": "Add nginx", "description": "Please."}), 201)
    ok(api.post(at(body["id"], "/run")), 202)
    return body["id"]


@pytest.fixture
def works(desk, opened):
    """The worker's next segment, with these replies of the model."""

    def segment(*script, **settings):
        return desk.advance(Ticket.objects.get(pk=opened), *script, **settings)

    return segment


def last_result(request: Request) -> str:
    """What the model was told last."""
    return request.messages[-1].content


def test_a_ticket_is_planned_approved_carried_out_and_resolved(api, opened, works):
    script = whole_ticket(PATH)
    works(*script[:2])
    planned = ok(api.get(at(opened)))
    assert planned["status"] == "pending_plan_approval"
    assert planned["currentTurn"] == 2
    assert planned["plan"]["summary"] == "Add nginx"
    assert planned["tokenUsage"]["totalTokens"] == 30
    assert planned["tokenUsage"]["estimatedCost"] == 0.002

    ok(api.post(at(opened, "/approve-plan")))
    works(*script[2:])
    body = ok(api.get(at(opened)))
    assert body["status"] == "resolved"
    assert body["workingBranch"] == f"aura/ticket-{opened}"
    assert len(body["commits"]) == 1
    assert SHORT_SHA.fullmatch(body["commits"][0])
    assert body["currentTurn"] == len(script)
    assert [step["status"] for step in body["plan"]["steps"]] == ["completed"] * 3
    assert (body["pendingApproval"], body["pendingQuestion"], body["lastError"]) == (None,) * 3
    moment(body["resolvedAt"])


def test_its_log_tells_the_whole_story(api, opened, works):
    script = whole_ticket(PATH)
    works(*script[:2])
    ok(api.post(at(opened, "/approve-plan")))
    works(*script[2:])
    entries = ok(api.get(at(opened, "/audit")))["entries"][::-1]
    told = [entry["type"] for entry in entries]
    order = ["ticket_created", "plan_generated", "plan_approved", "commit_created"]
    order += ["push_executed", "merge_completed", "ticket_resolved"]
    assert sorted(order, key=told.index) == order
    assert told.count("turn_started") == told.count("turn_completed") == len(script)
    called = [entry["action"] for entry in entries if entry["type"] == "tool_called"]
    assert called == [
        "git_list_files",
        "submit_plan",
        "git_write_file",
        "git_stage",
        "git_commit",
        "git_push",
        "resolve",
    ]
    commit = next(e for e in entries if e["type"] == "tool_called" and e["action"] == "git_commit")
    assert commit["toolCall"]["args"] == {"message": "Add nginx"}
    shown = ok(api.get(at(opened)))
    assert commit["toolCall"]["result"]["sha"] == shown["commits"][0]
    resolved = entries[told.index("ticket_resolved")]
    assert resolved["tokenUsage"]["totalTokens"] == 15 * len(script)


def test_statistics_count_what_was_done(api, opened, works):
    script = whole_ticket(PATH)
    works(*script[:2])
    ok(api.post(at(opened, "/approve-plan")))
    works(*script[2:])
    body = ok(api.get("/api/stats"))
    assert body["tickets"] == {"total": 1, "byStatus": {"resolved": 1}}
    assert body["tokenUsage"]["total"] == body["tokenUsage"]["last24h"] == 15 * len(script)
    assert body["tokenUsage"]["estimatedCost"] == pytest.approx(0.001 * len(script))
    assert body["agent"]["totalTurns"] == len(script)
    assert body["agent"]["toolCalls"]["git_commit"] == 1


def test_a_rejected_plan_is_made_anew_from_the_feedback(api, opened, works):
    works(says(plan()))
    ok(api.post(at(opened, "/reject-plan"), {"feedback": "Use the data namespace"}))
    model = works(says(plan(path="data/nginx.yaml", summary="Again")))
    assert "Use the data namespace" in last_result(model.requests[0])
    body = ok(api.get(at(opened)))
    assert body["status"] == "pending_plan_approval"
    assert body["plan"]["summary"] == "Again"
    assert body["plan"]["steps"][0]["path"] == "data/nginx.yaml"


@pytest.mark.parametrize("approved", [True, False])
def test_a_deletion_runs_only_after_it_was_approved(api, opened, works, desk, approved):
    step = {"description": "Delete it", "tool": "git_delete_file", "path": "README.md"}
    works(says(plan(step)))
    ok(api.post(at(opened, "/approve-plan")))
    works(says(call("git_delete_file", path="README.md")))
    readme = desk.root / "work" / "tickets" / opened / "README.md"
    pending = ok(api.get(at(opened)))["pendingApproval"]
    assert (pending["tool"], pending["args"]) == ("git_delete_file", {"path": "README.md"})
    assert pending["resources"] == ["file:README.md"]
    before = readme.exists()

    ok(api.post(at(opened, "/approve"), {"approved": approved, "reason": "Keep the history"}))
    model = works(says(call("give_up", reason="enough")))
    told = last_result(model.requests[0])
    assert before != approved or not readme.exists()
    assert readme.exists() is (not approved and before)
    assert ("Keep the history" in told) is not approved


def test_an_answer_reaches_the_model(api, opened, works):
    works(says(call("ask_question", question="Which namespace?", options=["data", "cache"])))
    pending = ok(api.get(at(opened)))["pendingQuestion"]
    assert (pending["question"], pending["options"]) == ("Which namespace?", ["data", "cache"])
    ok(api.post(at(opened, "/answer"), {"answer": "the data one"}))
    model = works(says(plan()))
    assert "the data one" in last_result(model.requests[0])


def test_an_agent_may_ask_for_approval_before_it_has_a_plan(api, opened, works):
    works(says(call("request_approval", description="Look into the logs?")))
    body = ok(api.get(at(opened)))
    assert body["status"] == "pending_approval"
    assert body["pendingApproval"]["action"] == "Look into the logs?"
    assert ok(api.post(at(opened, "/approve"), {"approved": True}))["status"] == "planning"
    model = works(says(plan()))
    assert "Approved: Look into the logs?" in last_result(model.requests[0])


@pytest.mark.parametrize("text", ["half \ud800 a character", "zero \x00 byte"])
def test_text_that_no_database_can_hold_does_not_stop_a_worker(api, opened, works, text):
    works(
        says(call("git_read_file", path=f"{text}.md"), text=text),
        says(call(f"tool {text}")),
        says(call("ask_question", question=text), text=text),
    )
    assert ok(api.get(at(opened)))["status"] == "pending_input"


def test_calls_that_are_far_too_long_do_not_stop_a_worker(api, opened, works):
    works(
        says(call("git_read_file", "x" * 5000, path="x" * 5000)),
        says(call("x" * 5000, path="x")),
        says(call("git_read_file", path="[" * 5000)),
        says(call("ask_question", question="Really?", options=["x" * 4000] * 20)),
    )
    assert ok(api.get(at(opened)))["status"] == "pending_input"


def test_a_ticket_out_of_turns_is_paused_and_goes_on_with_more(api, opened, works):
    ok(api.patch(at(opened), {"maxTurns": 1}))
    works(says(call("git_list_files")))
    entry = ok(api.get(at(opened, "/audit"), {"type": "status_changed"}))["entries"][0]
    assert entry["payload"] == {"from": "planning", "to": "paused", "reason": "max_turns"}
    body = ok(api.post(at(opened, "/resume"), {"additionalTurns": 1}))
    assert (body["status"], body["maxTurns"]) == ("planning", 2)
    works(says(plan()))
    assert ok(api.get(at(opened)))["status"] == "pending_plan_approval"


def test_a_ticket_cancelled_while_the_model_thinks_stays_cancelled(api, opened, works):
    def cancels(_):
        ok(api.post(at(opened, "/cancel"), {"reason": "not needed"}))
        return says(plan())

    works(cancels)
    body = ok(api.get(at(opened)))
    assert (body["status"], body["plan"], body["currentTurn"]) == ("cancelled", None, 0)


def test_with_plan_approval_switched_off_the_system_approves(api, opened, works):
    works(*whole_ticket(PATH), agent_plan_approval=False)
    body = ok(api.get(at(opened)))
    assert (body["status"], body["planApprovedBy"]) == ("resolved", "system")
    (entry,) = ok(api.get(at(opened, "/audit"), {"type": "plan_approved"}))["entries"]
    assert entry["actor"] == "system"
