"""Tickets worked on by a model, over the real wire protocol, in the real worker."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.conftest import House
from tests.fakes import NGINX, git
from tests.stubs.openai_server import ScriptedOpenAI, calls, hang, raw, says, status

PATH = "apps/nginx/config.yaml"
PLAN = (
    "submit_plan",
    {
        "summary": "Add a ConfigMap for nginx",
        "steps": [
            {"description": f"Write {PATH}", "tool": "git_write_file", "path": PATH},
            {"description": "Commit it", "tool": "git_commit"},
            {"description": "Push it", "tool": "git_push"},
        ],
        "estimatedTools": ["git_write_file", "git_stage", "git_commit", "git_push"],
        "risks": ["none known"],
    },
)
WORK = [
    calls(("git_write_file", {"path": PATH, "content": NGINX}), ("git_stage", {"files": ["."]})),
    calls(("git_commit", {"message": "Add nginx"})),
    calls(("git_push", {})),
    calls(("resolve", {"summary": "The ConfigMap is merged"})),
]


@pytest.fixture(scope="module")
def model() -> Iterator[ScriptedOpenAI]:
    with ScriptedOpenAI([]) as server:
        yield server


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, model: ScriptedOpenAI) -> Iterator[House]:
    built = House(
        tmp_path_factory.mktemp("model"),
        AURA_LLM_MODEL="openai/test-model",
        AURA_LLM_API_KEY="sk-" + "e2e-secret-key-0123456789abcdef",
        AURA_LLM_BASE_URL=model.base_url,
        AURA_LLM_TIMEOUT_S=3,
        AURA_LLM_RETRY_S=40,
        AURA_COST_PROMPT_PRICE="0.01",
        AURA_COST_COMPLETION_PRICE="0.03",
    )
    yield built
    built.instance.clean()


def test_a_model_takes_a_ticket_from_the_plan_to_the_merge(house, model):
    model.play([calls(("git_list_files", {})), calls(PLAN), *WORK])
    person = house.person
    ticket_id = person.open("Add nginx", "A ConfigMap for nginx, please.")
    planned = person.wait(ticket_id, "pending_plan_approval", "failed", "paused")
    assert planned["status"] == "pending_plan_approval", planned["lastError"]
    person.approve_plan(ticket_id)
    done = person.wait(ticket_id, "resolved", "failed", "paused")
    assert done["status"] == "resolved", done["lastError"]
    assert git(house.repository, "show", f"main:{PATH}") == NGINX.strip()
    used = done["tokenUsage"]
    expected = used["promptTokens"] * 0.01 / 1000 + used["completionTokens"] * 0.03 / 1000
    assert used["totalTokens"] > 0
    assert used["estimatedCost"] == pytest.approx(expected, abs=1e-6)


def test_a_model_that_is_rate_limited_breaks_and_hangs_is_waited_for(house, model):
    model.play([raw(b"{"), status(429, {"error": {"message": "slow down"}}), hang(6), calls(PLAN)])
    person = house.person
    ticket_id = person.open("Add nginx again", "Once more.")
    planned = person.wait(ticket_id, "pending_plan_approval", "failed", "paused")
    assert planned["status"] == "pending_plan_approval", planned["lastError"]
    person.post(f"/tickets/{ticket_id}/cancel")


def test_a_refused_key_pauses_the_ticket_and_says_which_setting(house, model):
    model.play([status(401, {"error": {"message": "bad key", "code": "invalid_api_key"}})])
    person = house.person
    ticket_id = person.open("Add nginx with a bad key", "Please.")
    paused = person.wait(ticket_id, "failed", "paused")
    assert paused["status"] == "paused"
    assert "AURA_LLM_API_KEY" in paused["lastError"]
    everything = house.person.http.get(f"/api/tickets/{ticket_id}/audit").text
    assert "e2e-secret-key" not in everything + paused["lastError"]


def test_a_model_that_only_talks_ends_in_failed_and_can_be_run_again(house, model):
    model.play([says("Let me think about this for a while.")] * 6)
    person = house.person
    ticket_id = person.open("Add nginx by talking", "Please.")
    assert person.wait(ticket_id, "failed")["lastError"].startswith("the agent makes no progress")
    model.play([calls(PLAN)])
    assert person.post(f"/tickets/{ticket_id}/run").status_code == 202
    assert person.wait(ticket_id, "pending_plan_approval")["plan"]["summary"]
