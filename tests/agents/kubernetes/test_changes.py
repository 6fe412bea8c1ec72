"""What changes a cluster: seen before, exactly what was seen, and verified afterwards."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from agents.kubernetes.client import Cluster
from agents.runtime.interrupt import Interrupt, Interrupted, held_by
from agents.runtime.tool import ToolFailure
from tests.agents.kubernetes import objects
from tests.agents.kubernetes.objects import deploy, pod


def uid(running, kind, name, namespace):
    return running.get(kind, name, namespace)["metadata"]["uid"]


# --- delete_pod ---


def test_a_deletion_is_shown_before_and_changes_nothing_then(desk, running, namespace):
    running.seed(pod("web-1", namespace))

    seen = desk.inspect("delete_pod", namespace=namespace, pod="web-1", grace_period_seconds=0)

    assert seen.impact.pods == 1
    assert seen.preconditions == {"uid": uid(running, "Pod", "web-1", namespace)}
    assert "It is Running, 1/1 ready, 0 restarts" in seen.plan
    assert "It is killed at once (grace 0)." in seen.plan
    assert "NOTHING makes another one" in seen.plan
    assert not running.get("Pod", "web-1", namespace)["metadata"].get("deletionTimestamp")


@pytest.mark.real_cluster
def test_a_deleted_pod_is_gone(desk, running, namespace):
    deploy(running, "web", namespace)
    name = running.list("Pod", namespace)[0]["metadata"]["name"]

    result = desk.change("delete_pod", namespace=namespace, pod=name, grace_period_seconds=0)

    assert result.data["verify_status"] == "ok"
    assert name not in {it["metadata"]["name"] for it in running.list("Pod", namespace)}


def test_a_pod_of_the_same_name_that_came_since_is_left_alone(desk, running, namespace):
    running.seed(pod("db-0", namespace))
    seen = desk.inspect("delete_pod", namespace=namespace, pod="db-0")
    desk.context = replace(desk.context, preconditions=seen.preconditions)
    running.call(lambda: _removed(running, "db-0", namespace))
    running.seed(pod("db-0", namespace))
    newer = uid(running, "Pod", "db-0", namespace)

    result = desk.run("delete_pod", namespace=namespace, pod="db-0")

    assert uid(running, "Pod", "db-0", namespace) == newer
    assert result.data["replaced_by"] == newer
    assert "A new pod of the same name" in result.content


def test_a_pod_that_is_replaced_in_the_very_moment_is_left_alone(
    desk, running, namespace, monkeypatch
):
    running.seed(pod("db-0", namespace))
    old = running.get("Pod", "db-0", namespace)
    seen = desk.inspect("delete_pod", namespace=namespace, pod="db-0")
    desk.context = replace(desk.context, preconditions=seen.preconditions)
    running.call(lambda: _removed(running, "db-0", namespace))
    running.seed(pod("db-0", namespace))
    looks = iter([old])  # what was read before the replacement
    really = Cluster.find
    monkeypatch.setattr(
        Cluster, "find", lambda self, *args: next(looks, None) or really(self, *args)
    )

    result = desk.run("delete_pod", namespace=namespace, pod="db-0")

    assert result.data["replaced_by"] == uid(running, "Pod", "db-0", namespace)


def _removed(running, name, namespace):
    from agents.sandbox.kinds import POD

    return running.cluster.store.delete(POD, namespace, name)


def test_a_finalizer_that_holds_a_pod_is_a_warning(desk, running, namespace, monkeypatch):
    monkeypatch.setattr("agents.kubernetes.deletion.AFTER_GRACE_S", 0.3)
    running.seed(pod("web-1", namespace, metadata={"finalizers": ["example.com/hold"]}))

    result = desk.change("delete_pod", namespace=namespace, pod="web-1", grace_period_seconds=0)

    assert result.content.startswith("VERIFICATION WARNING: pod web-1 is being deleted and still")
    assert "example.com/hold" in result.content
    assert result.data["verify_status"] == "warning"


def test_after_a_crash_the_pod_itself_tells_what_happened(desk, running, namespace):
    running.seed(pod("web-1", namespace))
    seen = desk.inspect("delete_pod", namespace=namespace, pod="web-1")
    desk.context = replace(desk.context, preconditions=seen.preconditions)

    untouched = desk.probe("delete_pod", namespace=namespace, pod="web-1")
    running.call(lambda: _removed(running, "web-1", namespace))
    gone = desk.probe("delete_pod", namespace=namespace, pod="web-1")

    assert untouched is None
    assert gone.data["verify_status"] == "ok"


# --- restart_deployment ---


@pytest.mark.real_cluster
def test_a_restart_replaces_every_pod(desk, running, namespace):
    deploy(running, "web", namespace, replicas=2)
    before = {it["metadata"]["name"] for it in running.list("Pod", namespace)}

    seen = desk.inspect("restart_deployment", namespace=namespace, deployment="web")
    result = desk.change("restart_deployment", namespace=namespace, deployment="web")

    assert seen.impact.pods == 2
    assert seen.preconditions["generation"] == 1
    assert result.data["verify_status"] == "ok"
    assert result.data["rollout_complete"] is True
    made = running.get("Deployment", "web", namespace)["spec"]["template"]["metadata"]
    stamp = made["annotations"]["kubectl.kubernetes.io/restartedAt"]
    assert stamp == result.data["restarted_at"]
    running.until(
        lambda: not before & {it["metadata"]["name"] for it in running.list("Pod", namespace)}
    )


@pytest.mark.real_cluster
def test_inspecting_a_restart_leaves_the_deployment_as_it_was(desk, running, namespace):
    deploy(running, "web", namespace)
    version = running.get("Deployment", "web", namespace)["metadata"]["resourceVersion"]

    desk.inspect("restart_deployment", namespace=namespace, deployment="web")
    desk.inspect("scale_deployment", namespace=namespace, deployment="web", replicas=0)

    assert running.get("Deployment", "web", namespace)["metadata"]["resourceVersion"] == version


@pytest.mark.real_cluster
def test_the_same_call_restarts_once(desk, running, namespace):
    deploy(running, "web", namespace)
    absent = desk.probe("restart_deployment", namespace=namespace, deployment="web")

    desk.change("restart_deployment", namespace=namespace, deployment="web")
    again = desk.run("restart_deployment", namespace=namespace, deployment="web")
    found = desk.probe("restart_deployment", namespace=namespace, deployment="web")

    assert absent is None
    assert again.data["restarted_at"] == found.data["restarted_at"]
    assert running.get("Deployment", "web", namespace)["metadata"]["generation"] == 2


def test_a_rollout_that_takes_long_is_not_called_done(desk, running, namespace):
    deploy(running, "web", namespace)
    running.fault("Deployment", "web", "crash-loop", namespace=namespace)

    result = desk.change(
        "restart_deployment", namespace=namespace, deployment="web", wait_seconds=0
    )

    assert result.data["verify_status"] != "ok"
    assert result.data["rollout_complete"] is False
    assert result.content.startswith("VERIFICATION ")


@pytest.mark.real_cluster
def test_a_paused_deployment_is_not_restarted(desk, running, namespace):
    running.put(objects.deployment("web", namespace, paused=True))

    with pytest.raises(ToolFailure, match="Deployment web is paused"):
        desk.inspect("restart_deployment", namespace=namespace, deployment="web")


def test_waiting_for_a_rollout_ends_with_the_run(desk, running, namespace):
    deploy(running, "web", namespace)
    running.fault("Deployment", "web", "crash-loop", namespace=namespace)
    interrupt = Interrupt()
    threading.Timer(0.3, interrupt.set).start()

    with held_by(interrupt), pytest.raises(Interrupted):
        desk.change("restart_deployment", namespace=namespace, deployment="web", wait_seconds=60)


# --- scale_deployment ---


@pytest.mark.real_cluster
def test_a_deployment_is_scaled_and_its_pods_awaited(desk, running, namespace, monkeypatch):
    monkeypatch.setattr("agents.kubernetes.scaling.STAYS_S", 0.2)
    deploy(running, "web", namespace)

    result = desk.change("scale_deployment", namespace=namespace, deployment="web", replicas=3)

    assert result.data["verify_status"] == "ok"
    assert result.content == "Deployment web was scaled from 1 to 3: 3 of 3 pods ready."
    assert running.get("Deployment", "web", namespace)["spec"]["replicas"] == 3


@pytest.mark.parametrize(("replicas", "pods"), [(5, 5), (2, 2), (1, 2), (0, 3)])
@pytest.mark.real_cluster
def test_the_limit_judges_the_pods_that_come_or_go(desk, running, namespace, replicas, pods):
    deploy(running, "web", namespace, replicas=3)

    seen = desk.inspect(
        "scale_deployment", namespace=namespace, deployment="web", replicas=replicas
    )

    assert seen.impact.pods == pods
    assert f"From 3 to {replicas} pods" in seen.plan


@pytest.mark.real_cluster
def test_a_number_that_somebody_sets_back_is_a_failure(desk, running, namespace, monkeypatch):
    monkeypatch.setattr("agents.kubernetes.scaling.STAYS_S", 60.0)  # until it is set back
    deploy(running, "web", namespace)
    stop = threading.Event()

    def argo():
        """Sets the number back as soon as it is another."""
        while not stop.wait(0.02):
            found = running.get("Deployment", "web", namespace)
            if found["spec"]["replicas"] != 1:
                running.put(objects.deployment("web", namespace))

    thread = threading.Thread(target=argo)
    thread.start()
    try:
        result = desk.change("scale_deployment", namespace=namespace, deployment="web", replicas=3)
    finally:
        stop.set()
        thread.join()

    assert result.content.startswith("VERIFICATION FAILED — ESCALATION REQUIRED")
    assert "was set to 3 and has 1 again" in result.content
    assert result.data["verify_status"] == "escalation_required"


@pytest.mark.real_cluster
def test_an_autoscaler_is_told_of_before(desk, running, namespace):
    deploy(running, "web", namespace)
    running.apply(f"""
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {{name: web-hpa, namespace: {namespace}}}
spec:
  scaleTargetRef: {{apiVersion: apps/v1, kind: Deployment, name: web}}
  minReplicas: 2
  maxReplicas: 5
