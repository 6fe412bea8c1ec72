"""The look-only cluster tools of tickets: any kind of object, by the names kubectl takes."""

from __future__ import annotations

import json
from typing import Any, Final, Literal

from pydantic import AliasChoices, Field

from agents.kubernetes import describe, events, logs, usage
from agents.kubernetes.client import Cluster, Listed
from agents.kubernetes.failures import NOT_FOUND, ClusterError
from agents.kubernetes.kinds import EVENT, NODE_METRICS, POD, POD_METRICS, Kind, Object, named
from agents.kubernetes.reading import name_of, namespace_of, text
from agents.kubernetes.shown import shown
from agents.kubernetes.targets import Name, OptionalName, Selector
from agents.runtime.tool import Arguments, ToolResult

MAX_CHARACTERS: Final = 60_000  # of the objects in one answer
MAX_NAMES: Final = 1000


class TicketArguments(Arguments):
    """Base: the cluster is that of the settings, so only the namespace is said."""

    namespace: str = Field(
        default="", max_length=253, description="Namespace; 'all' or nothing for all of them"
    )


class OneNamespaceArguments(Arguments):
    namespace: str = Field(default="", max_length=253, description="Namespace of the object")


ResourceName = Field(
    min_length=1,
    max_length=200,
    pattern=r"^[A-Za-z][A-Za-z0-9.-]*$",
    description="Kind as kubectl takes it: pods, deploy, svc, ingresses, applications.argoproj.io",
)


class GetArguments(TicketArguments):
    resource: str = ResourceName
    name: OptionalName = Field(default="", description="Only the object of this name")
    selector: Selector = Field(default="", description="Label selector, e.g. app=web")


class DescribeArguments(OneNamespaceArguments):
    resource: str = ResourceName
    name: Name = Field(description="Name of the object")


class LogArguments(OneNamespaceArguments):
    pod: Name = Field(
        validation_alias=AliasChoices("pod", "pod_name"), description="Name of the pod"
    )
    container: OptionalName = Field(default="", description="Container; else the default one")
    tail: int = Field(
        default=50, ge=1, le=logs.MAX_LINES, description="How many lines from the end"
    )
    previous: bool = Field(default=False, description="The log before the last restart")


class EventsArguments(TicketArguments):
    involved: OptionalName = Field(
        default="", description="Only events about the object of this name"
    )


class TopArguments(TicketArguments):
    kind: Literal["pods", "nodes"] = Field(default="pods", description="pods or nodes")


def get(arguments: GetArguments, cluster: Cluster, namespace: str) -> ToolResult:
    """JSON of an object, or of a list `{items, count, names?}`; Secrets without their values."""
    kind = kind_of(arguments.resource, cluster, namespace)
    within = namespace if kind.namespaced else ""
    if arguments.name and (within or not kind.namespaced):
        obj = shown(cluster.get(kind, arguments.name, within))
        return ToolResult(content=_json(obj), data={"object": obj})
    if arguments.name:
        raise ClusterError(f"Say in which namespace {arguments.name!r} is.")
    found = cluster.list(kind, within, labels=arguments.selector)
    data = _some(found)
    return ToolResult(content=_json(data), data=data)


def _some(found: Listed) -> dict[str, Any]:
    """As many whole objects as fit, and the names of the others."""
    room, items = MAX_CHARACTERS, []
    for obj in found.items:
        clean = shown(obj)
        room -= len(_json(clean))
        if room < 0:
            break
        items.append(clean)
    data: dict[str, Any] = {"items": items, "count": len(found.items)}
    if others := found.items[len(items) :]:
        data["names"] = [_place(it) for it in others[:MAX_NAMES]]
        data["message"] = (
            f"{len(items)} of {len(found.items)}{' and more' if found.more else ''} objects are"
            " whole, of the others there are names: ask for one by name, or narrow the selector."
        )
    return data


def _place(obj: Object) -> str:
    return "/".join(filter(None, (namespace_of(obj), name_of(obj))))


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1)


def describe_any(arguments: DescribeArguments, cluster: Cluster, namespace: str) -> ToolResult:
    kind = kind_of(arguments.resource, cluster, namespace)
    return describe.one(cluster, kind, arguments.name, namespace if kind.namespaced else "")


def log(arguments: LogArguments, cluster: Cluster, namespace: str) -> ToolResult:
    return logs.tail(
        cluster,
        cluster.get(POD, arguments.pod, namespace),
        namespace,
        container=arguments.container,
        lines=arguments.tail,
        previous=arguments.previous,
    )


def list_events(arguments: EventsArguments, cluster: Cluster, namespace: str) -> ToolResult:
    fields = f"involvedObject.name={arguments.involved}" if arguments.involved else ""
    return events.answer(cluster.list(EVENT, namespace, fields=fields), cluster, namespace)


def top(arguments: TopArguments, cluster: Cluster, namespace: str) -> ToolResult:
    kind = POD_METRICS if arguments.kind == "pods" else NODE_METRICS
    return usage.top(cluster, kind, namespace if kind.namespaced else "")


def kind_of(resource: str, cluster: Cluster, namespace: str) -> Kind:
    """The kind of a name; one that we do not know is asked for where its group is named."""
    found = named(resource)
    if found is None:
        found = _discovered(resource.lower(), cluster)
        if found and namespace and not found.namespaced:
            # The policy was asked about this namespace, and the object is in none.
            raise ClusterError(f"{found.plural} are in no namespace: ask with namespace 'all'.")
    if found is None:
        raise ClusterError(
            f"The cluster has no kind {resource!r}; one of a custom resource is named with its"
            " group, e.g. certificates.cert-manager.io."
        )
    return found


def _discovered(resource: str, cluster: Cluster) -> Kind | None:
    plural, _, group = resource.partition(".")
    if not group:
        return None
    try:
        about = cluster.read(f"/apis/{group}")
        version = text(about, "preferredVersion", "version")
        served = cluster.read(f"/apis/{group}/{version}").get("resources") or []
    except ClusterError as error:
        if error.status != NOT_FOUND:
            raise
        return None
    for it in served:
        names = {it.get("name"), it.get("singularName"), str(it.get("kind")).lower()}
        if plural in names and "/" not in text(it, "name"):
            return Kind(
                kind=text(it, "kind"),
                plural=text(it, "name"),
                group=group,
                version=version,
                namespaced=bool(it.get("namespaced")),
            )
    return None
