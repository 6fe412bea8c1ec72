"""The control plane and the namespace: deletions that stick, rights, webhooks, DNS."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from agents.kubernetes.kinds import Object
from agents.kubernetes.reading import at, conditions, name_of, namespace_of, number, part, text
from agents.kubernetes.triage.conditions import condition, holds
from agents.kubernetes.triage.making import hurt
from agents.kubernetes.triage.pods import pods_by_workload, recent, workload_of
from agents.kubernetes.triage.remedies import manual
from agents.kubernetes.triage.seen import is_ready
from agents.kubernetes.triage.snapshot import Snapshot
from agents.triage.findings import Finding, Severity

_STUCK_S: Final = 120.0  # beyond the grace period of a deletion
_DNS: Final = frozenset({"kube-dns", "coredns"})
# By component, what follows where it is down.
_COMPONENTS: Final = {
    "kube-scheduler": ("scheduling/no-scheduler",),
    "kube-controller-manager": ("rollout/missing-pods", "rollout/stuck"),
    "kube-apiserver": (),
    "etcd": (),
    "kube-proxy": ("network/connection-timeout", "application/dependency-unreachable"),
}
_TOLD: Final = (
    "NamespaceDeletionDiscoveryFailure",
    "NamespaceDeletionGroupVersionParsingFailure",
    "NamespaceDeletionContentFailure",
    "NamespaceContentRemaining",
    "NamespaceFinalizersRemaining",
)


def terminating(snapshot: Snapshot) -> Iterator[Finding]:
    """A namespace is being deleted; its conditions say what keeps it."""
    for namespace in snapshot.all("Namespace"):
        going = text(namespace, "status", "phase") == "Terminating" or at(
            namespace, "metadata", "deletionTimestamp"
        )
        if not going or name_of(namespace) != snapshot.namespace:
            continue
        told = [it for it in _TOLD if holds(namespace, it)]
        why = "; ".join(text(condition(namespace, it), "message") for it in told)
        finalizers = any("Finalizers" in it for it in told)
        yield Finding(
            cause="cluster/finalizer-stuck" if finalizers else "cluster/namespace-terminating",
            object=snapshot.place(namespace),
            severity=Severity.CRITICAL,
            confidence=0.95,
            summary=f"Namespace {name_of(namespace)} is being deleted"
            + (f": {why}" if why else "."),
            evidence=snapshot.facts(
                namespace,
                ("status", "phase"),
                ("metadata", "deletionTimestamp"),
                *(("status", "conditions", it, "message") for it in told),
            ),
            remedy=manual("Bring back the controller of the finalizer, or remove the finalizer."),
        )


def finalizers(snapshot: Snapshot) -> Iterator[Finding]:
    """An object was deleted long ago and is still there."""
    for item in snapshot.items:
        asked = at(item, "metadata", "deletionTimestamp")
        if not asked or text(item, "kind") in ("Namespace", "Node"):
            continue
        if snapshot.since(asked) < _STUCK_S:
            continue
        held = at(item, "metadata", "finalizers") or []
        pod = text(item, "kind") == "Pod" and not held
        if held or pod:
            yield _stuck(snapshot, item, [str(it) for it in held])


def _stuck(snapshot: Snapshot, item: Object, held: list[str]) -> Finding:
    what = f"{text(item, 'kind')} {name_of(item)}"
    node = text(item, "spec", "nodeName")
    return Finding(
        cause="cluster/finalizer-stuck" if held else "cluster/pod-stuck-terminating",
        object=snapshot.place(item) if held else workload_of(snapshot, item),
        severity=Severity.WARNING,
        confidence=0.9 if held else 0.7,
        summary=f"{what} was deleted and cannot go: finalizer {', '.join(held)}."
        if held
        else f"{what} was deleted, and node {node} has not ended it.",
        evidence=snapshot.facts(
            item,
            ("metadata", "deletionTimestamp"),
            ("metadata", "deletionGracePeriodSeconds"),
            *(("metadata", "finalizers", str(place)) for place in range(len(held))),
            ("spec", "nodeName"),
        ),
        remedy=manual(
            "Bring back the controller that removes the finalizer."
            if held
            else "Look at the node; delete the pod by force only when the node is gone for good."
        ),
    )


def webhooks(snapshot: Snapshot) -> Iterator[Finding]:
    """Events tell of an admission webhook that cannot be called."""
    seen = set()
    for event in recent(snapshot, snapshot.events):
        if "failed calling webhook" not in event.message or event.about in seen:
            continue
        seen.add(event.about)
        home = snapshot.usual(event.about)
        obj = snapshot.find(event.kind.capitalize(), event.name)
        yield Finding(
            cause="cluster/webhook-failing",
            object=home if obj is None else workload_of(snapshot, obj),
            severity=hurt(snapshot, home),
            confidence=0.9,
            summary=f"An admission webhook cannot be called: {event.message[:300]}",
            evidence=snapshot.happened(event),
            remedy=manual("Bring up the service of the webhook, or set failurePolicy Ignore."),
        )


def dns(snapshot: Snapshot) -> Iterator[Finding]:
    """The cluster's DNS has no pod that is ready."""
    pods = [
        it
        for it in snapshot.all("Pod")
        if namespace_of(it) == "kube-system"
        and text(part(it, "metadata", "labels"), "k8s-app") in _DNS
    ]
    workloads = [
        it
        for it in snapshot.all("Deployment")
        if namespace_of(it) == "kube-system" and name_of(it) in _DNS
    ]
    for workload in workloads:
        if not number(workload, "status", "readyReplicas") and not any(map(is_ready, pods)):
            yield Finding(
                cause="network/dns-failure",
                object=snapshot.place(workload),
                severity=Severity.CRITICAL,
                confidence=0.97,
                summary=f"{name_of(workload)}, the cluster's DNS, has no pod that is ready.",
                evidence=snapshot.facts(
                    workload,
                    ("spec", "replicas"),
                    ("status", "readyReplicas"),
                    ("status", "replicas"),
                ),
                remedy=manual("Bring up CoreDNS: its replicas, its Corefile, its log."),
            )


