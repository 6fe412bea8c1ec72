"""An alert about a broken application: findings, a plan that mends it, a cluster that is well."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from governance.types import ActorKind, Principal
from tests.tickets.conftest import OPS
from tests.tickets.sites import Site, payloads, site
from tickets import services
from tickets.alerts import intake, messages
from tickets.alerts.messages import Source
from tickets.models import Status, Ticket

__all__ = ["site"]
pytestmark = pytest.mark.django_db(transaction=True)
MONITORING = Principal(kind=ActorKind.USER, name="alertmanager")


@pytest.fixture
def seen(site: Site, settings: Any, tmp_path: Path) -> Site:
    """The site, with tools that look into its cluster."""
    context, file = "aura-sandbox", tmp_path / "inventory.json"
    file.write_text(json.dumps({"k8s_clusters": {"sandbox": {"context": context}}}))
    looks = {"kubeconfig": str(site.cluster.kubeconfig), "k8s_context": context}
    settings.AURA = settings.AURA.model_copy(update={**looks, "infra_config": file})
    site.settings |= looks
    return site


def alerted(site: Site, **labels: str) -> Ticket:
    """The ticket of an alert, driven until it waits for a person or ends."""
    alert = {
        "status": "firing",
        "labels": {"alertname": "Down", "namespace": "web", **labels},
        "fingerprint": "f1",
    }
    taken = intake.take(messages.read(Source.ALERTMANAGER, {"alerts": [alert]}), actor=MONITORING)
    ticket = Ticket.objects.get(pk=taken.opened[0])
    site.advance(ticket)
    return ticket


def test_an_alert_is_explained_planned_mended_and_healthy(seen: Site) -> None:
    seen.followed(seen.ticket("Deploy nginx", "Deploy nginx 1.27 in namespace web."))
    down = seen.ticket("Scale nginx to 0 replicas", "Scale nginx to 0 replicas.")
    seen.followed(down)
    ticket = alerted(seen, deployment="nginx")
    assert ticket.status == Status.PENDING_PLAN_APPROVAL, ticket.last_error
    looked = ticket.run.calls.get(tool="triage_namespace")
    assert looked.data["roots"][0]["cause"] == "rollout/scaled-to-zero"
    assert ticket.plan is not None
    assert ticket.plan["summary"].startswith("deployment/web/nginx: ")
    services.approve_plan(ticket, actor=OPS)
    seen.followed(ticket)
    assert ticket.status == Status.RESOLVED, ticket.last_error
    assert seen.cluster.get("Deployment", "nginx", "web")["status"]["readyReplicas"] >= 1
    assert payloads(ticket, "alert_received")[0]["alert"] == "Down"


def test_what_no_manifest_mends_is_asked_about_with_its_proof(seen: Site) -> None:
    seen.followed(seen.ticket("Deploy nginx", "Deploy nginx 1.27 in namespace web."))
    seen.cluster.fault("Deployment", "nginx", "crash-loop:panic", "web")
    seen.cluster.until(
        lambda: any(
            "CrashLoopBackOff" in str(pod["status"]) for pod in seen.cluster.list("Pod", "web")
        )
    )
    ticket = alerted(seen, deployment="nginx")
    assert ticket.status == Status.PENDING_INPUT
    (asked,) = payloads(ticket, "question_asked")
    assert asked["question"].startswith("This is what is wrong")
    assert "\n  E1 [log/web/nginx-" in asked["question"]
    assert "as in 'Set LOG_LEVEL=debug on nginx'" in asked["question"]


def test_a_missing_variable_is_set_by_the_answer_that_the_question_offers(seen: Site) -> None:
    seen.followed(seen.ticket("Deploy nginx", "Deploy nginx 1.27 in namespace web."))
    seen.cluster.fault("Deployment", "nginx", "crash-loop:missing-env", "web")
    seen.cluster.until(
        lambda: any(
            "CrashLoopBackOff" in str(pod["status"]) for pod in seen.cluster.list("Pod", "web")
        )
    )
    ticket = alerted(seen, deployment="nginx")
    assert ticket.status == Status.PENDING_INPUT
    (asked,) = payloads(ticket, "question_asked")
    offered = "Set DATABASE_URL=<value> on nginx"
    assert f"`{offered}`" in asked["question"]
    answer = offered.replace("<value>", "postgres://db/web")
    services.answer_question(ticket, answer=answer, actor=OPS)
    seen.advance(ticket)
    assert ticket.status == Status.PENDING_PLAN_APPROVAL, ticket.last_error
    assert ticket.plan is not None
    assert "DATABASE_URL" in ticket.plan["summary"]


def test_a_name_that_is_not_there_is_not_well(seen: Site) -> None:
    ticket = alerted(seen, deployment="nginx", namespace="shop")
    assert ticket.status == Status.PENDING_INPUT
    (asked,) = payloads(ticket, "question_asked")
    assert "There is no namespace 'shop' in this cluster" in asked["question"]


def test_a_workload_that_is_not_there_is_not_well(seen: Site) -> None:
    seen.followed(seen.ticket("Deploy nginx", "Deploy nginx 1.27 in namespace web."))
    ticket = alerted(seen, deployment="checkout")
    assert ticket.status == Status.PENDING_INPUT
    (asked,) = payloads(ticket, "question_asked")
    assert "has nothing named checkout; it has: nginx" in asked["question"]


def test_what_does_not_become_healthy_is_looked_into_and_taken_back_with_the_cause(
    seen: Site,
) -> None:
    seen.followed(seen.ticket("Deploy nginx", "Deploy nginx 1.27 in namespace web."))
    ticket = seen.ticket("Update nginx", "Update nginx to 1.28-nonexistent.")

    def given_up() -> None:
        """What is looked into is there, however late the cluster is."""
        if seen.image().endswith("nonexistent") and ticket.status == Status.OBSERVING:
            seen.cluster.until(
                lambda: any(
                    "ImagePullBackOff" in str(pod["status"])
                    for pod in seen.cluster.list("Pod", "web")
                )
            )

    seen.followed(ticket, meanwhile=given_up)
    assert ticket.status == Status.FAILED
    looked = ticket.run.calls.get(tool="triage_namespace")
    assert looked.data["roots"][0]["cause"].startswith("image/")
    assert "The cause: deployment/web/nginx: " in ticket.last_error
    assert payloads(ticket, "rollback_completed")
