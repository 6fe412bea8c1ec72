"""Nodes: their state, and how full they are."""

from __future__ import annotations

from typing import Any, Final

from pydantic import Field

from agents.kubernetes import listing
from agents.kubernetes.client import Cluster, Listed
from agents.kubernetes.failures import ClusterError
from agents.kubernetes.kinds import NODE, NODE_METRICS, POD, Object
from agents.kubernetes.quantities import cores, mebibytes, percent, total
from agents.kubernetes.reading import age_of, conditions, name_of, part, parts, text
from agents.kubernetes.targets import ContextArguments, OptionalName
from agents.kubernetes.usage import asked, measured, used
from agents.kubernetes.words import listed
from agents.runtime.tool import ToolResult

_ROLE: Final = "node-role.kubernetes.io/"
_DONE: Final = ("Succeeded", "Failed")


class NodesArguments(ContextArguments):
    show_labels: bool = Field(default=False, description="With the labels of each node")


class NodeStatusArguments(ContextArguments):
    node_name: OptionalName = Field(default="", description="Only this node")


def get_nodes(arguments: NodesArguments, cluster: Cluster, namespace: str) -> ToolResult:
    """`{nodes: […], count}`"""
    del namespace
    return listing.answer(
        "nodes",
        cluster.list(NODE),
        lambda node: row(node, labels=arguments.show_labels),
        columns={
            "NAME": "name",
            "STATUS": "status",
            "ROLES": lambda row: listed(row["roles"]),
            "AGE": "age",
            "VERSION": "kubelet_version",
            "INTERNAL-IP": "internal_ip",
            "OS-IMAGE": "os_image",
            "RUNTIME": "container_runtime",
        },
        empty="The cluster has no nodes.",
        troubled=lambda node: status(node) != "Ready",
    )


def row(node: Object, *, labels: bool) -> listing.Row:
    info = part(node, "status", "nodeInfo")
    found: listing.Row = {
        "name": name_of(node),
        "status": status(node),
        "roles": roles(node),
        "age": age_of(node),
        "kubelet_version": text(info, "kubeletVersion"),
        "internal_ip": _address(node, "InternalIP"),
        "os_image": text(info, "osImage"),
        "container_runtime": text(info, "containerRuntimeVersion"),
    }
    if outside := _address(node, "ExternalIP"):
        found["external_ip"] = outside
    if labels:
        found["labels"] = part(node, "metadata", "labels")
    return found


def status(node: Object) -> str:
    """`Ready`, `NotReady`, `Ready,SchedulingDisabled`…"""
    said = {kind: state for kind, state, _ in conditions(node)}
    word = {"True": "Ready", "False": "NotReady"}.get(said.get("Ready", ""), "Unknown")
    return f"{word},SchedulingDisabled" if part(node, "spec").get("unschedulable") else word


def roles(node: Object) -> list[str]:
    labels = part(node, "metadata", "labels")
    return sorted(key.removeprefix(_ROLE) for key in labels if key.startswith(_ROLE))


def troubles(node: Object) -> list[str]:
    """What its conditions complain of."""
    return [
        f"{kind}={state} ({why})" if why else f"{kind}={state}"
        for kind, state, why in conditions(node)
        if state != ("True" if kind == "Ready" else "False")
    ]


def taints(node: Object) -> list[str]:
    return [
        text(it, "key") + (f"={it['value']}" if it.get("value") else "") + f":{text(it, 'effect')}"
        for it in parts(node, "spec", "taints")
    ]


def _address(node: Object, kind: str) -> str:
    found = (it for it in parts(node, "status", "addresses") if it.get("type") == kind)
    return next((text(it, "address") for it in found), "")


def get_node_status(arguments: NodeStatusArguments, cluster: Cluster, namespace: str) -> ToolResult:
    """`{nodes: [{name, status, troubles[], taints[], allocatable, requested, used?, …}], count}`"""
    del namespace
    name = arguments.node_name
    found = Listed(items=[cluster.get(NODE, name)]) if name else cluster.list(NODE)
    pods, unseen = _pods_by_node(cluster, name)
    usage, missing = measured(cluster, NODE_METRICS, "", name)
    by_name = {name_of(it): it for it in usage.items}
    result = listing.answer(
        "nodes",
        found,
        lambda node: _load(node, pods.get(name_of(node), []), by_name.get(name_of(node))),
        columns={
            "NAME": "name",
            "STATUS": "status",
            "TROUBLES": lambda row: listed(row["troubles"]),
            "TAINTS": lambda row: listed(row["taints"]),
            "PODS": lambda row: f"{row['pods']}/{row['allocatable']['pods']}",
            "CPU REQUESTED": lambda row: row["requested"]["cpu"],
            "CPU USED": lambda row: row.get("used", {}).get("cpu", ""),
            "MEMORY REQUESTED": lambda row: row["requested"]["memory"],
            "MEMORY USED": lambda row: row.get("used", {}).get("memory", ""),
        },
        empty="The cluster has no nodes.",
        troubled=lambda node: bool(troubles(node)) or status(node) != "Ready",
    )
    notes = [it for it in (unseen, missing) if it]
    if not notes:
        return result
    said = str(result.data.get("message", ""))
    message = " ".join(filter(None, (said, *notes)))
    content = "\n".join([result.content, *notes])
    return ToolResult(content=content, data={**result.data, "message": message})


def _pods_by_node(cluster: Cluster, node: str) -> tuple[dict[str, list[Object]], str]:
    """The pods that hold room on each node; and why they are not known."""
    try:
        found = cluster.list(POD, fields=f"spec.nodeName={node}" if node else "")
    except ClusterError as error:
        return {}, f"What the pods ask for is not counted: {error.diagnosis}"
    by_node: dict[str, list[Object]] = {}
    for pod in found.items:
        if text(pod, "status", "phase") not in _DONE:
            by_node.setdefault(text(pod, "spec", "nodeName"), []).append(pod)
    return by_node, ""


def _load(node: Object, pods: list[Object], metrics: Object | None) -> listing.Row:
    allocatable = part(node, "status", "allocatable")
    room = {what: total([allocatable.get(what)]) for what in ("cpu", "memory")}
    wanted = [asked(pod, "requests") for pod in pods]
    requested = {what: total(it[what] for it in wanted) for what in room}
    found: listing.Row = {
        "name": name_of(node),
        "status": status(node),
        "troubles": troubles(node),
        "taints": taints(node),
        "pods": len(pods),
        "allocatable": {
            "cpu": cores(room["cpu"]),
            "memory": mebibytes(room["memory"]),
            "pods": text(allocatable, "pods"),
        },
        "requested": _shares(requested, room),
    }
    if metrics is not None:
        found["used"] = _shares(used(metrics), room)
    return found


def _shares(amounts: dict[str, Any], room: dict[str, Any]) -> dict[str, str]:
    return {
        what: f"{words(amounts[what])} ({percent(amounts[what], room[what])})"
        for what, words in (("cpu", cores), ("memory", mebibytes))
    }
