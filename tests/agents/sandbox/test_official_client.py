"""The official Python client, typed and dynamic, against the sandbox."""

from __future__ import annotations

import json
from typing import Any

import pytest
from kubernetes import client, config, dynamic, watch
from kubernetes.client.exceptions import ApiException

from tests.agents.sandbox.manifests import config_map, deployment, service
from tests.agents.sandbox.running import Running


@pytest.fixture(scope="module")
def api(cluster: Running) -> client.ApiClient:
    return config.new_client_from_config(str(cluster.kubeconfig))


def as_user(cluster: Running, name: str) -> client.ApiClient:
    return config.new_client_from_config(str(cluster.kubeconfig), context=f"aura-sandbox-{name}")


def test_a_deployment_becomes_ready_and_its_service_has_endpoints(
    cluster: Running, api: client.ApiClient, namespace: str
) -> None:
    apps, core = client.AppsV1Api(api), client.CoreV1Api(api)
    apps.create_namespaced_deployment(namespace, deployment("web", namespace))
    core.create_namespaced_service(namespace, service("web", namespace))
    cluster.ready("web", namespace)
    found = apps.read_namespaced_deployment("web", namespace)
    assert found.status.ready_replicas == 2
    pods = core.list_namespaced_pod(namespace, label_selector="app=web").items
    assert [pod.status.phase for pod in pods] == ["Running", "Running"]
    addresses = cluster.until(
        lambda: core.read_namespaced_endpoints("web", namespace).subsets[0].addresses
    )
    assert {each.ip for each in addresses} == {pod.status.pod_ip for pod in pods}
    reasons = {event.reason for event in core.list_namespaced_event(namespace).items}
    assert {"Scheduled", "Pulled", "Started", "ScalingReplicaSet"} <= reasons


def test_a_log_is_the_tail_of_what_the_container_wrote(
    cluster: Running, api: client.ApiClient, namespace: str
) -> None:
    cluster.put(deployment("web", namespace, replicas=1))
    cluster.ready("web", namespace)
    core = client.CoreV1Api(api)
    name = core.list_namespaced_pod(namespace).items[0].metadata.name
    cluster.log(name, "one", "two", "three", namespace=namespace)
    assert core.read_namespaced_pod_log(name, namespace, tail_lines=2) == "two\nthree\n"


def test_scale_patch_and_delete(cluster: Running, api: client.ApiClient, namespace: str) -> None:
    apps = client.AppsV1Api(api)
    cluster.put(deployment("web", namespace, replicas=1))
    apps.patch_namespaced_deployment_scale("web", namespace, {"spec": {"replicas": 3}})
    assert cluster.ready("web", namespace)["spec"]["replicas"] == 3
    image = [{"name": "web", "image": "registry.example.com/web:2.0"}]
    patch = {"spec": {"template": {"spec": {"containers": image}}}}
    changed = apps.patch_namespaced_deployment("web", namespace, patch)
    assert changed.spec.template.spec.containers[0].image.endswith(":2.0")
    assert changed.metadata.generation == 3
    cluster.ready("web", namespace)
    sets = apps.list_namespaced_replica_set(namespace).items
    assert sorted(each.spec.replicas for each in sets) == [0, 3]
    apps.delete_namespaced_deployment("web", namespace)
    cluster.until(lambda: not client.CoreV1Api(api).list_namespaced_pod(namespace).items)


def test_a_watch_tells_what_happens_from_a_version_on(
    cluster: Running, api: client.ApiClient, namespace: str
) -> None:
    core = client.CoreV1Api(api)
    version = core.list_namespaced_config_map(namespace).metadata.resource_version
    cluster.put(config_map("one", namespace, key="a"))
    cluster.put(config_map("one", namespace, key="b"))
    core.delete_namespaced_config_map("one", namespace)
    seen = [
        event["type"]
        for event in watch.Watch().stream(
            core.list_namespaced_config_map,
            namespace,
            resource_version=version,
            timeout_seconds=1,
        )
    ]
    assert seen == ["ADDED", "MODIFIED", "DELETED"]


