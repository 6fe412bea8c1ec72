"""The whole product as its user has it: `up`, HTTP, the console, a real repository, no model."""

from __future__ import annotations

import os
import signal
import time

import httpx

from tests.e2e.support import Listener, found
from tests.fakes import git

TICKET = (
    "Deploy nginx",
    "Deploy nginx 1.27 with 2 replicas on port 80 in namespace web, for the landing page.",
)


def merged(house, path: str) -> str:
    return git(house.repository, "show", f"main:{path}")


def test_a_ticket_approved_in_the_console_is_merged_into_main(house):
    person = house.person
    person.log_in()
    ticket_id = person.open(*TICKET)
    ticket = person.wait(ticket_id, "pending_plan_approval")
    assert ticket["plan"]["steps"][0]["tool"] == "git_write_file"
    refused = person.post(f"/tickets/{ticket_id}/approve-plan")
    assert refused.status_code == 403
    assert "role approver" in refused.json()["error"]["message"]
    page = f"/admin/tickets/ticket/{ticket_id}/change/"
    shown = person.browser.get(page).text
    assert ticket["plan"]["summary"].split()[0] in shown
    form = {
        "request": found(r'name="request" value="([^"]+)"', shown),
        "fingerprint": found(r'name="fingerprint" value="([0-9a-f]{64})"', shown),
        "decision": "approve",
    }
    answer = person.submit(page, f"/admin/tickets/ticket/{ticket_id}/do/decide/", form)
    assert answer.status_code == 302, answer.text
    done = person.wait(ticket_id, "resolved", "failed", "paused")
    assert done["status"] == "resolved", done["lastError"]
    assert "nginx:1.27" in merged(house, "apps/nginx/deployment.yaml")
    assert done["planApprovedBy"] == "admin"
    approvals = person.get(f"/tickets/{ticket_id}/audit?type=plan_approved")
    assert [(e["actor"], e["actorName"]) for e in approvals["entries"]] == [("user", "admin")]


def test_every_step_is_on_the_stream_and_can_be_replayed(house):
    person = house.person
    everything = Listener(person, "/api/stream")
    ticket_id = person.open("Deploy redis", "Deploy redis 7.4 in namespace cache with 1 replica.")
    person.wait(ticket_id, "pending_plan_approval")
    person.approve_plan(ticket_id)
    person.wait(ticket_id, "resolved")
    person.until(lambda: "resolved" in everything.types(), what="resolved on the stream")
    types = everything.types()
    for wanted in (
        "connected",
        "status_changed",
        "turn_started",
        "turn_completed",
        "tool_called",
        "plan_generated",
        "commit_created",
        "push_completed",
        "resolved",
    ):
        assert wanted in types
    first, *others = everything.ids_of(ticket_id)
    again = Listener(person, f"/api/tickets/{ticket_id}/stream", last=first)
    person.until(lambda: len(again.ids_of(ticket_id)) >= len(others), what="replay")
    assert again.ids_of(ticket_id) == others
    moves = [f["payload"]["to"] for f in again.frames if f["type"] == "status_changed"]
    assert moves == ["pending_plan_approval", "executing", "resolved"]


def test_a_ticket_without_an_image_asks_and_takes_the_answer(house):
    person = house.person
    ticket_id = person.open("Deploy checkout", "Deploy our checkout service in namespace shop.")
    ticket = person.wait(ticket_id, "pending_input")
    assert "image" in ticket["pendingQuestion"]["question"].lower()
    answer = person.post(
        f"/tickets/{ticket_id}/answer", {"answer": "registry.example.com/shop/checkout:2.3.1"}
    )
    assert answer.json() == {"id": ticket_id, "status": "planning", "pendingQuestion": None}
    planned = person.wait(ticket_id, "pending_plan_approval", "pending_input")
    assert planned["status"] == "pending_plan_approval", planned["pendingQuestion"]


def test_a_worker_killed_in_between_is_replaced_and_the_ticket_goes_on(house):
    person = house.person
    ticket_id = person.open("Deploy memcached", "Deploy memcached 1.6 in namespace cache.")
    person.wait(ticket_id, "pending_plan_approval")
    worker = house.instance.child("worker")
    person.approve_plan(ticket_id)
    os.kill(worker, signal.SIGKILL)
    began = time.monotonic()
    done = person.wait(ticket_id, "resolved", "failed", "paused")
    assert done["status"] == "resolved", done["lastError"]
    assert len(done["commits"]) == 1
    assert time.monotonic() - began < 40
    assert house.instance.child("worker") != worker


def test_health_tells_that_everything_is_there(house):
    person = house.person
    person.until(lambda: person.get("/health")["status"] == "healthy", what="health")
    health = person.get("/health")
    assert {k: health[k] for k in ("database", "git", "llm")} == {
        "database": "connected",
        "git": "available",
        "llm": "available",
    }


def test_a_foreign_page_cannot_approve(house):
    person = house.person
    ticket_id = person.open("Deploy httpd", "Deploy httpd 2.4 in namespace web.")
    person.wait(ticket_id, "pending_plan_approval")
    answer = person.http.post(
        f"/api/tickets/{ticket_id}/approve-plan", headers={"Origin": "https://evil.example"}
    )
    assert answer.status_code == 403
    assert person.get(f"/tickets/{ticket_id}")["status"] == "pending_plan_approval"
    assert person.post(f"/tickets/{ticket_id}/cancel").json()["status"] == "cancelled"


def test_the_documentation_of_the_api_opens_without_any_other_host(house):
    page = httpx.get(f"{house.person.site}/api/docs", trust_env=False)
    assert page.status_code == 200
    assert "http://" not in page.text.replace(house.person.site, "")
    assert "https://" not in page.text
