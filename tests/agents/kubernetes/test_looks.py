"""What the looks show of a cluster: the documented shapes, bounded, and nothing secret."""

from __future__ import annotations

import time

import pytest

from agents.runtime.tool import ToolFailure
from tests.agents.kubernetes import objects
from tests.agents.kubernetes.objects import crashing, deploy, pod


def test_pods_have_the_documented_shape(desk, running, namespace):
    running.seed(pod("web-1", namespace))

    result = desk.run("get_pods", namespace=namespace)

    (row,) = result.data["pods"]
    assert result.data["count"] == 1
    assert row.pop("age").endswith("s")
    assert row == {
        "name": "web-1",
        "namespace": namespace,
        "phase": "Running",
        "status": "Running",
        "ready": "1/1",
        "restarts": 0,
        "ip": "10.0.0.1",
        "node": "sandbox-worker",
        "labels": {"app": "web"},
        "conditions": ["Ready=True"],
    }
    assert "web-1   1/1     Running   0" in result.content


def test_pods_are_chosen_by_label_and_looked_for_in_every_namespace(desk, running, namespace):
    running.seed(pod("web-1", namespace))
    running.seed(pod("db-1", namespace, metadata={"labels": {"app": "db"}}))

    chosen = desk.run("get_pods", namespace=namespace, labels="app in (db),app!=web")
    everywhere = desk.run("get_pods", namespace="all", labels="app=db")

    assert [row["name"] for row in chosen.data["pods"]] == ["db-1"]
    assert namespace in {row["namespace"] for row in everywhere.data["pods"]}


@pytest.mark.real_cluster
def test_an_empty_list_says_whether_the_namespace_is_there(desk, namespace):
    there = desk.run("get_pods", namespace=namespace)
    missing = desk.run("get_pods", namespace="nowhere")

    assert there.data == {
        "pods": [],
        "count": 0,
        "message": f"No pods found in namespace {namespace}.",
    }
    assert "there is no namespace 'nowhere'" in missing.data["message"]


def test_a_thousand_pods_are_counted_and_those_in_trouble_come_first(desk, running, namespace):
    running.call(
        lambda: [_stored(running, pod(f"web-{number:04}", namespace)) for number in range(1000)]
    )
    running.seed(crashing("zz-broken", namespace))

    began = time.monotonic()
    result = desk.run("get_pods", namespace=namespace)

    assert time.monotonic() - began < 40
    assert result.data["count"] == 1001
    assert len(result.data["pods"]) == 200
    assert result.data["pods"][0]["name"] == "zz-broken"
    assert "200 of 1001 pods shown, those in trouble first" in result.data["message"]
    assert len(result.content) < 40_000


def _stored(running, obj):
    from agents.sandbox import seeds

    return seeds.put(running.cluster, obj)


def test_a_crashing_container_is_told_with_its_last_end(desk, running, namespace):
    running.seed(crashing("web-1", namespace))

    row = desk.run("get_pods", namespace=namespace).data["pods"][0]
    told = desk.run("describe_pod", namespace=namespace, pod="web-1").content

    assert (row["phase"], row["status"], row["restarts"]) == ("Running", "CrashLoopBackOff", 7)
    assert "waiting: CrashLoopBackOff: back-off 5m0s" in told
    assert "terminated: OOMKilled, exit 137, at 2026-11-22T10:00:00Z" in told


def test_a_description_hides_secrets_and_ends_with_the_events(desk, running, namespace):
    env = [
        {"name": "DB_PASSWORD", "value": "hunter2hunter2"},
        {"name": "COLOUR", "value": "blue"},
        {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "db", "key": "password"}}},
    ]
    command = ["server", "--api-key=Zk39vLq0TTbyx81mAAq2"]
    container = {"name": "web", "image": "nginx:1.27", "env": env, "command": command}
    applied = {"kubectl.kubernetes.io/last-applied-configuration": "hunter2hunter2"}
    running.seed(
        pod("web-1", namespace, spec={"containers": [container]}, metadata={"annotations": applied})
    )
    _event(running, namespace, "web-1", "Warning", "Unhealthy", "Readiness probe failed")

    told = desk.run("describe_pod", namespace=namespace, pod="web-1").content

    assert "DB_PASSWORD=[redacted:password]" in told
    assert "COLOUR=blue" in told
    assert "KEY=<key password of secret db>" in told
    assert "hunter2" not in told
    assert "Zk39vLq0TTbyx81mAAq2" not in told
    assert told.rstrip().endswith("Readiness probe failed")


