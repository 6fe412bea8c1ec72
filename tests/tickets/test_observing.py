"""From the merge to a healthy application: real Git, the sandbox's Argo CD, the offline planner."""

from __future__ import annotations

import pytest

from tests.fakes import call, git, says, whole_ticket
from tests.tickets.conftest import OPS
from tests.tickets.sites import payloads, site
from tickets import services
from tickets.models import Status

__all__ = ["site"]
pytestmark = pytest.mark.django_db(transaction=True)


def test_a_ticket_is_done_when_the_cluster_runs_it(site):
    ticket = site.ticket("Deploy nginx", "Deploy nginx 1.27 with 2 replicas in namespace web.")
    assert [step.tool for step in ticket.steps.all()][-2:] == ["git_merge", "argo_app_wait"]
    site.followed(ticket)
    assert ticket.status == Status.RESOLVED, ticket.last_error
    assert site.image() == "nginx:1.27"
    assert site.cluster.get("Deployment", "nginx", "web")["status"]["readyReplicas"] == 2
    (started,) = payloads(ticket, "argo_sync_started")
    (merge,) = payloads(ticket, "merge_completed")
    assert started == {"app": "shop", "revision": merge["sha"]}
    assert payloads(ticket, "argo_health_checked")[-1]["health"] == "Healthy"
    assert "healthy" in payloads(ticket, "ticket_resolved")[0]["summary"]
    moves = [(m["from"], m["to"]) for m in payloads(ticket, "status_changed")]
    assert ("executing", "observing") in moves


def test_an_image_that_cannot_be_pulled_is_taken_back_and_the_ticket_says_why(site):
    site.followed(site.ticket("Deploy nginx", "Deploy nginx 1.27 in namespace web."))
    ticket = site.ticket("Update nginx", "Update nginx to 1.28-nonexistent.")
    site.followed(ticket)
    assert ticket.status == Status.FAILED
    first = "the agent gave up: The change was taken back, for it did not become healthy. "
    assert ticket.last_error.startswith(first)
    assert ". After the revert: " in ticket.last_error
    # Which of the two shows first is a matter of how busy the machine is.
    assert any(why in ticket.last_error for why in ("ImagePull", "progress deadline"))
    assert payloads(ticket, "rollback_completed")
    assert {s.tool: s.status for s in ticket.steps.all()}["argo_app_wait"] == "failed"
    site.cluster.until(lambda: site.image() == "nginx:1.27")
    log = git(site.desk.repository, "log", "--format=%s", "main")
    assert "Revert: " in log


def test_waiting_takes_no_turn(site):
    ticket = site.ticket("Deploy nginx", "Deploy nginx 1.27 in namespace web.")
    site.followed(ticket)
    calls = ticket.run.calls.filter(tool="argo_app_wait")
    assert calls.count() == 1
    assert calls.get().turn.number < ticket.current_turn


def test_a_claim_that_nobody_has_seen_is_refused(site):
    ticket = site.desk.open()
    script = whole_ticket("apps/nginx/config.yaml", "a: 1\n")
    site.desk.advance(ticket, *script[:2], **site.settings)
    services.approve_plan(ticket, actor=OPS)
    script.append(says(call("give_up", reason="x")))
    model = site.desk.advance(ticket, *script[2:], **site.settings)
    assert ticket.status == Status.FAILED
    told = "".join(m.content for m in model.requests[-1].messages)
    assert "nothing is merged yet: call git_merge" in told


def test_an_argo_cd_that_is_away_pauses_the_ticket(site):
    ticket = site.ticket("Deploy nginx", "Deploy nginx 1.27 in namespace web.")
    site.settings |= {"argocd_server": "http://127.0.0.1:1"}
    for _ in range(12):
        ticket.run.refresh_from_db()
        ticket.run.due_at = ticket.created_at
        ticket.run.save(update_fields=["due_at"])
        site.advance(ticket)
        if ticket.status == Status.PAUSED:
            break
    assert ticket.status == Status.PAUSED
    assert "Argo CD cannot be reached" in ticket.last_error


def test_a_shut_sync_window_is_waited_out_and_pauses_in_the_end(site):
    site.settings["argocd_window_s"] = 0.0
    ticket = site.ticket("Deploy nginx", "Deploy nginx 1.27 in namespace web.")
    site.windows({"kind": "deny", "schedule": "* * * * *", "duration": "2m"})
    while ticket.status == Status.EXECUTING:
        site.advance(ticket)
    assert ticket.status == Status.OBSERVING, ticket.last_error
    turns = ticket.current_turn
    site.due(ticket)
    site.advance(ticket)
    assert (ticket.status, ticket.current_turn) == (Status.PAUSED, turns)
    assert "the deny window `* * * * *` for 2 min of its project denies syncs" in ticket.last_error
    services.resume_ticket(ticket, actor=OPS)
    site.advance(ticket)
    assert ticket.status == Status.OBSERVING  # waited for anew
    site.windows()
    site.due(ticket)
    site.followed(ticket)
    assert ticket.status == Status.RESOLVED, ticket.last_error
