"""Scheduling: pods for which no node will do. The scheduler says why, and for how many nodes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from agents.kubernetes import quantities
from agents.kubernetes.kinds import Object
from agents.kubernetes.reading import conditions, name_of, part, parts, text
from agents.kubernetes.triage.conditions import condition
from agents.kubernetes.triage.making import describe, of_pod, short
from agents.kubernetes.triage.phrases import Phrases
from agents.kubernetes.triage.pods import live, workload_of
from agents.kubernetes.triage.remedies import in_git, manual
from agents.kubernetes.triage.snapshot import Snapshot
from agents.triage.findings import Evidence, Finding, Remedy, Severity

_GRACE_S: Final = 60.0  # a pod that nobody has looked at yet
_REASONS: Final = Phrases.of(
    ("insufficient-cpu", r"Insufficient cpu"),
    ("insufficient-memory", r"Insufficient memory"),
    ("too-many-pods", r"Too many pods"),
    ("insufficient-resource", r"Insufficient \S+"),
    ("topology-spread", r"topology spread"),
    ("pod-anti-affinity", r"anti-affinity"),
    ("pod-affinity", r"pod affinity"),
    ("volume-affinity", r"volume node affinity|available persistent volumes to bind|zone"),
    ("volume-limit", r"max volume count|volume limit"),
    ("host-port", r"free ports"),
    ("node-affinity", r"node affinity|node selector|didn't match node|affinity/selector"),
    ("nodes-unschedulable", r"were unschedulable|node\.kubernetes\.io/unschedulable"),
    ("untolerated-taint", r"taint"),
)
_PART: Final = re.compile(r"(?P<nodes>\d+) (?P<why>(?:node\(s\)|Insufficient|Too many)[^,]*)")
_CONTROL: Final = re.compile(r"node-role\.kubernetes\.io/(?:control-plane|master)")
_SUMMARY: Final = {
    "insufficient-cpu": "No node has the CPU left that {pod} requests{asked}.",
    "insufficient-memory": "No node has the memory left that {pod} requests{asked}.",
    "insufficient-resource": "No node has the resource left that {pod} requests.",
    "too-many-pods": "The nodes have as many pods as they may.",
    "untolerated-taint": "{pod} does not tolerate a taint of the nodes{taint}.",
    "node-affinity": "No node has the labels that {pod} asks for{selector}.",
    "pod-affinity": "No node has the pods beside which {pod} must run.",
    "pod-anti-affinity": "On each node is a pod that {pod} must not be beside.",
    "topology-spread": "Every node would break the topology spread of {pod}.",
    "host-port": "The host port of {pod} is taken on every node.",
    "volume-affinity": "The volume of {pod} is bound to nodes or zones that are not available.",
    "volume-limit": "The nodes can attach no more volumes.",
    "nodes-unschedulable": "The nodes that would do for {pod} are cordoned.",
    "unschedulable": "The scheduler finds no node for {pod}.",
}
_MANUAL: Final = {
    "insufficient-resource": "Add nodes with the resource, or request less of it.",
    "too-many-pods": "Add nodes, or run fewer pods.",
    "untolerated-taint": "Add a toleration to the pods, or take the taint from the nodes.",
    "node-affinity": "Correct nodeSelector or affinity, or label a node accordingly.",
    "pod-affinity": "Relax the pod affinity, or start the pods it asks for.",
    "pod-anti-affinity": "Relax the anti-affinity, run fewer replicas, or add nodes.",
    "topology-spread": "Relax the topology spread, or add nodes in the other domains.",
    "host-port": "Leave the host port out, or run at most one pod a node.",
    "volume-affinity": "Bring back the node or zone of the volume, or make the claim anew.",
    "volume-limit": "Add nodes, or use fewer volumes.",
    "nodes-unschedulable": "Uncordon a node that would do.",
    "unschedulable": "Read the message of the scheduler.",
}


def unschedulable(snapshot: Snapshot) -> Iterator[Finding]:
    """A pod is Pending and the scheduler says why no node will do."""
    for pod in live(snapshot):
        said, proof = _said(snapshot, pod)
        if said and not text(pod, "spec", "nodeName") and not _of_claim(said):
            cause = main_reason(said)
            yield of_pod(
                snapshot,
                pod,
                f"scheduling/{cause}",
                _summary(pod, cause, said),
                proof + _requests(snapshot, pod, cause),
                confidence=0.6 if cause == "unschedulable" else 0.95,
                ruled_out=_others(said, cause),
                next_checks=("get_node_status()", describe(snapshot, pod)),
                remedy=_remedy(snapshot, pod, cause),
            )


def _said(snapshot: Snapshot, pod: Object) -> tuple[str, tuple[Evidence, ...]]:
    """The scheduler's last words: in the condition of the pod, or in its event."""
    if text(pod, "status", "phase") not in ("Pending", ""):
        return "", ()
    events = snapshot.events_of(pod, "FailedScheduling")
    proof = snapshot.happened(*events[-1:])
    message = text(condition(pod, "PodScheduled"), "message")
    if message and text(condition(pod, "PodScheduled"), "status") != "True":
        return message, proof + snapshot.fact(
            pod, "status", "conditions", "PodScheduled", "message"
        )
    return (events[-1].message if events else ""), proof