def _event(running, namespace, about, kind, reason, message, **more):
    uid = running.get("Pod", about, namespace)["metadata"]["uid"]
    running.seed(
        {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": f"{about}.{reason.lower()}", "namespace": namespace},
            "involvedObject": {"kind": "Pod", "name": about, "namespace": namespace, "uid": uid},
            "type": kind,
            "reason": reason,
            "message": message,
            "firstTimestamp": "2026-11-22T10:00:00Z",
            "lastTimestamp": "2026-11-22T10:05:00Z",
            "source": {"component": "kubelet"},
            "count": 3,
            **more,
        }
    )


def test_events_come_newest_first_and_are_chosen_by_object_and_type(desk, running, namespace):
    running.seed(pod("web-1", namespace))
    running.seed(pod("web-2", namespace))
    _event(running, namespace, "web-1", "Warning", "BackOff", "Back-off restarting")
    later = {"lastTimestamp": "2026-11-22T10:06:00Z"}
    _event(running, namespace, "web-1", "Normal", "Pulled", "Image is there", **later)
    _event(running, namespace, "web-2", "Warning", "Failed", "no password=hunter2hunter2")

    every = desk.run("get_events", namespace=namespace)
    some = desk.run("get_events", namespace=namespace, resource_name="web-1", event_type="Warning")

    assert every.data["count"] == 3
    assert every.data["events"][0]["reason"] == "Pulled"
    assert "hunter2" not in every.content
    assert some.data["events"] == [
        {
            "type": "Warning",
            "reason": "BackOff",
            "message": "Back-off restarting",
            "object": "pod/web-1",
            "namespace": namespace,
            "source": "kubelet",
            "first_seen": "2026-11-22T10:00:00Z",
            "last_seen": "2026-11-22T10:05:00Z",
            "count": 3,
        }
    ]


@pytest.mark.real_cluster
def test_a_service_whose_selector_matches_nothing_gets_the_hint(desk, running, namespace):
    running.put(
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "web", "namespace": namespace},
            "spec": {"selector": {"app": "wbe"}, "ports": [{"port": 80, "targetPort": 8080}]},
        }
    )
    running.until(lambda: running.get("Endpoints", "web", namespace))

    service = desk.run("get_service", namespace=namespace, service_name="web").data["services"][0]
    endpoints = desk.run("get_endpoints", namespace=namespace, endpoint_name="web").data
    told = desk.run("describe_service", namespace=namespace, service_name="web").content

    assert service["ports"] == [{"protocol": "TCP", "port": 80, "target_port": "8080"}]
    assert service["selector"] == {"app": "wbe"}
    assert endpoints["endpoints"][0]["addresses"] == []
    assert "the service's selector may match no pod" in endpoints["message"]
    assert "Endpoints: none" in told


@pytest.mark.real_cluster
def test_endpoints_name_their_pods(desk, running, namespace):
    deploy(running, "web", namespace)
    running.put(
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "web", "namespace": namespace},
            "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]},
        }
    )
    running.until(lambda: running.get("Endpoints", "web", namespace)["subsets"])

    (row,) = desk.run("get_endpoints", namespace=namespace).data["endpoints"]

    (address,) = row["addresses"]
    assert address["ready"] is True
    assert address["pod_name"].startswith("web-")
    assert row["ports"] == [{"port": 80, "protocol": "TCP"}]


@pytest.mark.real_cluster
def test_deployments_and_their_history(desk, running, namespace):
    deploy(running, "web", namespace, replicas=2)
    newer = objects.deployment("web", namespace, replicas=2)
    newer["spec"]["template"]["spec"]["containers"][0]["image"] = "nginx:1.28"
    running.put(newer)
    running.ready("web", namespace)

    (row,) = desk.run("get_deployments", namespace=namespace).data["deployments"]
    history = desk.run("get_rollout_history", namespace=namespace, deployment="web").data
    told = desk.run("describe_deployment", namespace=namespace, deployment="web").content

    assert (row["ready"], row["images"]) == ("2/2", ["nginx:1.28"])
    assert history["current_revision"] == 2
    assert [(it["revision"], it["images"], it["pods"]) for it in history["revisions"]] == [
        (2, ["nginx:1.28"], "2/2"),
        (1, ["nginx:1.27"], "0/0"),
    ]
    assert "Rollout:      through" in told


def test_nodes_tell_state_room_and_use(desk):
    nodes = desk.run("get_nodes", show_labels=True).data
    status = desk.run("get_node_status", node_name="sandbox-worker").data["nodes"]

    assert nodes["count"] == 3
    assert nodes["nodes"][0]["roles"] == ["control-plane"]
    assert "kubernetes.io/hostname" in nodes["nodes"][0]["labels"]
    assert status[0]["allocatable"]["cpu"] == "8000m"
    assert status[0]["used"]["memory"] != "0Mi (0%)"


