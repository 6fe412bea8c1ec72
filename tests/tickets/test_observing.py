"""From the merge to a healthy application: real Git, the sandbox's Argo CD, the offline planner."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from agents.offline.planner import OfflinePlanner
from aura.demo.repository import seeded
from governance.audit.record import data_of
from governance.models import AuditEvent
from tests.agents.sandbox.running import Running, sandbox
from tests.fakes import call, git, says, whole_ticket
from tests.tickets.conftest import OPS, Desk
from tickets import services
from tickets.models import Status, Ticket

pytestmark = pytest.mark.django_db(transaction=True)

PATIENCE_S = 60.0


class Site:
    """A desk, a cluster, and an application `shop` that follows the desk's repository."""

    def __init__(self, desk: Desk, cluster: Running, *, automated: bool = True) -> None:
        self.desk, self.cluster = desk, cluster
        self.settings = {
            "argocd_server": cluster.argo_url,
            "argocd_token": "argocd-admin",
            "argocd_degraded_s": 1.0,
            "argocd_timeout_s": 30.0,
        }
        for name in ("demo", "web"):
            cluster.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        cluster.put(
            {
                "apiVersion": "argoproj.io/v1alpha1",
                "kind": "Application",
                "metadata": {"name": "shop", "namespace": "argocd"},
                "spec": {
                    "project": "default",
                    "source": {
                        "repoURL": str(desk.repository),
                        "path": "apps",
                        "targetRevision": "main",
                        "directory": {"recurse": True},
                    },
                    "destination": {
                        "server": "https://kubernetes.default.svc",
                        "namespace": "default",
                    },
                    "syncPolicy": {
                        "syncOptions": ["CreateNamespace=true"],
                        **({"automated": {"prune": True, "selfHeal": True}} if automated else {}),
                    },
                },
            }
        )

    def ticket(self, title: str, description: str) -> Ticket:
        ticket = services.create_ticket(title=title, description=description, actor=OPS)
        services.run_ticket(ticket, actor=OPS)
        self.advance(ticket)
        assert ticket.status == Status.PENDING_PLAN_APPROVAL, ticket.last_error
        services.approve_plan(ticket, actor=OPS)
        return ticket

    def advance(self, ticket: Ticket) -> None:
        self.desk.advance(ticket, model=OfflinePlanner(), agent_four_eyes=False, **self.settings)

    def followed(self, ticket: Ticket) -> Ticket:
        """Driven whenever it is due, until it ends or waits for a person."""
        deadline = time.monotonic() + PATIENCE_S
        while ticket.status in {Status.EXECUTING, Status.OBSERVING}:
            assert time.monotonic() < deadline, (ticket.status, ticket.last_error)
            self.advance(ticket)
            time.sleep(0.1)
        return ticket

    def image(self) -> str:
        deployment = self.cluster.get("Deployment", "nginx", "web")
        image: str = deployment["spec"]["template"]["spec"]["containers"][0]["image"]
        return image


@pytest.fixture
def site(desk: Desk, tmp_path) -> Iterator[Site]:
    desk.repository = seeded(tmp_path / "origin.git")
    with sandbox() as cluster:
        yield Site(desk, cluster)


def payloads(ticket: Ticket, event_type: str) -> list[Any]:
    found = AuditEvent.objects.filter(trace_id=str(ticket.pk), type=event_type).order_by("pk")
    return [data_of(event.body)["data"]["payload"] for event in found]


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
    assert "taken back" in ticket.last_error
    assert ". After the revert: " in ticket.last_error
    assert "ImagePull" in ticket.last_error
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
