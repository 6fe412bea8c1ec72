"""What makes pods: deployments and their history, stateful sets, daemon sets, jobs."""

from __future__ import annotations

from typing import Final

from pydantic import Field

from agents.kubernetes import listing
from agents.kubernetes.client import Cluster, Listed
from agents.kubernetes.kinds import (
    CRON_JOB,
    DAEMON_SET,
    DEPLOYMENT,
    JOB,
    REPLICA_SET,
    STATEFUL_SET,
    Kind,
    Object,
)
from agents.kubernetes.reading import (
    age_of,
    at,
    conditions,
    images,
    name_of,
    namespace_of,
    number,
    owner_of,
    part,
    parts,
    selector_text,
    text,
    uid_of,
)
from agents.kubernetes.targets import AnyNamespaceArguments, Name, NamespaceArguments, Selector
from agents.kubernetes.words import age, listed
from agents.runtime.tool import ToolResult

REVISION: Final = "deployment.kubernetes.io/revision"
CAUSE: Final = "kubernetes.io/change-cause"
_FAILED: Final = "Failed"


class WorkloadsArguments(AnyNamespaceArguments):
    labels: Selector = Field(default="", description="Label selector, e.g. app=web")


class RolloutArguments(NamespaceArguments):
    deployment: Name = Field(description="Name of the deployment")


def get_deployments(arguments: WorkloadsArguments, cluster: Cluster, namespace: str) -> ToolResult:
    """`{deployments: […], count, message?}`"""
    return _sets(DEPLOYMENT, arguments, cluster, namespace)


def get_statefulsets(arguments: WorkloadsArguments, cluster: Cluster, namespace: str) -> ToolResult:
    """`{statefulsets: […], count, message?}`"""
    return _sets(STATEFUL_SET, arguments, cluster, namespace)


def get_daemonsets(arguments: WorkloadsArguments, cluster: Cluster, namespace: str) -> ToolResult:
    """`{daemonsets: […], count, message?}`"""
    return _sets(DAEMON_SET, arguments, cluster, namespace)


def _sets(
    kind: Kind, arguments: WorkloadsArguments, cluster: Cluster, namespace: str
) -> ToolResult:
    found = cluster.list(kind, namespace, labels=arguments.labels)
    return listing.answer(
        kind.plural,
        found,
        row,
        columns={
            **({} if namespace else {"NAMESPACE": "namespace"}),
            "NAME": "name",
            "READY": "ready",
            "UP-TO-DATE": "up_to_date",
            "AVAILABLE": "available",
            "AGE": "age",
            "IMAGES": lambda row: listed(row["images"]),
        },
        empty="" if found.items else listing.nothing(cluster, kind, namespace),
        troubled=lambda it: not settled(it),
    )


def row(workload: Object) -> listing.Row:
    """A deployment, stateful set or daemon set as data."""
    numbers = counts(workload)
    found: listing.Row = {
        "name": name_of(workload),
        "namespace": namespace_of(workload),
        "ready": f"{numbers['ready']}/{numbers['desired']}",
        "desired": numbers["desired"],
        "up_to_date": numbers["updated"],
        "available": numbers["available"],
        "age": age_of(workload),
        "images": images(workload),
        "selector": selector_text(part(workload, "spec", "selector")),
    }
    if part(workload, "spec").get("paused"):
        found["paused"] = True
    if said := [f"{kind}={state}" for kind, state, _ in conditions(workload)]:
        found["conditions"] = said
    return found


def counts(workload: Object) -> dict[str, int]:
    """Pods that are `desired`, and of them `updated`, `ready`, `available`; `current`: all."""
    status = part(workload, "status")
    if workload.get("kind") == DAEMON_SET.kind:
        keys = {
            "desired": "desiredNumberScheduled",
            "current": "currentNumberScheduled",
            "updated": "updatedNumberScheduled",
            "ready": "numberReady",
            "available": "numberAvailable",
        }
        return {name: number(status, key) for name, key in keys.items()}
    return {
        "desired": number(workload, "spec", "replicas", usual=1),
        "current": number(status, "replicas"),
        "updated": number(status, "updatedReplicas"),
        "ready": number(status, "readyReplicas"),
        "available": number(status, "availableReplicas"),
    }


def settled(workload: Object) -> bool:
    """Whether a rollout is through: the wanted pods, all of the newest template, all ready."""
    numbers = counts(workload)
    wanted = numbers["desired"]
    return (
        _observed(workload)
        and numbers["updated"] == numbers["ready"] == wanted
        and numbers["current"] == wanted
    )


def _observed(workload: Object) -> bool:
    """Whether the status is that of the present spec."""
    generation = number(workload, "metadata", "generation")
    return number(workload, "status", "observedGeneration") >= generation


