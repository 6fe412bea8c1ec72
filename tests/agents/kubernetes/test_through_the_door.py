"""Calls of the Kubernetes agent as the gateway makes them: judged, approved, run, recorded."""

from __future__ import annotations

import json

import pytest

from agents.helpdesk import catalogue, drive, tasks
from agents.kubernetes.agent import AGENT
from agents.models import HelpdeskTask, TaskState
from governance import approvals
from governance.models import Approval
from governance.policy import current
from governance.types import ActorKind, Principal, Role
from tests.agents.kubernetes.objects import deploy

pytestmark = pytest.mark.django_db(transaction=True)

ADA = Principal(kind=ActorKind.USER, name="ada", roles=frozenset({Role.OPERATOR.value}))
BEA = Principal(kind=ActorKind.USER, name="bea", roles=frozenset({Role.APPROVER.value}))
PODS_LIMITED = """
version: "1"
policies:
  - name: few-pods
    resources: [{type: kubernetes, match: {tags: [production]}}]
    rules:
      - action: read
        effect: allow
      - action: [write, destructive]
        effect: require_approval
        conditions: {max_pods_affected: 4}
"""


@pytest.fixture(autouse=True)
def kubernetes_alone(monkeypatch):
    monkeypatch.setattr(catalogue, "agents", lambda: (AGENT,))
    catalogue.toolset.cache_clear()
    yield
    catalogue.toolset.cache_clear()
    current.forget()


@pytest.fixture
def shop(desk, running, register, namespace):
    """A registered namespace with a deployment of two pods."""
    register(
        {
            "db_servers": {
                "orders": {
                    "k8s_cluster": "prod",
                    "k8s_namespace": namespace,
                    "tags": ["production"],
                }
            },
            "k8s_clusters": {"prod": {"context": "aura-sandbox", "tags": ["production"]}},
        }
    )
    deploy(running, "web", namespace, replicas=2)
    return namespace


def called(tool: str, **arguments: object) -> HelpdeskTask:
    return worked(tasks.call(AGENT.name, tool, arguments, by=ADA, trace_id="dt_k8s"))


def worked(task: HelpdeskTask) -> HelpdeskTask:
    drive.advance(task.run_id, None)
    found = tasks.find(task.key)
    assert found is not None
    return found


def test_a_look_answers_with_text_and_data(shop):
    task = called("get_pods", namespace=shop)

    assert task.state == TaskState.COMPLETED
    assert "web-" in task.text
    assert json.loads(task.artifacts[0]["parts"])["count"] == 2


def test_a_failure_is_told_in_the_documented_form(shop):
    task = called("get_pod_logs", namespace=shop, pod="my-pod-abc123")

    assert (task.state, task.failure) == (TaskState.FAILED, "failed")
    diagnosis, error = task.text.splitlines()
    assert diagnosis == "There is no pod named 'my-pod-abc123' there."
    assert error.startswith(f"ERROR — get_pod_logs failed for namespace {shop} of aura-sandbox: ")


def test_without_an_inventory_the_default_policy_denies(desk, namespace):
    task = called("get_pods", namespace=namespace)

    assert (task.state, task.failure) == (TaskState.FAILED, "denied")
    assert "policy denied" in task.text


def test_more_pods_than_the_policy_allows_are_denied_before_anything_happens(
    shop, running, monkeypatch
):
    monkeypatch.setattr(current, "built_in_text", lambda: PODS_LIMITED)
    current.forget()

    task = called("scale_deployment", namespace=shop, deployment="web", replicas=5)

    assert task.failure == "denied"
    assert "Operation affects 5 pods, limit is 4" in task.text
    assert running.get("Deployment", "web", shop)["spec"]["replicas"] == 2
    assert not Approval.objects.exists()


def test_a_change_is_shown_approved_done_and_verified(shop, running, monkeypatch):
    monkeypatch.setattr("agents.kubernetes.scaling.STAYS_S", 0.2)
    task = called("scale_deployment", namespace=shop, deployment="web", replicas=3)
    assert task.state == TaskState.INPUT_REQUIRED
    preview = Approval.objects.get(key=task.approval).context["preview"]
    assert "From 2 to 3 pods; 2 are ready now." in preview
    assert running.get("Deployment", "web", shop)["spec"]["replicas"] == 2

    approvals.approve(task.approval, by=BEA, reason="the sale begins")
    task = worked(task)

    assert task.state == TaskState.COMPLETED
    assert task.text == "Deployment web was scaled from 2 to 3: 3 of 3 pods ready."
    assert running.get("Deployment", "web", shop)["spec"]["replicas"] == 3


def test_an_approval_of_another_pod_is_none_of_this_one(shop, running):
    name = running.list("Pod", shop)[0]["metadata"]["name"]
    task = called("delete_pod", namespace=shop, pod=name, grace_period_seconds=0)
    running.call(lambda: _changed(running, name, shop))

    approvals.approve(task.approval, by=BEA, reason="go on")
    task = worked(task)

    assert task.state == TaskState.FAILED
    assert f"There is no pod named '{name}' there." in task.text


def _changed(running, name, namespace):
    from agents.sandbox.kinds import POD

    running.cluster.store.delete(POD, namespace, name)
