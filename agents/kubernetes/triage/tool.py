"""The tool: what is wrong in a namespace, or with a workload wherever it runs."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from pydantic import Field, model_validator

from agents.kubernetes import targets
from agents.kubernetes.client import Cluster
from agents.kubernetes.failures import ClusterError
from agents.kubernetes.kinds import (
    CRON_JOB,
    DAEMON_SET,
    DEPLOYMENT,
    JOB,
    POD,
    SERVICE,
    STATEFUL_SET,
    Kind,
)
from agents.kubernetes.reading import name_of, namespace_of
from agents.kubernetes.targets import ContextArguments, OptionalName, Target
from agents.kubernetes.triage.gather import gather
from agents.kubernetes.triage.judge import triage
from agents.kubernetes.triage.snapshot import Snapshot
from agents.kubernetes.words import listed
from agents.runtime.tool import Arguments, ToolResult
from agents.triage import report

_KINDS: Final[tuple[Kind, ...]] = (
    DEPLOYMENT,
    STATEFUL_SET,
    DAEMON_SET,
    CRON_JOB,
    JOB,
    SERVICE,
    POD,
)


class TriageArguments(ContextArguments):
    namespace: str = Field(
        default="",
        max_length=253,
        description="Namespace, or the id of a database of the inventory that runs in one. May be"
        " left out where only one namespace has the workload.",
    )
    workload: OptionalName = Field(
        default="",
        description="Name of a deployment, service, pod or job that is asked about; its causes"
        " come first",
    )

    @model_validator(mode="after")
    def _something_is_said(self) -> TriageArguments:
        if not self.workload and self.namespace in ("", targets.ALL):
            raise ValueError("name a namespace, or a workload")
        return self


class TicketTriageArguments(Arguments):
    """In a ticket the cluster is that of the settings."""

    namespace: str = Field(min_length=1, max_length=253, description="Namespace")
    workload: OptionalName = Field(
        default="", description="Name of what is asked about; its causes come first"
    )


def target_of_call(arguments: TriageArguments) -> Target:
    """The namespace; the whole cluster while only a workload is named."""
    if arguments.namespace in ("", targets.ALL):
        return targets.whole_cluster(arguments.context)
    return targets.in_namespace(arguments.namespace, arguments.context)


def triage_namespace(
    arguments: TriageArguments | TicketTriageArguments, cluster: Cluster, namespace: str
) -> ToolResult:
    """The report as text, and as data in the shape of `agents.triage.report.data`."""
    where = namespace
    if not where and isinstance(arguments, TriageArguments):
        where = _home(arguments, cluster)
    snapshot = gather(cluster, where, about=arguments.workload)
    if snapshot.lacks("Namespace", where):
        raise ClusterError(f"There is no namespace {where!r} in this cluster.")
    found = triage(snapshot, arguments.workload)
    if unheard := _unheard(snapshot, arguments.workload):
        found = replace(found, missing=(unheard, *found.missing))
    return ToolResult(content=report.text(found), data=report.data(found))


def _unheard(snapshot: Snapshot, workload: str) -> str:
    """That nothing has the name which is asked about; "" where something has it."""
    if not workload or any(name_of(it) == workload for it in snapshot.items):
        return ""
    kinds = [kind.kind for kind in _KINDS if kind is not POD]
    there = sorted({name_of(it) for it in snapshot.all(*kinds)})
    names = listed(there) if there else "nothing"
    return f"namespace {snapshot.namespace} has nothing named {workload}; it has: {names}"


def _home(arguments: TriageArguments, cluster: Cluster) -> str:
    """The one namespace that has the workload. Raises `ClusterError` for none or several."""
    name = arguments.workload
    for kind in _KINDS:
        found = cluster.list(kind, fields=f"metadata.name={name}").items
        homes = sorted({namespace_of(it) for it in found})
        if len(homes) > 1:
            raise ClusterError(f"Several namespaces have a {name}: {listed(homes)}. Name one.")
        if homes:  # it must be one that may be asked about
            return targets.in_namespace(homes[0], arguments.context).namespace
    raise ClusterError(f"No namespace has a workload named {name!r}.")
