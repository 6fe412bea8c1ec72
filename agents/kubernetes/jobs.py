"""kubectl_run_job: a job of one pod, waited for, with its log; it removes itself later."""

from __future__ import annotations

from typing import Any, Final

from pydantic import Field

from agents.kubernetes import logs, verified, workloads
from agents.kubernetes.client import Cluster
from agents.kubernetes.execution import MAX_WORDS
from agents.kubernetes.failures import CONFLICT, ClusterError
from agents.kubernetes.kinds import JOB, POD, Object
from agents.kubernetes.kubectl import OneNamespaceArguments
from agents.kubernetes.making import Effect
from agents.kubernetes.podstate import status as pod_status
from agents.kubernetes.reading import conditions, name_of, namespace_of, part, text
from agents.kubernetes.targets import Name
from agents.kubernetes.verified import Verdict
from agents.kubernetes.waiting import until
from agents.runtime.tool import CallContext, Inspection, ToolResult
from governance.types import Impact

MAX_WAIT_S: Final = 600
KEPT_S: Final = 600  # how long the cluster keeps a job that has ended
LOG_LINES: Final = 200
MAX_NAME: Final = 50  # with our suffix it must fit into a label
CALL: Final = "aura.dev/call"
CONTAINER: Final = "job"
_ENDS: Final = ("Complete", "Failed")


class JobArguments(OneNamespaceArguments):
    name: Name = Field(
        max_length=MAX_NAME, description="What to call the job; something unique is added"
    )
    image: str = Field(
        min_length=1,
        max_length=500,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/@-]*$",
        description="Container image, with a tag or digest",
    )
    command: tuple[str, ...] = Field(
        min_length=1,
        max_length=MAX_WORDS,
        description="Program and its arguments, one word each; there is no shell in between",
    )
    timeout_seconds: int = Field(
        default=120, ge=1, le=MAX_WAIT_S, description="How long it may take before it is ended"
    )


def inspect(
    arguments: JobArguments, cluster: Cluster, namespace: str, context: CallContext
) -> Inspection:
    """The job, tried on the server without effect."""
    cluster.create(JOB, _asked(arguments, namespace, context), namespace, dry_run=True)
    plan = (
        f"Run a job of one pod in namespace {namespace}, image {arguments.image}:\n"
        f"{list(arguments.command)}\nIt is ended after {arguments.timeout_seconds} s, not tried"
        f" again, gets no service account token, and is removed {KEPT_S} s after its end."
    )
    return Inspection(impact=Impact(pods=1), plan=plan)


def run(
    arguments: JobArguments, cluster: Cluster, namespace: str, context: CallContext
) -> ToolResult:
    made = _asked(arguments, namespace, context)
    return run_to_end(cluster, made, seconds=arguments.timeout_seconds)


def probe(
    arguments: JobArguments, cluster: Cluster, namespace: str, context: CallContext
) -> ToolResult | None:
    """After a crash: the job of this very call is there, or was never made."""
    made = _asked(arguments, namespace, context)
    return found(cluster, made, seconds=arguments.timeout_seconds)


def _asked(arguments: JobArguments, namespace: str, context: CallContext) -> Object:
    container: dict[str, Any] = {
        "name": CONTAINER,
        "image": arguments.image,
        "command": list(arguments.command),
        "securityContext": {"allowPrivilegeEscalation": False},
    }
    seconds = arguments.timeout_seconds
    pod = {"containers": [container]}
    return job(arguments.name, namespace, pod, seconds=seconds, context=context)


def job(
    name: str, namespace: str, pod: dict[str, Any], *, seconds: int, context: CallContext
) -> Object:
    """A job of one try, of this call alone: without a token, ended in time, removed afterwards."""
    labels = {"app.kubernetes.io/managed-by": "aura", CALL: context.call_id}
    spec = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
        **pod,
    }
    return {
        "apiVersion": JOB.api_version,
        "kind": JOB.kind,
        "metadata": {
            "name": f"{name.rstrip('-.')}-{context.call_id[:8]}",
            "namespace": namespace,
            "labels": labels,
        },
        "spec": {
            "backoffLimit": 0,
            "activeDeadlineSeconds": seconds,
            "ttlSecondsAfterFinished": KEPT_S,
            "template": {"metadata": {"labels": labels}, "spec": spec},
        },
    }


def run_to_end(cluster: Cluster, made: Object, *, seconds: int) -> ToolResult:
    """Make the job and wait for its end; the log is in the answer."""
    try:
        cluster.create(JOB, made, namespace_of(made))
    except ClusterError as error:
        if error.status != CONFLICT:
            raise
        # It is there: this call was begun before and broke off. Its name is the call's own.
    return _awaited(cluster, made, seconds)


def found(cluster: Cluster, made: Object, *, seconds: int) -> ToolResult | None:
    """The answer of a job that a call has made before a crash; None where it never did."""
    if cluster.find(JOB, name_of(made), namespace_of(made)) is None:
        return None
    return _awaited(cluster, made, seconds)


def _awaited(cluster: Cluster, made: Object, seconds: int) -> ToolResult:
    # A few seconds more than it may take: its end is written down after it has happened.
    name, namespace = name_of(made), namespace_of(made)
    job, looked = until(
        lambda: cluster.get(JOB, name, namespace),
        lambda job: workloads.job_status(job) in _ENDS,
        seconds=seconds + 5.0,
    )
    status = workloads.job_status(job)
    log = _log(cluster, namespace, job)
    why = "; ".join(
        said for kind, state, said in conditions(job) if (kind, state) == ("Failed", "True")
    )
    data = {"job": name, "status": status, "namespace": namespace, "log": log}
    if status == "Complete":
        words = f"Job {name} is complete.\n{log}"
        return verified.result(Verdict.OK, words, looks=looked, data=data)
    said = f"failed: {why}" if status == "Failed" else f"has not ended (it is {status})"
    words = f"job {name} {said}\n{log}"
    return verified.result(Verdict.WARNING, words, looks=looked, data=data)


def _log(cluster: Cluster, namespace: str, job: Object) -> str:
    """The end of the log of its pod, or why there is none."""
    call = text(part(job, "metadata", "labels"), CALL)
    try:
        pods = cluster.list(POD, namespace, labels=f"{CALL}={call}").items
        if not pods:
            return "It has no pod."
        pod = pods[-1]
        found = logs.tail(
            cluster, pod, namespace, container=CONTAINER, lines=LOG_LINES, previous=False
        )
    except ClusterError as error:
        return f"Its log cannot be shown. {error.diagnosis}"
    else:
        return found.content if found.data["lines"] else f"{found.content} Pod: {pod_status(pod)}."


JOB_RUN: Final = Effect(run=run, inspect=inspect, probe=probe)
