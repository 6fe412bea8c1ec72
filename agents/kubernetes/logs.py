"""Logs of containers. What they say comes from outside, and is bounded and without credentials."""

from __future__ import annotations

from typing import Final

from pydantic import AliasChoices, Field

from agents.kubernetes.client import Cluster
from agents.kubernetes.failures import BAD_REQUEST, ClusterError
from agents.kubernetes.kinds import POD, Object
from agents.kubernetes.podstate import state_words
from agents.kubernetes.reading import part, parts, text
from agents.kubernetes.targets import Name, NamespaceArguments, OptionalName
from agents.kubernetes.words import listed, plain
from agents.runtime.tool import ToolResult
from aura.kernel.secrets import redact

MAX_BYTES: Final = 256 << 10  # of one log
MAX_LINES: Final = 5000
DEFAULT_CONTAINER: Final = "kubectl.kubernetes.io/default-container"


class LogsArguments(NamespaceArguments):
    pod_name: Name = Field(
        validation_alias=AliasChoices("pod_name", "pod"), description="Name of the pod"
    )
    container: OptionalName = Field(
        default="", description="Container; the pod's default one when left out"
    )
    tail_lines: int = Field(
        default=50,
        ge=1,
        le=MAX_LINES,
        validation_alias=AliasChoices("tail_lines", "lines"),
        description="How many lines from the end",
    )
    previous: bool = Field(
        default=False, description="The log of the container before its last restart"
    )


def get_pod_logs(arguments: LogsArguments, cluster: Cluster, namespace: str) -> ToolResult:
    """The last lines of a container's log."""
    pod = cluster.get(POD, arguments.pod_name, namespace)
    return tail(
        cluster,
        pod,
        namespace,
        container=arguments.container,
        lines=arguments.tail_lines,
        previous=arguments.previous,
    )


def tail(
    cluster: Cluster, pod: Object, namespace: str, *, container: str, lines: int, previous: bool
) -> ToolResult:
    """The end of one log, with what stands in for it where there is none."""
    name = text(pod, "metadata", "name")
    chosen = container_of(pod, container)
    query = (
        ("container", chosen),
        ("tailLines", str(lines)),
        ("limitBytes", str(MAX_BYTES)),
        ("previous", str(previous).lower()),
    )
    try:
        log = cluster.text(POD.path(namespace=namespace, name=name, subresource="log"), query)
    except ClusterError as error:
        if error.status != BAD_REQUEST or not _waits(pod, chosen):
            raise
        log = ""  # it has not begun to write one
    log = redact(plain(log.replace("\r\n", "\n"))).rstrip("\n")
    whole = len(log.encode()) < MAX_BYTES
    shown = f"{log}\n[cut after {MAX_BYTES >> 10} KB; ask for fewer lines]" if not whole else log
    data = {
        "namespace": namespace,
        "pod": name,
        "container": chosen,
        "previous": previous,
        "lines": len(log.splitlines()),
        "complete": whole,
    }
    return ToolResult(content=shown or _silence(pod, chosen, previous=previous), data=data)


def container_of(pod: Object, wanted: str) -> str:
    """The container to ask for. Raises `ClusterError` naming those that there are."""
    names = [
        text(it, "name")
        for kind in ("containers", "initContainers", "ephemeralContainers")
        for it in parts(pod, "spec", kind)
    ]
    usual = text(part(pod, "metadata", "annotations"), DEFAULT_CONTAINER)
    chosen = wanted or (usual if usual in names else next(iter(names), ""))
    if chosen not in names:
        raise ClusterError(f"The pod has no container {chosen!r}; it has: {listed(names)}.")
    return chosen


def status_of(pod: Object, container: str) -> Object:
    """What the kubelet says of a container; empty where it says nothing yet."""
    statuses = parts(pod, "status", "containerStatuses") + parts(
        pod, "status", "initContainerStatuses"
    )
    return next((it for it in statuses if text(it, "name") == container), {})


def _waits(pod: Object, container: str) -> bool:
    return bool(part(status_of(pod, container), "state", "waiting"))


def _silence(pod: Object, container: str, *, previous: bool) -> str:
    status = status_of(pod, container)
    state = state_words(part(status, "state"))
    hint = "" if previous or not status.get("restartCount") else " Try previous=true."
    return f"The log of container {container} is empty. The container is {state}.{hint}"
