"""Every fault of the sandbox, injected for real: its cause comes first. Else nothing is found."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from agents.kubernetes import client
from agents.kubernetes.client import Cluster
from agents.kubernetes.triage.gather import gather
from agents.kubernetes.triage.judge import triage
from agents.kubernetes.triage.snapshot import Snapshot
from agents.sandbox.faults import catalogue
from agents.triage import proof, report
from agents.triage.findings import Report, Severity
from tests.agents.kubernetes.triage import shop
from tests.agents.sandbox.manifests import deployment, service
from tests.agents.sandbox.repositories import Repo
from tests.agents.sandbox.running import Running, sandbox

# (what the fault is put on, the fault, the cause, the object at fault; NS is the namespace)
_CHECKOUT = "deployment/NS/checkout"
FAULTS = (
    ("Deployment", "crash-loop:panic", "run/panic", _CHECKOUT),
    ("Deployment", "crash-loop:missing-env", "application/missing-environment", _CHECKOUT),
    (
        "Deployment",
        "crash-loop:connection-refused",
        "application/dependency-unreachable",
        _CHECKOUT,
    ),
    ("Deployment", "crash-loop:bad-config", "run/bad-configuration", _CHECKOUT),
    ("Deployment", "oom-kill", "run/oom-killed", _CHECKOUT),
    ("Deployment", "image-pull:tag", "image/tag-not-found", _CHECKOUT),
    ("Deployment", "image-pull:name", "image/repository-not-found", _CHECKOUT),
    ("Deployment", "image-pull:registry", "image/registry-unreachable", _CHECKOUT),
    ("Deployment", "image-pull:credentials", "image/authentication", _CHECKOUT),
    ("Deployment", "pending:cpu", "scheduling/insufficient-cpu", _CHECKOUT),
    ("Deployment", "pending:memory", "scheduling/insufficient-memory", _CHECKOUT),
    ("Deployment", "pending:taint", "scheduling/untolerated-taint", _CHECKOUT),
    ("Deployment", "pending:selector", "scheduling/node-affinity", _CHECKOUT),
    ("Deployment", "readiness-probe", "run/readiness-probe", _CHECKOUT),
    ("Deployment", "liveness-probe", "run/liveness-probe", _CHECKOUT),
    ("Deployment", "missing-configmap", "start/missing-configmap", _CHECKOUT),
    ("Deployment", "missing-secret", "start/missing-secret", _CHECKOUT),
    ("Deployment", "missing-volume", "start/missing-configmap", _CHECKOUT),
    ("Deployment", "dns", "network/dns-failure", _CHECKOUT),
    (
        "Deployment",
        "network-policy",
        "network/policy-denies",
        "networkpolicy/NS/sandbox-deny-egress",
    ),
    ("Deployment", "certificate-expired", "network/certificate-expired", _CHECKOUT),
    ("Deployment", "scaled-to-zero", "rollout/scaled-to-zero", _CHECKOUT),
    ("Service", "selector-mismatch", "network/selector-mismatch", "service/NS/checkout"),
    ("Namespace", "quota-exceeded", "scheduling/quota-exceeded", "resourcequota/NS/sandbox-quota"),
    ("Ingress", "certificate-expired", "network/certificate-expired", "secret/NS/shop-tls"),
    (
        "PersistentVolumeClaim",
        "pvc-pending",
        "storage/provisioning-failed",
        "persistentvolumeclaim/NS/data",
    ),
)
_APART = {"not-ready", "sync-failed", "degraded", "out-of-sync"}  # have tests of their own
HEALTHY = 6


def _space(fault: str, kind: str = "Deployment") -> str:
    return f"{kind.lower()[:6]}-{fault.replace(':', '-')}"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Running]:
    """All namespaces side by side, each with its fault."""
    with sandbox() as made:
        for place in range(HEALTHY):
            shop.open_shop(made, f"healthy-{place}")
        for kind, fault, _, _ in FAULTS:
            _break(made, kind, fault)
        yield made


def _break(cluster: Running, kind: str, fault: str) -> None:
    space = _space(fault, kind)
    if kind == "PersistentVolumeClaim":
        shop.namespace(cluster, space)
        cluster.put(shop.claim(space, fault=fault))
        return
    shop.open_shop(cluster, space, fault=fault if kind == "Deployment" else "")
    if kind == "Ingress":
        cluster.put(shop.tls_secret(space))
        cluster.put(shop.ingress(space))
        cluster.fault("Ingress", "shop", fault, space)
    elif kind == "Namespace":
        cluster.ready("checkout", space)
        cluster.fault("Namespace", space, fault)
        cluster.put(
            {**shop.checkout(space), "spec": {**shop.checkout(space)["spec"], "replicas": 4}}
        )
    elif kind == "Service":
        cluster.fault("Service", "checkout", fault, space)


@pytest.fixture(scope="module")
def api(cluster: Running) -> Cluster:
    return client.connect(str(cluster.kubeconfig))


def judged(api: Cluster, space: str, about: str = "") -> tuple[Report, Snapshot]:
    snapshot = gather(api, space, about=about)
    found = triage(snapshot, about)
    assert proof.unproven(found, snapshot) == []
    assert report.read(report.data(found)) == found
    assert report.text(found)
    return found, snapshot


def ill(found: Report) -> list[str]:
    return [root.key for root in found.roots if root.severity > Severity.INFO]


def test_every_fault_of_the_catalogue_is_tried() -> None:
    tried = {fault for _, fault, _, _ in FAULTS}
    every = {
        f"{name}:{variant}" if variant else name
        for name, fault in catalogue.BY_NAME.items()
        for variant in (fault.variants or ("",))
    }
    assert every - tried == _APART


@pytest.mark.parametrize(("kind", "fault", "cause", "where"), FAULTS)
def test_the_cause_of_a_fault_comes_first(
    cluster: Running, api: Cluster, kind: str, fault: str, cause: str, where: str
) -> None:
    space = _space(fault, kind)
    expected = f"{where.replace('NS', space)}#{cause}"

    def alone() -> Report | None:
        found = judged(api, space)[0]  # what follows from it is no cause of its own
        return found if ill(found) == [expected] else None

    found = cluster.until(alone)
    assert found is not None
    assert found.roots[0].remedy
    assert found.roots[0].summary
    assert report.text(found).startswith(where.replace("NS", space))


@pytest.mark.parametrize("place", range(HEALTHY))
def test_nothing_is_found_where_nothing_is_wrong(
    cluster: Running, api: Cluster, place: int
) -> None:
    space = f"healthy-{place}"
    cluster.ready("checkout", space)
    found, _ = judged(api, space, "checkout")
    assert ill(found) == []
    assert report.text(found).startswith("Nothing wrong was found")


def test_a_namespace_that_comes_up_is_not_ill_at_any_moment(cluster: Running, api: Cluster) -> None:
    shop.open_shop(cluster, "coming")
    seen: list[str] = []

    def is_up() -> bool:
        seen.extend(ill(judged(api, "coming")[0]))
        status = cluster.get("Deployment", "checkout", "coming").get("status") or {}
        return bool(status.get("readyReplicas") == 2)

    cluster.until(is_up)
    assert seen == []


def test_a_fault_that_was_healed_is_not_found_any_more(cluster: Running, api: Cluster) -> None:
    shop.open_shop(cluster, "mended", fault="missing-configmap")
    cluster.until(lambda: ill(judged(api, "mended")[0]))
    cluster.heal("Deployment", "checkout", "mended")
    cluster.ready("checkout", "mended")
    cluster.until(lambda: not ill(judged(api, "mended")[0]))


def test_the_crash_of_a_dependency_is_the_root_of_the_errors_of_others(
    cluster: Running, api: Cluster
) -> None:
    shop.open_shop(cluster, "chain", fault="crash-loop:connection-refused")  # speaks of postgres
    cluster.put(service("postgres", "chain", port=5432))
    cluster.put(
        deployment("postgres", "chain", replicas=1) | {"metadata": _named("postgres", "chain")}
    )
    expected = "deployment/chain/postgres#run/oom-killed"

    def alone() -> Report | None:
        found = judged(api, "chain", "checkout")[0]
        return found if ill(found) == [expected] else None

    made = cluster.until(alone)
    assert made is not None
    below = {it.key for it in made.symptoms[expected]}
    assert "deployment/chain/checkout#application/dependency-unreachable" in below


def _named(name: str, space: str) -> dict[str, object]:
    return {
        "name": name,
        "namespace": space,
        "labels": {"app": name},
        "annotations": {"sandbox.aura.dev/fault": "oom-kill"},
    }


def test_a_node_that_is_lost_is_the_root_of_what_its_pods_show() -> None:
    with sandbox() as cluster:
        api = client.connect(str(cluster.kubeconfig))
        shop.open_shop(cluster, "shop")
        cluster.ready("checkout", "shop")
        node = cluster.list("Pod", "shop")[0]["spec"]["nodeName"]
        cluster.fault("Node", node, "not-ready")
        expected = f"node/{node}#node/unreachable"
        cluster.until(lambda: ill(judged(api, "shop")[0]) == [expected])


@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        ("sync-failed", "gitops/sync-failed"),
        ("degraded", "gitops/degraded"),
        ("out-of-sync", "gitops/out-of-sync"),
    ],
)
def test_what_argo_cd_says_of_an_application(tmp_path: Path, fault: str, cause: str) -> None:
    repo = Repo(tmp_path / "repo")
    repo.commit(web__web=shop.checkout("shop"))
    with sandbox() as cluster:
        api = client.connect(str(cluster.kubeconfig))
        shop.namespace(cluster, "shop")
        _application(cluster, repo)
        cluster.ready("checkout", "shop")
        cluster.until(lambda: not ill(judged(api, "shop")[0]))
        cluster.fault("Application", "shop", fault, "argocd")
        expected = f"application/argocd/shop#{cause}"
        if fault == "sync-failed":
            _argo(cluster, "/sync")
        cluster.until(lambda: expected in ill(judged(api, "shop")[0]))


def _application(cluster: Running, repo: Repo) -> None:
    spec = {
        "project": "default",
        "source": {"repoURL": repo.url, "path": "web", "targetRevision": "main"},
        "destination": {"server": "https://kubernetes.default.svc", "namespace": "shop"},
    }
    with httpx.Client(base_url=cluster.argo_url, headers=_ARGO, timeout=20) as argo:
        body = {"metadata": {"name": "shop"}, "spec": spec}
        argo.post("/api/v1/applications", json=body).raise_for_status()
    _argo(cluster, "/sync")


_ARGO = {"Authorization": "Bearer argocd-admin"}


def _argo(cluster: Running, verb: str) -> None:
    with httpx.Client(base_url=cluster.argo_url, headers=_ARGO, timeout=20) as argo:
        argo.post(f"/api/v1/applications/shop{verb}", json={}).raise_for_status()