def test_a_watch_from_a_forgotten_version_is_gone(
    cluster: Running, api: client.ApiClient, namespace: str
) -> None:
    core = client.CoreV1Api(api)
    with pytest.raises(ApiException) as caught:
        list(
            watch.Watch().stream(
                core.list_namespaced_pod, namespace, resource_version="1", timeout_seconds=1
            )
        )
    assert caught.value.status == 410


def test_lists_come_in_pages(cluster: Running, api: client.ApiClient, namespace: str) -> None:
    for i in range(5):
        cluster.put(config_map(f"map-{i}", namespace))
    core = client.CoreV1Api(api)
    first = core.list_namespaced_config_map(namespace, limit=2)
    assert len(first.items) == 2
    assert first.metadata.remaining_item_count == 3
    rest = core.list_namespaced_config_map(namespace, limit=5, _continue=first.metadata._continue)
    assert [each.metadata.name for each in rest.items] == ["map-2", "map-3", "map-4"]


@pytest.mark.parametrize(
    ("user", "call", "said"),
    [
        ("viewer", "secrets", 'User "viewer" cannot list resource "secrets" in API group ""'),
        ("nobody", "pods", 'User "nobody" cannot list resource "pods"'),
    ],
)
def test_what_a_user_may_not_is_forbidden(
    cluster: Running, namespace: str, user: str, call: str, said: str
) -> None:
    core = client.CoreV1Api(as_user(cluster, user))
    listing: Any = {
        "secrets": core.list_namespaced_secret,
        "pods": core.list_namespaced_pod,
    }[call]
    with pytest.raises(ApiException) as caught:
        listing(namespace)
    assert caught.value.status == 403
    assert said in json.loads(caught.value.body)["message"]


def test_a_stale_version_is_a_conflict(
    cluster: Running, api: client.ApiClient, namespace: str
) -> None:
    core = client.CoreV1Api(api)
    cluster.put(config_map("one", namespace, key="a"))
    read = core.read_namespaced_config_map("one", namespace)
    cluster.put(config_map("one", namespace, key="b"))
    read.data = {"key": "c"}
    with pytest.raises(ApiException) as caught:
        core.replace_namespaced_config_map("one", namespace, read)
    assert caught.value.status == 409


def test_the_dynamic_client_finds_every_kind(
    cluster: Running, api: client.ApiClient, namespace: str
) -> None:
    found = dynamic.DynamicClient(api)
    applications = found.resources.get(api_version="argoproj.io/v1alpha1", kind="Application")
    assert applications.get(namespace="argocd").items == []
    maps = found.resources.get(api_version="v1", kind="ConfigMap")
    made = maps.create(body=config_map("one", namespace, key="a"), namespace=namespace)
    assert made.metadata.uid
    applied = maps.server_side_apply(
        body=config_map("one", namespace, other="b"),
        namespace=namespace,
        name="one",
        field_manager="aura",
    )
    assert dict(applied.data) == {"key": "a", "other": "b"}


def test_a_job_completes_and_is_counted(
    cluster: Running, api: client.ApiClient, namespace: str
) -> None:
    container = {"name": "main", "image": "busybox:1.36", "command": ["true"]}
    pod = {"restartPolicy": "Never", "containers": [container]}
    batch = client.BatchV1Api(api)
    job = {"metadata": {"name": "once"}, "spec": {"template": {"spec": pod}}}
    batch.create_namespaced_job(namespace, job)
    cluster.until(lambda: batch.read_namespaced_job("once", namespace).status.completion_time)
    assert batch.read_namespaced_job("once", namespace).status.succeeded == 1


def test_an_eviction_is_refused_by_a_budget(
    cluster: Running, api: client.ApiClient, namespace: str
) -> None:
    cluster.put(deployment("web", namespace, replicas=1))
    cluster.put(
        {
            "apiVersion": "policy/v1",
            "kind": "PodDisruptionBudget",
            "metadata": {"name": "web", "namespace": namespace},
            "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}},
        }
    )
    cluster.ready("web", namespace)
    core = client.CoreV1Api(api)
    name = core.list_namespaced_pod(namespace).items[0].metadata.name
    eviction = client.V1Eviction(metadata=client.V1ObjectMeta(name=name, namespace=namespace))
    with pytest.raises(ApiException) as caught:
        core.create_namespaced_pod_eviction(name, namespace, eviction)
    assert caught.value.status == 429