def stuck(workload: Object) -> str:
    """Why a rollout does not go on, as its conditions say; empty when they do not."""
    if not _observed(workload):
        return ""  # they tell of the rollout before
    bad = [
        f"{kind}: {why}"
        for kind, state, why in conditions(workload)
        if (kind, state) in (("Progressing", "False"), ("ReplicaFailure", "True"))
    ]
    return "; ".join(bad)


def get_rollout_history(
    arguments: RolloutArguments, cluster: Cluster, namespace: str
) -> ToolResult:
    """`{deployment, revisions: [{revision, replica_set, images, replicas, cause?, …}], count}`"""
    deployment = cluster.get(DEPLOYMENT, arguments.deployment, namespace)
    every = cluster.list(
        REPLICA_SET, namespace, labels=selector_text(part(deployment, "spec", "selector"))
    )
    own = [
        it
        for it in every.items
        if uid_of(deployment)
        in {text(ref, "uid") for ref in parts(it, "metadata", "ownerReferences")}
    ]
    current = _revision(deployment)
    result = listing.answer(
        "revisions",
        Listed(items=sorted(own, key=_revision, reverse=True), more=every.more),
        revision_row,
        columns={
            "REVISION": lambda row: (
                f"{row['revision']} (current)" if row["revision"] == current else row["revision"]
            ),
            "REPLICA SET": "replica_set",
            "PODS": "pods",
            "AGE": "age",
            "IMAGES": lambda row: listed(row["images"]),
            "CAUSE": "cause",
        },
        empty="" if own else f"Deployment {arguments.deployment} has no replica sets.",
    )
    data = {"deployment": arguments.deployment, "current_revision": current, **result.data}
    return ToolResult(content=result.content, data=data)


def revision_row(replica_set: Object) -> listing.Row:
    ready, wanted = (
        number(replica_set, "status", "readyReplicas"),
        number(replica_set, "spec", "replicas"),
    )
    return {
        "revision": _revision(replica_set),
        "replica_set": name_of(replica_set),
        "pods": f"{ready}/{wanted}",
        "age": age_of(replica_set),
        "created_at": text(replica_set, "metadata", "creationTimestamp"),
        "images": images(replica_set),
        "cause": text(part(replica_set, "metadata", "annotations"), CAUSE),
    }


def _revision(obj: Object) -> int:
    said = text(part(obj, "metadata", "annotations"), REVISION)
    return int(said) if said.isdecimal() else 0


def get_jobs(arguments: WorkloadsArguments, cluster: Cluster, namespace: str) -> ToolResult:
    """`{jobs: […], count, message?}`"""
    found = cluster.list(JOB, namespace, labels=arguments.labels)
    return listing.answer(
        "jobs",
        found,
        job_row,
        columns={
            **({} if namespace else {"NAMESPACE": "namespace"}),
            "NAME": "name",
            "STATUS": "status",
            "COMPLETIONS": "completions",
            "FAILED": "failed",
            "AGE": "age",
            "OWNER": "owner",
        },
        empty="" if found.items else listing.nothing(cluster, JOB, namespace),
        troubled=lambda it: job_status(it) == _FAILED,
    )


def job_row(job: Object) -> listing.Row:
    owner = owner_of(job)
    return {
        "name": name_of(job),
        "namespace": namespace_of(job),
        "status": job_status(job),
        "completions": f"{number(job, 'status', 'succeeded')}"
        f"/{number(job, 'spec', 'completions', usual=1)}",
        "active": number(job, "status", "active"),
        "failed": number(job, "status", "failed"),
        "age": age_of(job),
        "images": images(job),
        "owner": "/".join(owner) if owner else "",
    }


def job_status(job: Object) -> str:
    """`Complete`, `Failed`, `Suspended` or `Running`."""
    said = {kind for kind, state, _ in conditions(job) if state == "True"}
    ends = ("Complete", _FAILED, "Suspended")
    return next((end for end in ends if end in said), "Running")


def get_cronjobs(arguments: WorkloadsArguments, cluster: Cluster, namespace: str) -> ToolResult:
    """`{cronjobs: […], count, message?}`"""
    found = cluster.list(CRON_JOB, namespace, labels=arguments.labels)
    return listing.answer(
        "cronjobs",
        found,
        cron_row,
        columns={
            **({} if namespace else {"NAMESPACE": "namespace"}),
            "NAME": "name",
            "SCHEDULE": "schedule",
            "SUSPENDED": "suspended",
            "ACTIVE": "active",
            "LAST RUN": lambda row: age(row["last_run"]) if row["last_run"] else "never",
            "AGE": "age",
        },
        empty="" if found.items else listing.nothing(cluster, CRON_JOB, namespace),
    )


def cron_row(cron: Object) -> listing.Row:
    return {
        "name": name_of(cron),
        "namespace": namespace_of(cron),
        "schedule": text(cron, "spec", "schedule"),
        "suspended": bool(at(cron, "spec", "suspend")),
        "active": len(parts(cron, "status", "active")),
        "last_run": text(cron, "status", "lastScheduleTime"),
        "age": age_of(cron),
    }