def _of_claim(said: str) -> bool:
    return "PersistentVolumeClaim" in said or "persistentvolumeclaim" in said


def main_reason(said: str) -> str:
    """What keeps most nodes away, the control plane's own taint aside."""
    said = said.partition(" preemption: ")[0]
    counted = [
        (int(it["nodes"]), _REASONS.read(it["why"]) or "unschedulable")
        for it in _PART.finditer(said)
        if not _CONTROL.search(it["why"])
    ]
    if counted:
        return max(counted, key=lambda it: (it[0], it[1] != "unschedulable"))[1]
    return _REASONS.read(said) or "unschedulable"


def _others(said: str, cause: str) -> tuple[str, ...]:
    """The other words of the scheduler."""
    found = _PART.finditer(said.partition(" preemption: ")[0])
    return tuple(
        f"{it['nodes']} of the nodes for another reason: {it['why'].strip(' .')}"
        for it in found
        if _REASONS.read(it["why"]) != cause
    )


def _summary(pod: Object, cause: str, said: str) -> str:
    taint = re.search(r"taint \{(?!node-role)(?P<taint>[^}]*)\}", said)
    selector = part(pod, "spec", "nodeSelector")
    asked = _asked(pod, cause.removeprefix("insufficient-"))
    return _SUMMARY[cause].format(
        pod=f"pod {name_of(pod)}",
        asked=f" ({asked})" if asked else "",
        taint=f" ({taint['taint'].strip()})" if taint else "",
        selector=f" ({', '.join(f'{k}={v}' for k, v in selector.items())})" if selector else "",
    )


def _asked(pod: Object, resource: str) -> str:
    amounts = [
        text(it, "resources", "requests", resource) for it in parts(pod, "spec", "containers")
    ]
    return " + ".join(filter(None, amounts))


def _requests(snapshot: Snapshot, pod: Object, cause: str) -> tuple[Evidence, ...]:
    resource = cause.removeprefix("insufficient-")
    names = [text(it, "name") for it in parts(pod, "spec", "containers")]
    wanted = ("resources", "requests", resource)
    proof = snapshot.facts(pod, *(("spec", "containers", name, *wanted) for name in names))
    for key in part(pod, "spec", "nodeSelector") if cause == "node-affinity" else ():
        proof += snapshot.fact(pod, "spec", "nodeSelector", key)
    return proof


