"""Each fault shows what a real cluster shows."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from cryptography import x509

from agents.sandbox import clock
from agents.sandbox.faults import catalogue
from tests.agents.sandbox.manifests import config_map, deployment, service
from tests.agents.sandbox.running import Running

Pod = dict[str, Any]


def pods(cluster: Running, namespace: str) -> list[Pod]:
    found = cluster.list("Pod", namespace)
    return [pod for pod in found if not pod["metadata"].get("deletionTimestamp")]


def state(pod: Pod) -> dict[str, Any]:
    found: dict[str, Any] = pod["status"]["containerStatuses"][0]
    return found


def waiting(pod: Pod) -> str:
    return str(state(pod)["state"].get("waiting", {}).get("reason", ""))


def events(cluster: Running, namespace: str) -> set[str]:
    return {event["reason"] for event in cluster.list("Event", namespace)}


def messages(cluster: Running, namespace: str) -> str:
    return "\n".join(event["message"] for event in cluster.list("Event", namespace))


def until_pod(cluster: Running, namespace: str, condition: Callable[[Pod], Any]) -> Pod:
    return cluster.until(lambda: next(p for p in pods(cluster, namespace) if condition(p)))


def broken(cluster: Running, namespace: str, fault: str, **container: Any) -> None:
    """A deployment of one pod that has the fault from the start."""
    body = deployment("web", namespace, replicas=1, **container)
    body["metadata"]["annotations"] = {"sandbox.aura.dev/fault": fault}
    cluster.put(body)


@pytest.mark.parametrize(
    ("variant", "code", "said"),
    [
        ("missing-env", 1, "DATABASE_URL is not set"),
        ("connection-refused", 1, "connection refused"),
        ("panic", 2, "panic: runtime error"),
        ("bad-config", 78, "yaml: line 12"),
    ],
)
def test_a_crash_loop_says_why_in_the_previous_log(
    cluster: Running, http: httpx.Client, namespace: str, variant: str, code: int, said: str
) -> None:
    broken(cluster, namespace, f"crash-loop:{variant}")
    pod = until_pod(cluster, namespace, lambda p: waiting(p) == "CrashLoopBackOff")
    assert state(pod)["restartCount"] >= 1
    assert state(pod)["lastState"]["terminated"]["exitCode"] == code
    path = f"/api/v1/namespaces/{namespace}/pods/{pod['metadata']['name']}/log"
    assert said in http.get(path, params={"previous": "true"}).text
    assert "BackOff" in events(cluster, namespace)
    cluster.heal("Deployment", "web", namespace)
    cluster.ready("web", namespace)


def test_an_oom_kill(cluster: Running, namespace: str) -> None:
    broken(cluster, namespace, "oom-kill")
    pod = until_pod(cluster, namespace, lambda p: waiting(p) == "CrashLoopBackOff")
    ended = state(pod)["lastState"]["terminated"]
    assert (ended["reason"], ended["exitCode"]) == ("OOMKilled", 137)


@pytest.mark.parametrize(
    ("variant", "said"),
    [
        ("name", "repository does not exist or may require authorization"),
        ("tag", "registry.example.com/web:1.0: not found"),
        ("registry", "no such host"),
        ("credentials", "401 Unauthorized"),
    ],
)
def test_an_image_that_cannot_be_pulled(
    cluster: Running, namespace: str, variant: str, said: str
) -> None:
    broken(cluster, namespace, f"image-pull:{variant}")
    until_pod(cluster, namespace, lambda p: waiting(p) == "ImagePullBackOff")
    assert said in messages(cluster, namespace)


def test_an_image_that_is_not_there_breaks_a_rollout_by_itself(
    cluster: Running, namespace: str
) -> None:
    cluster.put(deployment("web", namespace, replicas=2))
    cluster.ready("web", namespace)
    cluster.put(deployment("web", namespace, replicas=2, image="web:does-not-exist"))
    until_pod(cluster, namespace, lambda p: waiting(p) == "ImagePullBackOff")
    found = cluster.get("Deployment", "web", namespace)
    assert found["status"]["availableReplicas"] == 2  # the old pods still serve
    late = cluster.until(
        lambda: [
            each
            for each in cluster.get("Deployment", "web", namespace)["status"]["conditions"]
            if each.get("reason") == "ProgressDeadlineExceeded"
        ]
    )
    assert late[0]["status"] == "False"
    cluster.put(deployment("web", namespace, replicas=2))
    cluster.ready("web", namespace)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("pending:cpu", "Insufficient cpu"),
        ("pending:memory", "Insufficient memory"),
        ("pending:taint", "untolerated taint {dedicated: gpu}"),
        ("pending:selector", "didn't match Pod's node affinity/selector"),
    ],
)
def test_a_pod_that_no_node_takes(cluster: Running, namespace: str, fault: str, said: str) -> None:
    broken(cluster, namespace, fault)
    pod = until_pod(cluster, namespace, lambda p: p["status"].get("conditions"))
    condition = pod["status"]["conditions"][0]
    assert (pod["status"]["phase"], condition["reason"]) == ("Pending", "Unschedulable")
    assert said in condition["message"]
    cluster.until(lambda: "FailedScheduling" in events(cluster, namespace))


@pytest.mark.parametrize(
    ("container", "spec", "said"),
    [
        ({"resources": {"requests": {"cpu": "64"}}}, {}, "Insufficient cpu"),
        ({}, {"nodeSelector": {"disk": "ssd"}}, "node affinity/selector"),
    ],
)
def test_pods_are_pending_for_reasons_of_their_own(
    cluster: Running, namespace: str, container: dict[str, Any], spec: dict[str, Any], said: str
) -> None:
    body = deployment("web", namespace, replicas=1, **container)
    body["spec"]["template"]["spec"].update(spec)
    cluster.put(body)
    cluster.until(lambda: said in messages(cluster, namespace))


def test_a_claim_without_a_class_keeps_its_pod_pending(cluster: Running, namespace: str) -> None:
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data", "namespace": namespace},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": "fast",
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }
    cluster.put(claim)
    body = deployment("web", namespace, replicas=1)
    volume = {"name": "data", "persistentVolumeClaim": {"claimName": "data"}}
    body["spec"]["template"]["spec"]["volumes"] = [volume]
    cluster.put(body)
    cluster.until(lambda: "unbound immediate" in messages(cluster, namespace))
    assert 'storageclass.storage.k8s.io "fast" not found' in messages(cluster, namespace)
    assert cluster.get("PersistentVolumeClaim", "data", namespace)["status"]["phase"] == "Pending"


def test_a_failing_readiness_probe_empties_the_endpoints(cluster: Running, namespace: str) -> None:
    cluster.put(deployment("web", namespace, replicas=1))
    cluster.put(service("web", namespace))
    cluster.ready("web", namespace)
    cluster.fault("Deployment", "web", "readiness-probe", namespace)
    cluster.until(lambda: "Unhealthy" in events(cluster, namespace))
    pod = pods(cluster, namespace)[0]
    assert pod["status"]["phase"] == "Running"
    subsets = cluster.until(lambda: cluster.get("Endpoints", "web", namespace)["subsets"])
    assert "addresses" not in subsets[0]
    assert "Readiness probe failed: HTTP probe failed" in messages(cluster, namespace)


def test_a_failing_liveness_probe_restarts(cluster: Running, namespace: str) -> None:
    broken(cluster, namespace, "liveness-probe")
    until_pod(cluster, namespace, lambda p: state(p)["restartCount"] >= 1)
    assert "failed liveness probe, will be restarted" in messages(cluster, namespace)


def test_a_config_map_that_is_missing_and_then_comes(cluster: Running, namespace: str) -> None:
    source = [{"configMapRef": {"name": "settings"}}]
    cluster.put(deployment("web", namespace, replicas=1, envFrom=source))
    until_pod(cluster, namespace, lambda p: waiting(p) == "CreateContainerConfigError")
    assert 'configmap "settings" not found' in messages(cluster, namespace)
    cluster.put(config_map("settings", namespace, a="1"))
    cluster.ready("web", namespace)


@pytest.mark.parametrize("fault", ["missing-configmap", "missing-secret"])
def test_a_reference_that_leads_nowhere(cluster: Running, namespace: str, fault: str) -> None:
    broken(cluster, namespace, fault)
    pod = until_pod(cluster, namespace, lambda p: waiting(p) == "CreateContainerConfigError")
    assert "not found" in state(pod)["state"]["waiting"]["message"]


def test_a_volume_that_cannot_be_mounted(cluster: Running, namespace: str) -> None:
    broken(cluster, namespace, "missing-volume")
    cluster.until(lambda: "FailedMount" in events(cluster, namespace))
    assert waiting(pods(cluster, namespace)[0]) == "ContainerCreating"


def test_a_selector_that_matches_nothing(cluster: Running, namespace: str) -> None:
    cluster.put(deployment("web", namespace, replicas=1))
    cluster.put(service("web", namespace))
    cluster.ready("web", namespace)
    cluster.fault("Service", "web", "selector-mismatch", namespace)
    cluster.until(lambda: not cluster.get("Endpoints", "web", namespace).get("subsets"))
    cluster.heal("Service", "web", namespace)
    cluster.until(lambda: cluster.get("Endpoints", "web", namespace)["subsets"])
    assert cluster.get("Service", "web", namespace)["spec"]["selector"] == {"app": "web"}


def test_a_deployment_scaled_to_zero_and_back(cluster: Running, namespace: str) -> None:
    cluster.put(deployment("web", namespace, replicas=2))
    cluster.ready("web", namespace)
    cluster.fault("Deployment", "web", "scaled-to-zero", namespace)
    cluster.until(lambda: not cluster.list("Pod", namespace))
    cluster.heal("Deployment", "web", namespace)
    assert cluster.ready("web", namespace)["spec"]["replicas"] == 2


def test_a_full_namespace(cluster: Running, namespace: str) -> None:
    cluster.put(deployment("web", namespace, replicas=1))
    cluster.ready("web", namespace)
    cluster.fault("Namespace", namespace, "quota-exceeded")
    cluster.until(lambda: cluster.list("ResourceQuota", namespace))
    cluster.put(deployment("web", namespace, replicas=2))
    cluster.until(lambda: "FailedCreate" in events(cluster, namespace))
    found = cluster.until(
        lambda: [
            each
            for each in cluster.get("Deployment", "web", namespace)["status"]["conditions"]
            if each["type"] == "ReplicaFailure"
        ]
    )
    assert "exceeded quota" in found[0]["message"]


def test_a_node_that_does_not_answer(cluster: Running, http: httpx.Client, namespace: str) -> None:
    cluster.put(deployment("web", namespace, replicas=1))
    cluster.ready("web", namespace)
    pod = pods(cluster, namespace)[0]
    node = pod["spec"]["nodeName"]
    cluster.fault("Node", node, "not-ready")
    try:
        cluster.until(
            lambda: (
                cluster.get("Deployment", "web", namespace)["status"].get("readyReplicas", 0) == 0
            )
        )
        conditions = cluster.get("Node", node)["status"]["conditions"]
        assert next(c for c in conditions if c["type"] == "Ready")["status"] == "Unknown"
        path = f"/api/v1/namespaces/{namespace}/pods/{pod['metadata']['name']}/log"
        refused = http.get(path)
        assert refused.status_code == 500
        assert "connect: connection refused" in refused.json()["message"]
    finally:
        cluster.heal("Node", node)
    cluster.ready("web", namespace)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("dns", "on 10.96.0.10:53"),
        ("network-policy", "i/o timeout"),
        ("certificate-expired", "x509: certificate has expired"),
    ],
)
def test_what_only_the_log_tells(
    cluster: Running, http: httpx.Client, namespace: str, fault: str, said: str
) -> None:
    broken(cluster, namespace, fault)
    pod = until_pod(cluster, namespace, lambda p: "running" in state(p)["state"])
    path = f"/api/v1/namespaces/{namespace}/pods/{pod['metadata']['name']}/log"
    cluster.until(lambda: said in http.get(path).text)
    assert bool(cluster.list("NetworkPolicy", namespace)) is (fault == "network-policy")


def test_an_expired_certificate_in_a_secret(cluster: Running, namespace: str) -> None:
    cluster.put(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "tls", "namespace": namespace},
            "type": "kubernetes.io/tls",
            "data": {},
        }
    )
    cluster.fault("Secret", "tls", "certificate-expired", namespace)
    text = cluster.until(lambda: cluster.get("Secret", "tls", namespace)["data"]["tls.crt"])
    certificate = x509.load_pem_x509_certificate(base64.b64decode(text))
    assert certificate.not_valid_after_utc.timestamp() < clock.now()


def test_a_fault_is_put_on_by_the_control_api(
    cluster: Running, http: httpx.Client, viewer: httpx.Client, namespace: str
) -> None:
    cluster.put(deployment("web", namespace, replicas=1))
    body = {"kind": "deploy", "namespace": namespace, "name": "web", "fault": "oom-kill"}
    assert viewer.post("/sandbox/faults", json=body).status_code == 403
    assert http.post("/sandbox/faults", json=body).status_code == 200
    active = http.get("/sandbox/faults").json()["active"]
    assert {
        "kind": "Deployment",
        "namespace": namespace,
        "name": "web",
        "fault": "oom-kill",
    } in active
    wrong = http.post("/sandbox/faults", json={**body, "fault": "oom-kil"})
    assert "there is no such fault" in wrong.json()["message"]
    misplaced = http.post("/sandbox/faults", json={**body, "fault": "not-ready"})
    assert "put on Node" in misplaced.json()["message"]


def test_every_fault_of_the_catalogue_is_documented() -> None:
    from pathlib import Path

    text = Path("docs/sandbox.md").read_text()
    missing = [name for name in catalogue.BY_NAME if f"`{name}`" not in text]
    assert not missing
