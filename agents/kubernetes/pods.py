"""Pods: what runs, and how well."""

from __future__ import annotations

from pydantic import Field

from agents.kubernetes import listing, podstate
from agents.kubernetes.client import Cluster
from agents.kubernetes.kinds import POD, Object
from agents.kubernetes.reading import age_of, conditions, name_of, namespace_of, part, text
from agents.kubernetes.targets import AnyNamespaceArguments, Selector
from agents.runtime.tool import ToolResult


class PodsArguments(AnyNamespaceArguments):
    labels: Selector = Field(default="", description="Label selector, e.g. app=web,tier!=cache")


def get_pods(arguments: PodsArguments, cluster: Cluster, namespace: str) -> ToolResult:
    """`{pods: […], count, message?}`; of more than fit, those in trouble come first."""
    found = cluster.list(POD, namespace, labels=arguments.labels)
    hint = f" Nothing matches the labels {arguments.labels!r}." if arguments.labels else ""
    return listing.answer(
        "pods",
        found,
        row,
        columns={
            **({} if namespace else {"NAMESPACE": "namespace"}),
            "NAME": "name",
            "READY": "ready",
            "STATUS": "status",
            "RESTARTS": "restarts",
            "AGE": "age",
            "IP": "ip",
            "NODE": "node",
        },
        empty="" if found.items else listing.nothing(cluster, POD, namespace, hint=hint),
        troubled=podstate.in_trouble,
    )


def row(pod: Object) -> listing.Row:
    """A pod as data. `status` is kubectl's word, `phase` the API's."""
    have, want = podstate.ready(pod)
    found = {
        "name": name_of(pod),
        "namespace": namespace_of(pod),
        "phase": text(pod, "status", "phase"),
        "status": podstate.status(pod),
        "ready": f"{have}/{want}",
        "restarts": podstate.restarts(pod),
        "age": age_of(pod),
        "ip": text(pod, "status", "podIP"),
        "node": text(pod, "spec", "nodeName"),
    }
    if labels := part(pod, "metadata", "labels"):
        found["labels"] = labels
    if said := [f"{kind}={state}" for kind, state, _ in conditions(pod)]:
        found["conditions"] = said
    return found