def _remedy(snapshot: Snapshot, pod: Object, cause: str) -> Remedy:
    resource = cause.removeprefix("insufficient-")
    if resource not in ("cpu", "memory"):
        return manual(_MANUAL[cause])
    shown = "CPU" if resource == "cpu" else resource
    most = _largest(snapshot, resource)
    if most is None or _total(pod, resource) <= most:
        return manual(f"Request less {shown}, run fewer pods, or add a node.")
    half = quantities.cores(most / 2) if resource == "cpu" else quantities.mebibytes(most / 2)
    name = short(workload_of(snapshot, pod))
    return in_git(
        f"Request less {shown} than the largest node has: {half} is half of it.",
        f"Set the {shown} request of {name} to {half}",
    )


def _total(pod: Object, resource: str) -> Decimal:
    wanted = parts(pod, "spec", "containers")
    return quantities.total(text(it, "resources", "requests", resource) for it in wanted)


def _largest(snapshot: Snapshot, resource: str) -> Decimal | None:
    """What the largest node has to give."""
    nodes = snapshot.all("Node")
    had = [quantities.value(text(it, "status", "allocatable", resource)) for it in nodes]
    return max((it for it in had if it), default=None)


def gated(snapshot: Snapshot) -> Iterator[Finding]:
    """A pod waits for its scheduling gates to be taken away."""
    for pod in live(snapshot):
        gates = [text(it, "name") for it in parts(pod, "spec", "schedulingGates")]
        if gates and snapshot.since(part(pod, "metadata").get("creationTimestamp")) > _GRACE_S:
            yield of_pod(
                snapshot,
                pod,
                "scheduling/gated",
                f"The pod waits for the gates {', '.join(gates)} to be removed.",
                snapshot.facts(pod, *(("spec", "schedulingGates", it, "name") for it in gates)),
                remedy=manual("Look at the controller that removes the gate."),
            )


def unseen(snapshot: Snapshot) -> Iterator[Finding]:
    """A pod is Pending, and no scheduler has said a word about it."""
    for pod in live(snapshot):
        waits = text(pod, "status", "phase") == "Pending" and not text(pod, "spec", "nodeName")
        said = any(kind == "PodScheduled" for kind, _, _ in conditions(pod))
        young = snapshot.since(part(pod, "metadata").get("creationTimestamp")) < _GRACE_S
        if not waits or said or young or snapshot.events_of(pod) or "Event" not in snapshot.kinds:
            continue
        name = text(pod, "spec", "schedulerName") or "default-scheduler"
        yield of_pod(
            snapshot,
            pod,
            "scheduling/no-scheduler",
            f"No scheduler has looked at the pod; it asks for {name}.",
            snapshot.facts(pod, ("status", "phase"), ("spec", "schedulerName")),
            confidence=0.8,
            remedy=manual(f"Correct schedulerName, or look whether {name} runs."),
        )


def budgets(snapshot: Snapshot) -> Iterator[Finding]:
    """A PodDisruptionBudget allows no eviction, so that a cordoned node cannot be drained."""
    cordoned = {
        name_of(it) for it in snapshot.all("Node") if it.get("spec", {}).get("unschedulable")
    }
    held = [it for it in live(snapshot) if text(it, "spec", "nodeName") in cordoned]
    for budget in snapshot.all("PodDisruptionBudget"):
        labels = part(budget, "spec", "selector", "matchLabels").items()
        own = [it for it in held if labels <= part(it, "metadata", "labels").items()]
        if part(budget, "status").get("disruptionsAllowed") == 0 and own and labels:
            yield Finding(
                cause="scheduling/disruption-budget",
                object=snapshot.place(budget),
                severity=Severity.WARNING,
                confidence=0.9,
                summary=f"The budget allows no eviction, so node"
                f" {text(own[0], 'spec', 'nodeName')} cannot be drained.",
                evidence=snapshot.facts(
                    budget,
                    ("status", "disruptionsAllowed"),
                    ("status", "currentHealthy"),
                    ("status", "desiredHealthy"),
                    ("spec", "minAvailable"),
                    ("spec", "maxUnavailable"),
                ),
                remedy=manual("Run more replicas than the budget keeps, or relax the budget."),
            )


RULES: Final = (unschedulable, gated, unseen, budgets)