""")

    seen = desk.inspect("scale_deployment", namespace=namespace, deployment="web", replicas=9)

    assert "The autoscaler web-hpa (2 to 5 pods) sets this number itself" in seen.plan


@pytest.mark.real_cluster
def test_a_stateful_set_is_scaled_too(desk, running, namespace, monkeypatch):
    monkeypatch.setattr("agents.kubernetes.scaling.STAYS_S", 0.2)
    made = objects.deployment("db", namespace)
    made["kind"] = "StatefulSet"
    made["spec"]["serviceName"] = "db"
    running.put(made)

    result = desk.change(
        "scale_deployment", namespace=namespace, deployment="db", replicas=2, kind="statefulset"
    )

    assert result.data["verify_status"] == "ok"
    assert running.get("StatefulSet", "db", namespace)["spec"]["replicas"] == 2


@pytest.mark.real_cluster
def test_another_object_of_the_same_name_is_not_scaled(desk, running, namespace):
    deploy(running, "web", namespace)
    desk.context = replace(
        desk.context, preconditions={"uid": "00000000-0000-0000-0000-000000000000"}
    )

    with pytest.raises(ToolFailure, match="Precondition failed: UID in precondition"):
        desk.run("scale_deployment", namespace=namespace, deployment="web", replicas=3)
    with pytest.raises(ToolFailure, match="Precondition failed: UID in precondition"):
        desk.run("restart_deployment", namespace=namespace, deployment="web")

    assert running.get("Deployment", "web", namespace)["spec"]["replicas"] == 1


# --- nodes ---


def test_a_node_is_closed_and_opened(desk, running):
    closed = desk.change("cordon_node", node_name="sandbox-worker2")
    assert running.get("Node", "sandbox-worker2")["spec"]["unschedulable"] is True

    opened = desk.change("uncordon_node", node_name="sandbox-worker2")

    assert closed.content == "Node sandbox-worker2 is Ready,SchedulingDisabled."
    assert opened.content == "Node sandbox-worker2 is Ready."