def components(snapshot: Snapshot) -> Iterator[Finding]:
    """A component of the cluster, such as the scheduler, is not ready."""
    for pod in snapshot.all("Pod"):
        labels = part(pod, "metadata", "labels")
        name = text(labels, "component") or text(labels, "k8s-app")
        if namespace_of(pod) != "kube-system" or name not in _COMPONENTS or is_ready(pod):
            continue
        if snapshot.since(text(condition(pod, "Ready"), "lastTransitionTime")) < _STUCK_S:
            continue
        explains = _COMPONENTS[name]
        yield Finding(
            cause="cluster/component-down",
            object=snapshot.place(pod),
            severity=Severity.CRITICAL,
            confidence=0.9,
            summary=f"{name} in pod {name_of(pod)} is not ready.",
            evidence=snapshot.facts(
                pod,
                ("metadata", "labels", "component"),
                ("status", "phase"),
                ("status", "conditions", "Ready", "status"),
            ),
            remedy=manual(f"Bring up {name}: its log, its manifest, its node."),
            explains=frozenset(
                f"{home}#{it}" for home in snapshot.once(pods_by_workload) for it in explains
            ),
        )


def services_of_the_api(snapshot: Snapshot) -> Iterator[Finding]:
    """An aggregated API, such as that of metrics, does not answer."""
    for service in snapshot.all("APIService"):
        for kind, status, why in conditions(service):
            if kind == "Available" and status == "False":
                yield Finding(
                    cause="cluster/api-unavailable",
                    object=snapshot.place(service),
                    severity=Severity.WARNING,
                    confidence=0.9,
                    summary=f"API {name_of(service)} does not answer: {why}",
                    evidence=snapshot.facts(
                        service,
                        ("status", "conditions", "Available", "reason"),
                        ("status", "conditions", "Available", "message"),
                    ),
                    remedy=manual("Bring up the service behind this API."),
                )


RULES: Final = (terminating, finalizers, webhooks, dns, components, services_of_the_api)
