"""scale_deployment: another number of pods, which must stay while somebody looks."""

from __future__ import annotations

import time
from typing import Any, Final, Literal

from pydantic import Field

from agents.kubernetes import verified, workloads
from agents.kubernetes.client import Cluster
from agents.kubernetes.failures import ClusterError
from agents.kubernetes.kinds import AUTOSCALER, DEPLOYMENT, STATEFUL_SET, Kind, Object
from agents.kubernetes.making import Effect
from agents.kubernetes.reading import name_of, number, text, uid_of
from agents.kubernetes.rollouts import identity
from agents.kubernetes.targets import Name, NamespaceArguments
from agents.kubernetes.verified import Verdict
from agents.kubernetes.waiting import until
from agents.kubernetes.words import counted
from agents.runtime.tool import CallContext, Inspection, ToolResult
from governance.types import Impact

MAX_REPLICAS: Final = 10_000
STAYS_S: Final = 3.0  # the number must stay that long: what sets it mostly acts within seconds
MAX_WAIT_S: Final = 300
_KINDS: Final = {"deployment": DEPLOYMENT, "statefulset": STATEFUL_SET}


class ScaleArguments(NamespaceArguments):
    namespace: str = Field(
        max_length=253,
        description="Namespace, or the id of a database of the inventory that runs in one",
    )
    deployment: Name = Field(description="Name of the deployment (or stateful set, see kind)")
    replicas: int = Field(ge=0, le=MAX_REPLICAS, description="How many pods it shall have")
    kind: Literal["deployment", "statefulset"] = Field(
        default="deployment", description="What is scaled"
    )
    wait_seconds: int = Field(
        default=30, ge=0, le=MAX_WAIT_S, description="How long to wait for the pods"
    )

    @property
    def wanted(self) -> Kind:
        return _KINDS[self.kind]


def inspect(
    arguments: ScaleArguments, cluster: Cluster, namespace: str, context: CallContext
) -> Inspection:
    """From how many to how many; `pods` is what will be there, or go, whichever is more."""
    del context
    found = cluster.get(arguments.wanted, arguments.deployment, namespace)
    _patch(arguments, cluster, namespace, uid_of(found), dry_run=True)
    numbers = workloads.counts(found)
    now, then = max(numbers["desired"], numbers["current"]), arguments.replicas
    plan = [
        f"Scale {arguments.kind} {name_of(found)} in namespace {namespace} (uid {uid_of(found)}).",
        f"From {numbers['desired']} to {then} pods; {numbers['ready']} are ready now.",
    ]
    if not then:
        plan.append("Nothing of it runs afterwards.")
    if autoscaler := _autoscaler(arguments, cluster, namespace):
        plan.append(f"{autoscaler} sets this number itself and may undo it.")
    return Inspection(
        impact=Impact(pods=max(then, now - then)),
        plan="\n".join(plan),
        preconditions=identity(found),
    )


def run(
    arguments: ScaleArguments, cluster: Cluster, namespace: str, context: CallContext
) -> ToolResult:
    found = cluster.get(arguments.wanted, arguments.deployment, namespace)
    before = number(found, "spec", "replicas", usual=1)
    uid = str(context.preconditions.get("uid") or uid_of(found))
    _patch(arguments, cluster, namespace, uid, dry_run=False)
    return _verified(arguments, cluster, namespace, before)


def _patch(
    arguments: ScaleArguments, cluster: Cluster, namespace: str, uid: str, *, dry_run: bool
) -> Object:
    return cluster.patch(
        arguments.wanted,
        arguments.deployment,
        namespace,
        {"metadata": {"uid": uid}, "spec": {"replicas": arguments.replicas}},
        subresource="scale",
        dry_run=dry_run,
    )


def _verified(
    arguments: ScaleArguments, cluster: Cluster, namespace: str, before: int
) -> ToolResult:
    """Looks at `spec.replicas` until the pods are there, and some seconds longer."""
    began = time.monotonic()

    def enough(found: Object) -> bool:
        stays = number(found, "spec", "replicas", usual=1) == arguments.replicas
        long_enough = time.monotonic() - began >= STAYS_S
        return not stays or (workloads.settled(found) and long_enough)

    found, looked = until(
        lambda: cluster.get(arguments.wanted, arguments.deployment, namespace),
        enough,
        seconds=arguments.wait_seconds,
    )
    return _verdict(arguments, cluster, namespace, found, before=before, looked=looked)


def _verdict(
    arguments: ScaleArguments,
    cluster: Cluster,
    namespace: str,
    found: Object,
    *,
    before: int,
    looked: int,
) -> ToolResult:
    what = f"{arguments.kind} {arguments.deployment}"
    numbers, wanted = workloads.counts(found), arguments.replicas
    data: dict[str, Any] = {
        "namespace": namespace,
        "deployment": arguments.deployment,
        "replicas_before": before,
        "replicas": numbers["desired"],
        "pods": numbers,
    }
    state = f"{numbers['ready']} of {counted(wanted, 'pod')} ready"
    verdict = Verdict.OK
    words = f"{what.capitalize()} was scaled from {before} to {wanted}: {state}."
    if numbers["desired"] != wanted:
        verdict = Verdict.ESCALATION
        who = _autoscaler(arguments, cluster, namespace) or "somebody, e.g. Argo CD,"
        words = (
            f"{what} was set to {wanted} and has {numbers['desired']} again: {who} sets it. Change"
            " it where it is set."
        )
    elif not workloads.settled(found):
        verdict = Verdict.WARNING
        words = (
            f"{what} was scaled from {before} to {wanted}; not all pods are there yet: {state}."
            f" {workloads.stuck(found)}"
        ).rstrip()
    return verified.result(verdict, words, looks=looked, data=data)


def _autoscaler(arguments: ScaleArguments, cluster: Cluster, namespace: str) -> str:
    """The autoscaler that sets the same number, if one is seen."""
    try:
        found = cluster.list(AUTOSCALER, namespace)
    except ClusterError:
        return ""  # may not be looked at, or is not served
    for it in found.items:
        aim = (
            text(it, "spec", "scaleTargetRef", "kind"),
            text(it, "spec", "scaleTargetRef", "name"),
        )
        if aim == (arguments.wanted.kind, arguments.deployment):
            low, high = (
                number(it, "spec", "minReplicas", usual=1),
                number(it, "spec", "maxReplicas"),
            )
            return f"The autoscaler {name_of(it)} ({low} to {high} pods)"
    return ""


SCALING: Final = Effect(run=run, inspect=inspect, idempotent=True)
