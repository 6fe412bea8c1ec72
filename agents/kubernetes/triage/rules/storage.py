"""Storage: claims that are not bound, volumes that cannot be attached, mounted or written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from agents.kubernetes.kinds import Object
from agents.kubernetes.reading import name_of, parts, text
from agents.kubernetes.triage.conditions import condition
from agents.kubernetes.triage.making import describe, of_pod
from agents.kubernetes.triage.phrases import Phrases
from agents.kubernetes.triage.pods import live, recent, workload_of
from agents.kubernetes.triage.remedies import manual
from agents.kubernetes.triage.snapshot import Snapshot
from agents.triage.findings import Evidence, Finding, Severity

_GRACE_S: Final = 60.0
_CLAIMS: Final = Phrases.of(
    ("class-missing", r"storageclass\S* \"?[^\" ]*\"? ?(?:not found|does not exist)"),
    ("no-matching-volume", r"no persistent volumes available"),
    ("provisioning-failed", r"failed to provision|provision"),
)
_MOUNTS: Final = Phrases.of(
    ("start/missing-key", r"references non-existent (?:config|secret) key"),
    ("start/missing-configmap", r"configmaps? \"(?P<name>[^\"]+)\" not found"),
    ("start/missing-secret", r"secrets? \"(?P<name>[^\"]+)\" not found"),
    ("storage/multi-attach", r"Multi-Attach"),
    ("storage/claim-missing", r"persistentvolumeclaim \"?[^\" ]+\"? not found"),
    ("storage/attach-failed", r"AttachVolume|FailedAttachVolume"),
)
_WAITED: Final = re.compile(r"timed out waiting for the condition|context deadline exceeded")
_NAME: Final = re.compile(r"(?:configmaps?|secrets?|persistentvolumeclaim) \"(?P<name>[^\"]+)\"")
_HELP: Final = {
    "class-missing": "Name a storage class that the cluster has, or create this one.",
    "no-matching-volume": "Name a storage class, or make a volume that fits the claim.",
    "provisioning-failed": "Look at the provisioner of the storage class: quota, zone, its log.",
    "claim-pending": "Look at the events of the claim and at its storage class.",
    "claim-lost": "Restore the volume from a backup, and bind the claim anew.",
    "resize-failed": "Look at the storage driver; a smaller size cannot be asked for again.",
}
_MOUNT_HELP: Final = {
    "start/missing-key": "Add the key, or correct items of the volume.",
    "start/missing-configmap": "Add the ConfigMap to the manifests, or correct the volume.",
    "start/missing-secret": "Create the Secret (sealed, in Git), or correct the volume.",
    "storage/multi-attach": "End the other pod of the volume, or use strategy Recreate.",
    "storage/claim-missing": "Create the claim, or correct claimName.",
    "storage/attach-failed": "Look at the storage driver and at the volume's zone.",
    "storage/mount-failed": "Look at the storage driver on the node, and at the volume itself.",
}


def claims(snapshot: Snapshot) -> Iterator[Finding]:
    """A claim has no volume; its events and its class say why."""
    for claim in snapshot.all("PersistentVolumeClaim"):
        phase = text(claim, "status", "phase")
        if phase == "Lost":
            yield _of(snapshot, claim, "claim-lost", 0.95, "Its volume is gone.", ())
        elif phase == "Pending":
            yield from _pending(snapshot, claim)
        failed = recent(snapshot, snapshot.events_of(claim, "VolumeResizeFailed"))
        if failed:
            yield _of(snapshot, claim, "resize-failed", 0.9, failed[-1].message, failed[-1:])


def _pending(snapshot: Snapshot, claim: Object) -> Iterator[Finding]:
    events = snapshot.events_of(claim, "ProvisioningFailed", "FailedBinding")
    said = events[-1].message if events else ""
    wanted = text(claim, "spec", "storageClassName")
    if snapshot.lacks("StorageClass", wanted) or _CLAIMS.read(said) == "class-missing":
        summary = f"Storage class {wanted} is not there."
        yield _of(snapshot, claim, "class-missing", 0.98, summary, events[-1:])
    elif events:
        cause = _CLAIMS.read(said) or "provisioning-failed"
        yield _of(snapshot, claim, cause, 0.95, said, events[-1:])
    elif not snapshot.events_of(claim, "WaitForFirstConsumer", "ExternalProvisioning") and (
        snapshot.since(text(claim, "metadata", "creationTimestamp")) > _GRACE_S
    ):
        yield _of(snapshot, claim, "claim-pending", 0.6, "No volume was bound to it.", ())


def _of(
    snapshot: Snapshot,
    claim: Object,
    cause: str,
    sure: float,
    summary: str,
    events: tuple[object, ...],
) -> Finding:
    users = {
        workload_of(snapshot, pod) for pod in live(snapshot) if name_of(claim) in claims_of(pod)
    }
    proof = snapshot.facts(claim, ("status", "phase"), ("spec", "storageClassName"))
    return Finding(
        cause=f"storage/{cause}",
        object=snapshot.place(claim),
        severity=Severity.CRITICAL if users else Severity.WARNING,
        confidence=sure,
        summary=f"Claim {name_of(claim)} has no volume. {summary}"
        if cause != "resize-failed"
        else summary,
        evidence=proof + snapshot.happened(*events),  # type: ignore[arg-type]
        next_checks=(f'get_pvcs(namespace="{snapshot.namespace}")',),
        remedy=manual(_HELP[cause]),
        explains=frozenset(
            f"{home}#{shown}"
            for home in users
            for shown in (
                "storage/claim-pending",
                "scheduling/unschedulable",
                "storage/mount-failed",
            )
        ),
    )


def claims_of(pod: Object) -> list[str]:
    """The claims that a pod uses."""
    volumes = parts(pod, "spec", "volumes")
    return [
        text(it, "persistentVolumeClaim", "claimName")
        for it in volumes
        if "persistentVolumeClaim" in it
    ]


def waiting_for_claims(snapshot: Snapshot) -> Iterator[Finding]:
    """A pod is Pending because of a claim that is not bound, or not there."""
    for pod in live(snapshot):
        told = condition(pod, "PodScheduled")
        events = snapshot.events_of(pod, "FailedScheduling")
        said = text(told, "message") or (events[-1].message if events else "")
        if text(pod, "spec", "nodeName") or not re.search(
            "persistentvolumeclaim", said, re.IGNORECASE
        ):
            continue
        proof = snapshot.fact(pod, "status", "conditions", "PodScheduled", "message")
        proof += snapshot.happened(*events[-1:])
        gone = [it for it in claims_of(pod) if snapshot.lacks("PersistentVolumeClaim", it)]
        missing = bool(gone) or "not found" in said
        named = _NAME.search(said)
        what = gone[0] if gone else (named["name"] if named else "")
        yield of_pod(
            snapshot,
            pod,
            "storage/claim-missing" if missing else "storage/claim-pending",
            f"The pod needs claim {what}, which is not there."
            if missing
            else f"The pod waits for its claims: {said}",
            proof,
            confidence=0.98 if missing else 0.6,
            next_checks=(f'get_pvcs(namespace="{snapshot.namespace}")',),
            remedy=manual("Create the claim, or correct claimName.") if missing else None,
        )


def mounts(snapshot: Snapshot) -> Iterator[Finding]:
    """A pod waits for its volumes: the kubelet says which cannot be attached or mounted."""
    for pod in live(snapshot):
        if text(pod, "status", "phase") != "Pending":
            continue
        events = snapshot.events_of(pod, "FailedMount", "FailedAttachVolume", "FailedMapVolume")
        telling = [it for it in events if not _WAITED.search(it.message)] or list(events)
        if not telling:
            continue
        last = telling[-1]
        cause = _MOUNTS.read(f"{last.reason} {last.message}") or "storage/mount-failed"
        yield of_pod(
            snapshot,
            pod,
            cause,
            _summary(cause, last.message),
            snapshot.happened(last) + _volumes(snapshot, pod),
            confidence=0.7 if _WAITED.search(last.message) else 0.97,
            next_checks=(describe(snapshot, pod),),
            remedy=manual(_MOUNT_HELP[cause]),
        )


def _summary(cause: str, said: str) -> str:
    match = _NAME.search(said)
    if match and cause == "start/missing-configmap":
        return f"ConfigMap {match['name']} is not there; the pod mounts it."
    if match and cause == "start/missing-secret":
        return f"Secret {match['name']} is not there; the pod mounts it."
    return said


def _volumes(snapshot: Snapshot, pod: Object) -> tuple[Evidence, ...]:
    found: tuple[Evidence, ...] = ()
    for volume in parts(pod, "spec", "volumes"):
        where = ("spec", "volumes", text(volume, "name"))
        found += snapshot.facts(
            pod,
            (*where, "configMap", "name"),
            (*where, "secret", "secretName"),
            (*where, "persistentVolumeClaim", "claimName"),
        )
    return found[:3]


RULES: Final = (claims, waiting_for_claims, mounts)
