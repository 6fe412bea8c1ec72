"""restart_deployment: a rollout of the same template, verified and watched for a while."""

from __future__ import annotations

from typing import Any, Final

from django.utils.timezone import now
from pydantic import Field

from agents.kubernetes import verified, workloads
from agents.kubernetes.client import STRATEGIC, Cluster
from agents.kubernetes.failures import ClusterError
from agents.kubernetes.kinds import DEPLOYMENT, Object
from agents.kubernetes.making import Effect
from agents.kubernetes.reading import at, images, name_of, number, part, text, uid_of
from agents.kubernetes.targets import Name, NamespaceArguments
from agents.kubernetes.verified import Verdict
from agents.kubernetes.waiting import until
from agents.kubernetes.words import listed
from agents.runtime.tool import CallContext, Inspection, ToolResult
from governance.types import Impact

RESTARTED: Final = "kubectl.kubernetes.io/restartedAt"
CALL: Final = "aura.dev/restarted-by-call"  # on the deployment: which call it was
MAX_WAIT_S: Final = 300


class RestartArguments(NamespaceArguments):
    namespace: str = Field(
        max_length=253,
        description="Namespace, or the id of a database of the inventory that runs in one",
    )
    deployment: Name = Field(description="Name of the deployment")
    wait_seconds: int = Field(
        default=60, ge=0, le=MAX_WAIT_S, description="How long to watch the rollout"
    )


def inspect(
    arguments: RestartArguments, cluster: Cluster, namespace: str, context: CallContext
) -> Inspection:
    """What would be restarted, tried on the server without effect."""
    found = _restartable(arguments, cluster, namespace)
    _patch(arguments, cluster, namespace, uid_of(found), context, dry_run=True)
    numbers = workloads.counts(found)
    pods = max(numbers["desired"], numbers["current"])
    strategy = text(found, "spec", "strategy", "type") or "RollingUpdate"
    plan = [
        f"Restart deployment {name_of(found)} in namespace {namespace} (uid {uid_of(found)}).",
        f"Each of its {pods} pods is replaced; {numbers['ready']} of them are ready now.",
        "All pods go before new ones come (strategy Recreate): it is down meanwhile."
        if strategy == "Recreate"
        else "New pods come before old ones go (strategy RollingUpdate).",
        f"Images: {listed(images(found))}.",
    ]
    return Inspection(impact=Impact(pods=pods), plan="\n".join(plan), preconditions=identity(found))


def identity(workload: Object) -> dict[str, Any]:
    """What must still hold when a change is made: the same object with the same spec."""
    return {"uid": uid_of(workload), "generation": number(workload, "metadata", "generation")}


def run(
    arguments: RestartArguments, cluster: Cluster, namespace: str, context: CallContext
) -> ToolResult:
    found = _restartable(arguments, cluster, namespace)
    if not _is_ours(found, context):
        uid = str(context.preconditions.get("uid") or uid_of(found))
        found = _patch(arguments, cluster, namespace, uid, context, dry_run=False)
    return _watched(arguments, cluster, namespace, found)


def probe(
    arguments: RestartArguments, cluster: Cluster, namespace: str, context: CallContext
) -> ToolResult | None:
    """After a crash: the deployment says which call restarted it last."""
    found = cluster.get(DEPLOYMENT, arguments.deployment, namespace)
    return _watched(arguments, cluster, namespace, found) if _is_ours(found, context) else None


def _restartable(arguments: RestartArguments, cluster: Cluster, namespace: str) -> Object:
    found = cluster.get(DEPLOYMENT, arguments.deployment, namespace)
    if at(found, "spec", "paused"):
        raise ClusterError(
            f"Deployment {arguments.deployment} is paused: a restart would do nothing until its"
            " rollout is resumed."
        )
    return found


def _is_ours(deployment: Object, context: CallContext) -> bool:
    return text(part(deployment, "metadata", "annotations"), CALL) == context.call_id


def _patch(
    arguments: RestartArguments,
    cluster: Cluster,
    namespace: str,
    uid: str,
    context: CallContext,
    *,
    dry_run: bool,
) -> Object:
    """The annotation that kubectl sets too; the UID is a precondition."""
    patch = {
        "metadata": {"uid": uid, "annotations": {CALL: context.call_id}},
        "spec": {"template": {"metadata": {"annotations": {RESTARTED: _moment()}}}},
    }
    return cluster.patch(
        DEPLOYMENT,
        arguments.deployment,
        namespace,
        patch,
        content_type=STRATEGIC,
        dry_run=dry_run,
    )


def _moment() -> str:
    """Now, exactly enough that two restarts never have the same."""
    return now().isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _watched(
    arguments: RestartArguments, cluster: Cluster, namespace: str, patched: Object
) -> ToolResult:
    """Looks whether the annotation stays, and how far the rollout gets."""
    stamp = _stamp(patched)
    found, looked = until(
        lambda: cluster.get(DEPLOYMENT, arguments.deployment, namespace),
        lambda it: _stamp(it) != stamp or workloads.settled(it) or bool(workloads.stuck(it)),
        seconds=arguments.wait_seconds,
    )
    return _verdict(arguments, namespace, found, stamp=stamp, looked=looked)


def _verdict(
    arguments: RestartArguments, namespace: str, found: Object, *, stamp: str, looked: int
) -> ToolResult:
    name, numbers = arguments.deployment, workloads.counts(found)
    state = (
        f"{numbers['updated']} of {numbers['desired']} pods are new, {numbers['ready']} are ready"
    )
    data = {
        "namespace": namespace,
        "deployment": name,
        "restarted_at": stamp,
        "pods": numbers,
        "rollout_complete": workloads.settled(found),
    }
    verdict, words = Verdict.OK, f"Deployment {name} was restarted at {stamp}: {state}."
    if not stamp or _stamp(found) != stamp:
        verdict = Verdict.ESCALATION
        words = (
            f"the restart of deployment {name} did not stay: the annotation {RESTARTED} is"
            f" {_stamp(found) or 'gone'}. Somebody else sets this deployment, e.g. Argo CD."
        )
    elif why := workloads.stuck(found):
        verdict = Verdict.ESCALATION
        words = f"deployment {name} was restarted and its rollout is stuck: {state}. {why}"
    elif not workloads.settled(found):
        verdict = Verdict.WARNING
        words = (
            f"deployment {name} was restarted; after {arguments.wait_seconds} s its rollout goes"
            f" on: {state}. Look again with get_deployments."
        )
    return verified.result(verdict, words, looks=looked, data=data)


def _stamp(deployment: Object) -> str:
    return text(part(deployment, "spec", "template", "metadata", "annotations"), RESTARTED)


RESTART: Final = Effect(run=run, inspect=inspect, probe=probe)
