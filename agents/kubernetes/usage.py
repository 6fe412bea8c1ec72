"""What pods and nodes really use (metrics.k8s.io), beside what they asked for."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from pydantic import AliasChoices, Field

from agents.kubernetes import listing
from agents.kubernetes.client import Cluster, Listed
from agents.kubernetes.failures import NOT_FOUND, ClusterError
from agents.kubernetes.kinds import NODE_METRICS, POD, POD_METRICS, Kind, Object
from agents.kubernetes.quantities import cores, mebibytes, total
from agents.kubernetes.reading import name_of, namespace_of, part, parts, text
from agents.kubernetes.targets import AnyNamespaceArguments, OptionalName, Selector
from agents.kubernetes.words import table
from agents.runtime.tool import ToolResult

NO_METRICS = "the cluster has no metrics (metrics.k8s.io): is metrics-server installed?"


class ResourcesArguments(AnyNamespaceArguments):
    pod_name: OptionalName = Field(
        default="",
        validation_alias=AliasChoices("pod_name", "pod"),
        description="Only this pod",
    )
    labels: Selector = Field(default="", description="Label selector, e.g. app=web")


def get_pod_resources(
    arguments: ResourcesArguments, cluster: Cluster, namespace: str
) -> ToolResult:
    """`{pods: [{name, namespace, containers: [{name, cpu, memory, …}]}], count, message?}`"""
    name, labels = arguments.pod_name, arguments.labels
    pods = listing.one_or_all(cluster, POD, namespace, name, labels)
    usage, missing = measured(cluster, POD_METRICS, namespace, name, labels)
    by_pod = {(namespace_of(it), name_of(it)): it for it in usage.items}

    def row(pod: Object) -> listing.Row:
        key = (namespace_of(pod), name_of(pod))
        return {
            "name": key[1],
            "namespace": key[0],
            "containers": _containers(pod, by_pod.get(key, {})),
        }

    result = listing.answer(
        "pods",
        pods,
        row,
        columns={},
        empty="" if pods.items else listing.nothing(cluster, POD, namespace),
    )
    message = ". ".join(filter(None, (str(result.data.get("message", "")), missing)))
    lines = table(
        ("POD", "CONTAINER", "CPU", "REQUEST", "LIMIT", "MEMORY", "REQUEST", "LIMIT"),
        (_line(pod, it) for pod in result.data["pods"] for it in pod["containers"]),
    )
    data = {**result.data, **({"message": message} if message else {})}
    shown = [lines if result.data["pods"] else "", message]
    return ToolResult(content="\n".join(filter(None, shown)), data=data)


def measured(
    cluster: Cluster, kind: Kind, namespace: str, name: str = "", labels: str = ""
) -> tuple[Listed, str]:
    """The usage there is, and why there is none."""
    try:
        return listing.one_or_all(cluster, kind, namespace, name, labels), ""
    except ClusterError as error:
        missing = NO_METRICS if error.status == NOT_FOUND else error.diagnosis
        return Listed(items=[]), f"Usage is not shown: {missing}"


def used(metrics: Object) -> dict[str, Decimal]:
    """Cores and bytes that a pod or a node uses."""
    usages = [part(it, "usage") for it in parts(metrics, "containers")] or [part(metrics, "usage")]
    return {what: total(it.get(what) for it in usages) for what in ("cpu", "memory")}


def asked(pod: Object, kind: str) -> dict[str, Decimal]:
    """Cores and bytes in the `requests` or `limits` of a pod."""
    containers = parts(pod, "spec", "containers")
    return {
        what: total(part(it, "resources", kind).get(what) for it in containers)
        for what in ("cpu", "memory")
    }


def _containers(pod: Object, metrics: Object) -> list[dict[str, Any]]:
    usage = {text(it, "name"): part(it, "usage") for it in parts(metrics, "containers")}
    rows = []
    for container in parts(pod, "spec", "containers"):
        name = text(container, "name")
        row: dict[str, Any] = {"name": name}
        for what, words in (("cpu", cores), ("memory", mebibytes)):
            row[what] = words(total([usage[name].get(what)])) if name in usage else ""
            for kind in ("requests", "limits"):
                said = part(container, "resources", kind).get(what)
                row[f"{what}_{kind.removesuffix('s')}"] = str(said or "")
        rows.append(row)
    return rows


def _line(pod: listing.Row, container: dict[str, Any]) -> list[object]:
    keys = ("cpu", "cpu_request", "cpu_limit", "memory", "memory_request", "memory_limit")
    return [pod["name"], container["name"], *(container[key] for key in keys)]


def top(cluster: Cluster, kind: Kind, namespace: str) -> ToolResult:
    """Usage of every pod or node, the hungriest first. Raises `ClusterError` for no metrics."""
    try:
        found = cluster.list(kind, namespace)
    except ClusterError as error:
        if error.status != NOT_FOUND:
            raise
        raise ClusterError(f"Nothing to show: {NO_METRICS}", error.detail) from error
    ordered = sorted(found.items, key=lambda it: used(it)["cpu"], reverse=True)
    spread = {"NAMESPACE": "namespace"} if kind is not NODE_METRICS and not namespace else {}
    plural = kind.plural
    return listing.answer(
        plural,
        Listed(items=ordered, more=found.more),
        _usage_row,
        columns={**spread, "NAME": "name", "CPU": "cpu", "MEMORY": "memory"},
        empty="" if ordered else f"There are no figures for {plural} yet.",
    )


def _usage_row(metrics: Object) -> listing.Row:
    usage = used(metrics)
    row = {"name": name_of(metrics), "namespace": namespace_of(metrics)}
    row |= {"cpu": cores(usage["cpu"]), "memory": mebibytes(usage["memory"])}
    return {key: value for key, value in row.items() if value}
