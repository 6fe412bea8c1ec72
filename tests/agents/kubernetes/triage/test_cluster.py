"""What carries a namespace: storage, nodes, the control plane, Argo CD."""

from __future__ import annotations

import pytest

from tests.agents.kubernetes.triage.builders import (
    RUNNING,
    ago,
    condition,
    container,
    crash,
    event,
    ill,
    judged,
    obj,
    pending,
    pod,
    wide,
)


def claim(phase="Pending", **spec):
    return obj("PersistentVolumeClaim", "data", spec=spec, status={"phase": phase})


def test_a_claim_without_a_volume_is_the_root_of_the_pod_that_waits():
    volumes = {"volumes": [{"name": "d", "persistentVolumeClaim": {"claimName": "data"}}]}
    said = "0/2 nodes are available: pod has unbound immediate PersistentVolumeClaims."
    made = claim(storageClassName="fast")
    waits = pending(said, spec=volumes)
    where = "persistentvolumeclaim/shop/data#storage"
    standard = wide("StorageClass", "standard")
    assert ill(made, waits, standard) == [f"{where}/class-missing"]
    failed = event(made, "ProvisioningFailed", "failed to provision volume: quota exceeded")
    fast = wide("StorageClass", "fast")
    assert ill(made, waits, fast, failed) == [f"{where}/provisioning-failed"]
    unbound = event(made, "FailedBinding", "no persistent volumes available for this claim")
    assert ill(made, waits, fast, unbound) == [f"{where}/no-matching-volume"]
    assert ill(made, waits, fast) == [f"{where}/claim-pending"]
    lost = claim("Lost", storageClassName="fast")
    assert ill(lost, fast) == [f"{where}/claim-lost"]
    bound = claim("Bound", storageClassName="fast")
    assert ill(bound, pod(spec=volumes)) == []


def test_a_claim_that_waits_for_its_first_pod_is_well():
    made = claim(storageClassName="fast")
    told = event(made, "WaitForFirstConsumer", "waiting for first consumer to be created")
    assert ill(made, told) == []


def test_a_claim_that_is_not_there():
    volumes = {"volumes": [{"name": "d", "persistentVolumeClaim": {"claimName": "gone"}}]}
    waits = pending('persistentvolumeclaim "gone" not found', spec=volumes)
    assert ill(waits) == ["pod/shop/web-1#storage/claim-missing"]


@pytest.mark.parametrize(
    ("conditions", "cause"),
    [
        (
            [
                condition(
                    "Ready", "Unknown", "NodeStatusUnknown", "Kubelet stopped posting node status."
                )
            ],
            "unreachable",
        ),
        (
            [condition("Ready", "False", "KubeletNotReady", "container runtime is down")],
            "runtime-down",
        ),
        (
            [condition("Ready", "False", "KubeletNotReady", "cni plugin not initialized")],
            "network-unavailable",
        ),
        ([condition("Ready", "False", "KubeletNotReady", "it is ill")], "not-ready"),
        ([condition("Ready", "True"), condition("MemoryPressure", "True")], "memory-pressure"),
        ([condition("Ready", "True"), condition("DiskPressure", "True")], "disk-pressure"),
        ([condition("Ready", "True"), condition("PIDPressure", "True")], "pid-pressure"),
    ],
)
def test_a_node_that_is_ill(conditions, cause):
    node = wide("Node", "node-a", status={"conditions": conditions})
    report = judged(node, pod(container(RUNNING), conditions=[condition("Ready", "False")]))
    assert [it.key for it in report.roots] == [f"node/node-a#node/{cause}"]
    elsewhere = wide("Node", "node-b", status={"conditions": conditions})
    assert ill(elsewhere, pod()) == [], "a node without pods of the namespace is no matter of it"


def test_a_namespace_and_an_object_that_cannot_go():
    going = wide(
        "Namespace",
        "shop",
        metadata={"deletionTimestamp": ago(900)},
        status={
            "phase": "Terminating",
            "conditions": [condition("NamespaceFinalizersRemaining", "True", "x", "held by a.b/c")],
        },
    )
    assert ill(going) == ["namespace/shop#cluster/finalizer-stuck"]
    held = obj("ConfigMap", "c", metadata={"deletionTimestamp": ago(900), "finalizers": ["a.b/c"]})
    assert ill(held) == ["configmap/shop/c#cluster/finalizer-stuck"]
    left = pod(container(RUNNING))
    left["metadata"]["deletionTimestamp"] = ago(900)
    assert ill(left) == ["pod/shop/web-1#cluster/pod-stuck-terminating"]
    left["metadata"]["deletionTimestamp"] = ago(10)
    assert ill(left) == []


def test_an_api_that_does_not_answer():
    made = wide(
        "APIService",
        "v1beta1.metrics.k8s.io",
        status={
            "conditions": [condition("Available", "False", "MissingEndpoints", "no endpoints")]
        },
    )
    assert ill(made) == ["apiservice/v1beta1.metrics.k8s.io#cluster/api-unavailable"]


def application(**status):
    return obj("Application", "web", metadata={"namespace": "argocd"}, spec={}, status=status)


@pytest.mark.parametrize(
    ("status", "cause"),
    [
        (
            {
                "operationState": {
                    "phase": "Failed",
                    "message": "one or more objects failed to apply",
                }
            },
            "sync-failed",
        ),
        (
            {
                "operationState": {
                    "phase": "Failed",
                    "message": "one or more synchronization tasks completed unsuccessfully",
                    "syncResult": {
                        "resources": [
                            {
                                "kind": "Job",
                                "name": "migrate",
                                "hookType": "PreSync",
                                "hookPhase": "Failed",
                            }
                        ]
                    },
                }
            },
            "hook-failed",
        ),
        (
            {
                "conditions": [
                    {"type": "ComparisonError", "message": "unable to resolve 'v9' to a commit SHA"}
                ]
            },
            "revision-not-found",
        ),
        (
            {
                "conditions": [
                    {
                        "type": "ComparisonError",
                        "message": "failed to list refs: repository not found",
                    }
                ]
            },
            "repository-unreachable",
        ),
        (
            {
                "conditions": [
                    {
                        "type": "ComparisonError",
                        "message": "Manifest generation error: kustomize build",
                    }
                ]
            },
            "invalid-manifests",
        ),
        (
            {
                "sync": {"status": "OutOfSync"},
                "resources": [{"kind": "Deployment", "name": "web", "status": "OutOfSync"}],
            },
            "out-of-sync",
        ),
        ({"health": {"status": "Degraded"}}, "degraded"),
        ({"sync": {"status": "Synced"}, "health": {"status": "Healthy"}}, ""),
    ],
)
def test_what_argo_cd_says(status, cause):
    found = ill(application(**status))
    assert found == ([f"application/argocd/web#gitops/{cause}"] if cause else [])


def test_a_degraded_application_is_explained_by_its_part_that_is_ill():
    parts = [
        {"kind": "Pod", "namespace": "shop", "name": "web-1", "health": {"status": "Degraded"}}
    ]
    found = ill(application(health={"status": "Degraded"}, resources=parts), crash(3))
    assert found == ["pod/shop/web-1#run/crash"]


def test_a_scheduler_that_is_down_explains_pods_that_nobody_looks_at():
    scheduler = pod(container(RUNNING), name="kube-scheduler-a")
    scheduler["metadata"] |= {"namespace": "kube-system", "labels": {"component": "kube-scheduler"}}
    alone = pending()
    alone["status"]["conditions"] = []
    found = ill(scheduler, alone, kinds={"Pod", "Event"})
    assert found == ["pod/kube-system/kube-scheduler-a#cluster/component-down"]