def test_use_stands_beside_requests_and_limits(desk, running, namespace):
    resources = {"requests": {"cpu": "250m", "memory": "64Mi"}, "limits": {"memory": "1Gi"}}
    made = objects.deployment("web", namespace)
    made["spec"]["template"]["spec"]["containers"][0]["resources"] = resources
    running.put(made)
    running.ready("web", namespace)

    (row,) = desk.run("get_pod_resources", namespace=namespace).data["pods"]

    (container,) = row["containers"]
    assert container["cpu_request"] == "250m"
    assert container["memory_limit"] == "1Gi"
    assert container["memory"].endswith("Mi")


@pytest.mark.parametrize(
    ("tool", "key"),
    [
        ("get_statefulsets", "statefulsets"),
        ("get_daemonsets", "daemonsets"),
        ("get_jobs", "jobs"),
        ("get_cronjobs", "cronjobs"),
        ("get_pvcs", "pvcs"),
        ("get_resource_quotas", "quotas"),
        ("get_ingresses", "ingresses"),
    ],
)
@pytest.mark.real_cluster
def test_the_other_lists_are_there(desk, namespace, tool, key):
    assert desk.run(tool, namespace=namespace).data[key] == []


def test_a_quota_tells_how_full_it_is_and_a_claim_what_it_waits_for(desk, running, namespace):
    running.apply(f"""
apiVersion: v1
kind: ResourceQuota
metadata: {{name: small, namespace: {namespace}}}
spec: {{hard: {{pods: "4"}}}}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {{name: data, namespace: {namespace}}}
spec:
  accessModes: [ReadWriteOnce]
  storageClassName: no-such-class
  resources: {{requests: {{storage: 1Gi}}}}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {{name: web, namespace: {namespace}}}
spec:
  rules:
  - host: shop.example
    http:
      paths:
      - path: /
        pathType: Prefix
        backend: {{service: {{name: web, port: {{number: 80}}}}}}
""")
    deploy(running, "web", namespace)
    running.until(
        lambda: running.get("ResourceQuota", "small", namespace)["status"]["used"]["pods"] == "1"
    )

    (quota,) = desk.run("get_resource_quotas", namespace=namespace).data["quotas"]
    (claim,) = desk.run("get_pvcs", namespace=namespace).data["pvcs"]
    (ingress,) = desk.run("get_ingresses", namespace=namespace).data["ingresses"]

    limit = {"resource": "pods", "used": "1", "hard": "4", "share": 0.25}
    assert quota["resources"] == [limit]
    assert (claim["status"], claim["storage_class"]) == ("Pending", "no-such-class")
    assert ingress["rules"] == [
        {"host": "shop.example", "path": "/", "service": "web", "port": "80"}
    ]


# --- logs ---


def test_a_log_ends_where_it_was_asked_to_and_hides_credentials(desk, running, namespace):
    deploy(running, "web", namespace)
    name = running.list("Pod", namespace)[0]["metadata"]["name"]
    running.log(name, "one", "two", "password=hunter2hunter2 \x1b[31mred", namespace=namespace)

    result = desk.run("get_pod_logs", namespace=namespace, pod=name, lines=2)

    assert result.content == "two\npassword=[redacted:password] red"
    assert result.data["container"] == "web"
    assert result.data["lines"] == 2


def test_a_container_that_waits_has_no_log_and_says_why(desk, running, namespace):
    waiting = {"name": "web", "state": {"waiting": {"reason": "ImagePullBackOff"}}}
    running.seed(
        pod("web-1", namespace, status={"phase": "Pending", "containerStatuses": [waiting]})
    )

    told = desk.run("get_pod_logs", namespace=namespace, pod_name="web-1").content

    assert told == "The log of container web is empty. The container is waiting: ImagePullBackOff."


def test_another_container_is_asked_for_by_name(desk, running, namespace):
    running.seed(pod("web-1", namespace))

    with pytest.raises(ToolFailure, match=r"no container 'sidecar'; it has: web") as failure:
        desk.run("get_pod_logs", namespace=namespace, pod="web-1", container="sidecar")

    assert f"\nERROR — get_pod_logs failed for namespace {namespace}:" in str(failure.value)


@pytest.mark.real_cluster
def test_a_pod_that_is_not_there(desk, namespace):
    with pytest.raises(ToolFailure, match="There is no pod named 'web-9' there"):
        desk.run("describe_pod", namespace=namespace, pod="web-9")


@pytest.mark.real_cluster
def test_one_object_is_not_looked_for_everywhere(desk):
    with pytest.raises(ToolFailure, match="Name one namespace"):
        desk.run("describe_pod", namespace="all", pod="web-9")
