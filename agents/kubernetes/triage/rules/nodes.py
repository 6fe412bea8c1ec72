"""Nodes: not ready, short of something, cordoned. Only those matter that carry the namespace."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from agents.kubernetes.kinds import Object
from agents.kubernetes.reading import name_of, part, text
from agents.kubernetes.triage.conditions import condition, holds
from agents.kubernetes.triage.phrases import Phrases
from agents.kubernetes.triage.pods import live, workload_of
from agents.kubernetes.triage.remedies import call, manual
from agents.kubernetes.triage.snapshot import Snapshot
from agents.triage.findings import Finding, Severity

_PRESSURE: Final = {
    "MemoryPressure": ("node/memory-pressure", "is short of memory and evicts pods"),
    "DiskPressure": ("node/disk-pressure", "is short of disk and evicts pods"),
    "PIDPressure": ("node/pid-pressure", "is short of process ids"),
    "NetworkUnavailable": ("node/network-unavailable", "has no network for pods"),
}
_SAID: Final = Phrases.of(
    ("node/unreachable", r"stopped posting node status|NodeStatusUnknown|NodeStatusNeverUpdated"),
    ("node/certificate-expired", r"certificate (?:has )?expired|x509"),
    ("node/network-unavailable", r"cni|network plugin|network is not ready|NetworkPluginNotReady"),
    ("node/runtime-down", r"container runtime|runtime is down|PLEG|containerd|docker"),
    ("node/clock-skew", r"clock|ntp"),
)
# What pods of a lost node show. Each is explained by the node.
SHOWN: Final = (
    "run/not-ready",
    "run/readiness-probe",
    "run/killed",
    "run/evicted",
    "start/pod-sandbox",
    "cluster/pod-stuck-terminating",
    "storage/mount-failed",
    "storage/multi-attach",
    "rollout/stuck",
)


def ill(snapshot: Snapshot) -> Iterator[Finding]:
    """The kubelet of a node says it is not well, or says nothing any more."""
    for node in snapshot.all("Node"):
        told = condition(node, "Ready")
        if told and text(told, "status") != "True":
            said = f"{text(told, 'reason')} {text(told, 'message')}"
            usual = "node/unreachable" if text(told, "status") == "Unknown" else "node/not-ready"
            cause = _SAID.read(said) or usual
            yield _of(
                snapshot,
                node,
                cause,
                f"Node {name_of(node)} is not ready: {said.strip()}",
                "Ready",
            )
        for kind, (cause, what) in _PRESSURE.items():
            if holds(node, kind):
                yield _of(snapshot, node, cause, f"Node {name_of(node)} {what}.", kind)


def _of(snapshot: Snapshot, node: Object, cause: str, summary: str, kind: str) -> Finding:
    where = ("status", "conditions", kind)
    homes = _homes(snapshot, node)
    return Finding(
        cause=cause,
        object=snapshot.place(node),
        severity=Severity.CRITICAL if homes else Severity.INFO,
        confidence=0.97,
        summary=summary
        + (f" It carries {len(homes)} workloads of {snapshot.namespace}." if homes else ""),
        evidence=snapshot.facts(node, (*where, "status"), (*where, "reason"), (*where, "message")),
        next_checks=(f'get_node_status(node_name="{name_of(node)}")',),
        remedy=manual("Look at the kubelet, the container runtime, disk and memory of the node."),
        explains=frozenset(f"{home}#{shown}" for home in homes for shown in SHOWN),
    )


def _homes(snapshot: Snapshot, node: Object) -> set[str]:
    """The workloads of the namespace of which a pod is on a node."""
    every = (*live(snapshot), *_going(snapshot))
    return {
        workload_of(snapshot, it) for it in every if text(it, "spec", "nodeName") == name_of(node)
    }


def _going(snapshot: Snapshot) -> Iterator[Object]:
    for pod in snapshot.all("Pod"):
        if text(pod, "metadata", "deletionTimestamp") or text(pod, "status", "reason") == "Evicted":
            yield pod


def cordoned(snapshot: Snapshot) -> Iterator[Finding]:
    """Somebody keeps new pods off a node; that matters where pods find no other."""
    for node in snapshot.all("Node"):
        if part(node, "spec").get("unschedulable") is not True:
            continue
        waiting = {
            workload_of(snapshot, it)
            for it in live(snapshot)
            if re.search(r"unschedulable", text(condition(it, "PodScheduled"), "message"))
        }
        explains = {f"{home}#scheduling/nodes-unschedulable" for home in waiting}
        yield Finding(
            cause="node/cordoned",
            object=snapshot.place(node),
            severity=Severity.WARNING if waiting else Severity.INFO,
            confidence=0.96 if waiting else 0.9,
            summary=f"Node {name_of(node)} is cordoned and takes no new pods.",
            evidence=snapshot.fact(node, "spec", "unschedulable"),
            remedy=call(
                "Uncordon the node when its maintenance is over.",
                "uncordon_node",
                node_name=name_of(node),
            ),
            explains=frozenset(explains),
        )


RULES: Final = (ill, cordoned)
