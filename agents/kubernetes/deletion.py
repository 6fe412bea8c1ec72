"""delete_pod: exactly the pod that was looked at, by its UID, and gone afterwards."""

from __future__ import annotations

from typing import Any, Final

from pydantic import AliasChoices, Field

from agents.kubernetes import podstate, verified
from agents.kubernetes.client import Cluster
from agents.kubernetes.failures import CONFLICT, NOT_FOUND, ClusterError
from agents.kubernetes.kinds import POD, Object
from agents.kubernetes.making import Effect
from agents.kubernetes.reading import age_of, at, name_of, number, owner_of, text, uid_of
from agents.kubernetes.targets import Name, NamespaceArguments
from agents.kubernetes.verified import Verdict
from agents.kubernetes.waiting import until
from agents.kubernetes.words import listed
from agents.runtime.tool import CallContext, Inspection, ToolFailure, ToolResult
from governance.types import Impact

MAX_GRACE_S: Final = 3600
LONGEST_WAIT_S: Final = 60.0
AFTER_GRACE_S: Final = 10.0


class DeleteArguments(NamespaceArguments):
    namespace: str = Field(
        max_length=253,
        description="Namespace, or the id of a database of the inventory that runs in one",
    )
    pod_name: Name = Field(
        validation_alias=AliasChoices("pod_name", "pod"), description="Name of the pod"
    )
    grace_period_seconds: int | None = Field(
        default=None,
        ge=0,
        le=MAX_GRACE_S,
        description="Seconds the pod gets to end by itself; 0 kills it at once; the pod's own time"
        " when left out",
    )


def inspect(
    arguments: DeleteArguments, cluster: Cluster, namespace: str, context: CallContext
) -> Inspection:
    """The pod that would go, and whether the server would let it."""
    del context
    pod = cluster.get(POD, arguments.pod_name, namespace)
    uid = uid_of(pod)
    cluster.delete(POD, arguments.pod_name, namespace, _options(arguments, uid), dry_run=True)
    return Inspection(
        impact=Impact(pods=1), plan=_plan(arguments, pod, namespace), preconditions={"uid": uid}
    )


def _plan(arguments: DeleteArguments, pod: Object, namespace: str) -> str:
    have, want = podstate.ready(pod)
    owner = owner_of(pod)
    grace = _grace(arguments, pod)
    state = f"{podstate.status(pod)}, {have}/{want} ready, {podstate.restarts(pod)} restarts"
    node = text(pod, "spec", "nodeName") or "none"
    lines = [
        f"Delete pod {name_of(pod)} in namespace {namespace} (uid {uid_of(pod)}).",
        f"It is {state}, {age_of(pod)} old, on node {node}.",
        f"It gets {grace} s to end by itself." if grace else "It is killed at once (grace 0).",
        f"{owner[0]} {owner[1]} makes another one in its place."
        if owner
        else "NOTHING makes another one: no controller owns this pod.",
    ]
    if finalizers := at(pod, "metadata", "finalizers"):
        lines.append(f"Finalizers may hold it: {listed(finalizers)}.")
    return "\n".join(lines)


def run(
    arguments: DeleteArguments, cluster: Cluster, namespace: str, context: CallContext
) -> ToolResult:
    name = arguments.pod_name
    pod = cluster.find(POD, name, namespace)
    uid = str(context.preconditions.get("uid") or (uid_of(pod) if pod else ""))
    if pod is None or uid_of(pod) != uid:
        return _gone(arguments, namespace, uid, pod, looked=1)
    try:
        cluster.delete(POD, name, namespace, _options(arguments, uid), dry_run=False)
    except ClusterError as error:
        if error.status not in (NOT_FOUND, CONFLICT):
            raise
        # It went, or another took its name, between the look and the request.
    return _verified(arguments, cluster, namespace, uid, _grace(arguments, pod))


def probe(
    arguments: DeleteArguments, cluster: Cluster, namespace: str, context: CallContext
) -> ToolResult | None:
    """After a crash: the pod that was to go is gone, is going, or is untouched."""
    uid = str(context.preconditions.get("uid") or "")
    if not uid:
        raise ToolFailure("which pod it was to delete is not known")
    pod = cluster.find(POD, arguments.pod_name, namespace)
    if pod is not None and uid_of(pod) == uid and not at(pod, "metadata", "deletionTimestamp"):
        return None
    return _verified(arguments, cluster, namespace, uid, 0)


def _options(arguments: DeleteArguments, uid: str) -> dict[str, Any]:
    options: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "preconditions": {"uid": uid},
    }
    if arguments.grace_period_seconds is not None:
        options["gracePeriodSeconds"] = arguments.grace_period_seconds
    return options


def _grace(arguments: DeleteArguments, pod: Object) -> int:
    given = arguments.grace_period_seconds
    return given if given is not None else number(pod, "spec", "terminationGracePeriodSeconds")


def _verified(
    arguments: DeleteArguments, cluster: Cluster, namespace: str, uid: str, grace: int
) -> ToolResult:
    """Looks until the pod of this UID is gone; one of the same name may be there already."""
    pod, looked = until(
        lambda: cluster.find(POD, arguments.pod_name, namespace),
        lambda pod: pod is None or uid_of(pod) != uid,
        seconds=min(grace + AFTER_GRACE_S, LONGEST_WAIT_S),
    )
    if pod is None or uid_of(pod) != uid:
        return _gone(arguments, namespace, uid, pod, looked=looked)
    return _still_there(arguments, namespace, uid, pod, looked=looked)


def _gone(
    arguments: DeleteArguments, namespace: str, uid: str, pod: Object | None, *, looked: int
) -> ToolResult:
    name = arguments.pod_name
    words = f"Pod {name} in namespace {namespace} (uid {uid}) is gone."
    data = {"namespace": namespace, "pod": name, "uid": uid}
    if pod is not None:
        words += (
            f" A new pod of the same name (uid {uid_of(pod)}) is in its place:"
            f" {podstate.status(pod)}."
        )
        data["replaced_by"] = uid_of(pod)
    return verified.result(Verdict.OK, words, looks=looked, data=data)


def _still_there(
    arguments: DeleteArguments, namespace: str, uid: str, pod: Object, *, looked: int
) -> ToolResult:
    data = {"namespace": namespace, "pod": arguments.pod_name, "uid": uid}
    held = at(pod, "metadata", "finalizers")
    if not at(pod, "metadata", "deletionTimestamp"):
        words = f"pod {arguments.pod_name} is there as before: the cluster did not delete it."
        return verified.result(Verdict.ESCALATION, words, looks=looked, data=data)
    why = (
        f"its finalizers hold it until whoever set them is done: {listed(held)}"
        if held
        else "it uses its grace period, or its node does not answer; look again later"
    )
    words = f"pod {arguments.pod_name} is being deleted and still there: {why}."
    return verified.result(Verdict.WARNING, words, looks=looked, data=data)


DELETION: Final = Effect(run=run, inspect=inspect, probe=probe)
