"""`describe` of any object: ours for the kinds people ask about, its own fields for the others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import yaml
from pydantic import AliasChoices, Field

from agents.kubernetes import describe_pod, events, nodes, podstate, workloads
from agents.kubernetes.client import Cluster
from agents.kubernetes.describing import bullets, conditions_section, head, joined
from agents.kubernetes.failures import ClusterError
from agents.kubernetes.kinds import DEPLOYMENT, ENDPOINTS, POD, REPLICA_SET, SERVICE, Kind, Object
from agents.kubernetes.listing import by_columns
from agents.kubernetes.pods import row as pod_row
from agents.kubernetes.reading import (
    at,
    name_of,
    namespace_of,
    number,
    owner_of,
    part,
    selector_text,
    text,
)
from agents.kubernetes.services import endpoints_row, external_addresses, service_row
from agents.kubernetes.shown import shown
from agents.kubernetes.storage import claim_row
from agents.kubernetes.targets import Name, NamespaceArguments
from agents.kubernetes.words import listed, pairs
from agents.runtime.tool import ToolResult

MAX_YAML: Final = 20_000  # characters of an object whose kind has no description of ours


class PodArguments(NamespaceArguments):
    pod_name: Name = Field(
        validation_alias=AliasChoices("pod_name", "pod"), description="Name of the pod"
    )


class OneServiceArguments(NamespaceArguments):
    service_name: Name = Field(description="Name of the service")


class OneDeploymentArguments(NamespaceArguments):
    deployment: Name = Field(description="Name of the deployment")


def describe_one_pod(arguments: PodArguments, cluster: Cluster, namespace: str) -> ToolResult:
    return one(cluster, POD, arguments.pod_name, namespace)


def describe_service(
    arguments: OneServiceArguments, cluster: Cluster, namespace: str
) -> ToolResult:
    return one(cluster, SERVICE, arguments.service_name, namespace)


def describe_deployment(
    arguments: OneDeploymentArguments, cluster: Cluster, namespace: str
) -> ToolResult:
    return one(cluster, DEPLOYMENT, arguments.deployment, namespace)


def one(cluster: Cluster, kind: Kind, name: str, namespace: str) -> ToolResult:
    """The description of one object, with its events."""
    obj = cluster.get(kind, name, namespace)
    obj.setdefault("kind", kind.kind)
    words = _BY_KIND.get(kind.kind, _any)(obj, cluster)
    data = {"kind": kind.kind, "name": name_of(obj), "namespace": namespace_of(obj)}
    return ToolResult(content=joined(words, events.section(cluster, obj)), data=data)


def _pod(pod: Object, cluster: Cluster) -> str:
    del cluster
    return describe_pod.describe(pod)


def _service(service: Object, cluster: Cluster) -> str:
    row = service_row(service)
    selector = part(service, "spec", "selector")
    outside = external_addresses(service)
    return joined(
        head(
            service,
            ("Type", row["type"]),
            ("Selector", pairs(selector) if selector else "none: its endpoints are made by hand"),
            ("Cluster IP", row["cluster_ip"]),
            ("External", listed(outside) if outside else ""),
            ("Session affinity", text(service, "spec", "sessionAffinity")),
        ),
        bullets("Ports", map(_port, row["ports"])),
        _endpoints(service, cluster),
    )


def _port(port: dict[str, object]) -> str:
    node = f", node port {port['node_port']}" if "node_port" in port else ""
    name = f"{port['name']} " if "name" in port else ""
    return f"{name}{port['port']}/{port['protocol']} -> {port['target_port']}{node}"


def _endpoints(service: Object, cluster: Cluster) -> str:
    try:
        found = cluster.find(ENDPOINTS, name_of(service), namespace_of(service))
    except ClusterError as error:
        return f"Endpoints: cannot be shown. {error.diagnosis}"
    addresses = endpoints_row(found)["addresses"] if found else []
    if not addresses:
        return "Endpoints: none. No ready pod has the labels of the selector."
    return bullets(
        "Endpoints",
        (
            f"{it['ip']} {it.get('pod_name', '')} {'ready' if it['ready'] else 'NOT READY'}"
            for it in addresses
        ),
    )


def _workload(workload: Object, cluster: Cluster) -> str:
    numbers = workloads.counts(workload)
    template = part(workload, "spec", "template")
    strategy = part(workload, "spec", "strategy") or part(workload, "spec", "updateStrategy")
    return joined(
        head(
            workload,
            ("Pods", pairs(numbers)),
            ("Rollout", "through" if workloads.settled(workload) else "not through"),
            ("Stuck", workloads.stuck(workload)),
            ("Paused", "yes" if at(workload, "spec", "paused") else ""),
            ("Selector", selector_text(part(workload, "spec", "selector"))),
            ("Strategy", f"{text(strategy, 'type')} {pairs(part(strategy, 'rollingUpdate'))}"),
        ),
        describe_pod.containers(template, "initContainers", "Init containers"),
        describe_pod.containers(template, "containers", "Containers"),
        bullets("Volumes", describe_pod.volumes(part(template, "spec"))),
        conditions_section(workload),
        _replica_sets(workload, cluster),
        _pods(workload, cluster),
    )


def _replica_sets(workload: Object, cluster: Cluster) -> str:
    """Those of a deployment that have pods."""
    if workload.get("kind") != DEPLOYMENT.kind:
        return ""
    labels = selector_text(part(workload, "spec", "selector"))
    try:
        found = cluster.list(REPLICA_SET, namespace_of(workload), labels=labels)
    except ClusterError as error:
        return f"Replica sets: cannot be shown. {error.diagnosis}"
    used = [it for it in found.items if number(it, "spec", "replicas")]
    rows = [workloads.revision_row(it) for it in used if owner_of(it)]
    return bullets(
        "Replica sets",
        (
            f"{r['replica_set']} revision {r['revision']}, pods {r['pods']}, {r['age']}"
            for r in rows
        ),
    )


def _pods(workload: Object, cluster: Cluster) -> str:
    labels = selector_text(part(workload, "spec", "selector"))
    if not labels:
        return ""
    try:
        found = cluster.list(POD, namespace_of(workload), labels=labels)
    except ClusterError as error:
        return f"Its pods: cannot be shown. {error.diagnosis}"
    worst_first = sorted(found.items, key=lambda pod: not podstate.in_trouble(pod))
    rows = [pod_row(pod) for pod in worst_first[:30]]
    columns = ("name", "ready", "status", "restarts", "age", "node")
    lines = by_columns([key.upper() for key in columns], ([r[k] for k in columns] for r in rows))
    more = len(found.items) - len(rows)
    return (
        f"Pods:\n{lines}" + (f"\n… and {more} more" if more > 0 else "") if rows else "Pods: none"
    )


def _job(job: Object, cluster: Cluster) -> str:
    row = workloads.job_row(job)
    return joined(
        head(
            job,
            ("Status", row["status"]),
            ("Completions", row["completions"]),
            ("Failed", row["failed"]),
            ("Active", row["active"]),
            ("Back-off limit", at(job, "spec", "backoffLimit")),
        ),
        describe_pod.containers(part(job, "spec", "template"), "containers", "Containers"),
        conditions_section(job),
        _pods(job, cluster),
    )


def _node(node: Object, cluster: Cluster) -> str:
    del cluster
    row = nodes.row(node, labels=False)
    room = part(node, "status", "allocatable")
    return joined(
        head(
            node,
            ("Status", row["status"]),
            ("Roles", listed(row["roles"])),
            ("Taints", listed(nodes.taints(node))),
            ("Internal IP", row["internal_ip"]),
            ("Version", row["kubelet_version"]),
            ("System", f"{row['os_image']}, {row['container_runtime']}"),
            ("Allocatable", pairs(room)),
        ),
        conditions_section(node),
    )


def _claim(claim: Object, cluster: Cluster) -> str:
    del cluster
    row = claim_row(claim)
    keys = ("status", "volume", "requested", "capacity", "storage_class")
    rows = [(key.replace("_", " ").capitalize(), row[key]) for key in keys]
    modes = ("Access modes", listed(row["access_modes"]))
    return joined(head(claim, *rows, modes), conditions_section(claim))


def _any(obj: Object, cluster: Cluster) -> str:
    """The fields as they are, for every other kind."""
    del cluster
    clean = {
        key: value
        for key, value in shown(obj).items()
        if key not in ("apiVersion", "kind", "metadata")
    }
    written = yaml.safe_dump(clean, sort_keys=False, allow_unicode=True) if clean else ""
    cut = "\n… [cut]" if len(written) > MAX_YAML else ""
    return joined(head(obj), written[:MAX_YAML] + cut)


_BY_KIND: Final[dict[str, Callable[[Object, Cluster], str]]] = {
    "Pod": _pod,
    "Service": _service,
    "Deployment": _workload,
    "StatefulSet": _workload,
    "DaemonSet": _workload,
    "ReplicaSet": _workload,
    "Job": _job,
    "Node": _node,
    "PersistentVolumeClaim": _claim,
}
