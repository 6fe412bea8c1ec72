"""debug_node_dmesg: the kernel's messages of one node, by a job that runs `dmesg` there.

The job has one capability (SYSLOG) and nothing of the host else; the image is the operator's.
"""

from __future__ import annotations

from typing import Any, Final

from django.conf import settings
from pydantic import AliasChoices, Field

from agents.kubernetes import jobs
from agents.kubernetes.client import Cluster
from agents.kubernetes.kinds import JOB, NODE, Object
from agents.kubernetes.making import Effect
from agents.kubernetes.targets import Name, NamespaceArguments
from agents.runtime.tool import CallContext, Inspection, ToolResult
from governance.types import ActionClass, Impact

SECONDS: Final = 60


class DmesgArguments(NamespaceArguments):
    node_name: Name = Field(
        validation_alias=AliasChoices("node_name", "node"), description="Name of the node"
    )
    namespace: str = Field(
        default="default",
        max_length=253,
        description="Namespace that the job is made in, or the id of a database that runs in one.",
    )


def inspect(
    arguments: DmesgArguments, cluster: Cluster, namespace: str, context: CallContext
) -> Inspection:
    """The job, tried on the server without effect."""
    cluster.get(NODE, arguments.node_name)
    job = _job(arguments, namespace, context)
    cluster.create(JOB, job, namespace, dry_run=True)
    plan = (
        f"Run dmesg on node {arguments.node_name} by a job in namespace {namespace},"
        f" image {_image()}, with the capability SYSLOG. It is ended after {SECONDS} s and removed"
        f" {jobs.KEPT_S} s after its end."
    )
    return Inspection(impact=Impact(pods=1), plan=plan)


def run(
    arguments: DmesgArguments, cluster: Cluster, namespace: str, context: CallContext
) -> ToolResult:
    job = _job(arguments, namespace, context)
    return jobs.run_to_end(cluster, job, seconds=SECONDS)


def probe(
    arguments: DmesgArguments, cluster: Cluster, namespace: str, context: CallContext
) -> ToolResult | None:
    """After a crash: the job of this very call is there, or was never made."""
    return jobs.found(cluster, _job(arguments, namespace, context), seconds=SECONDS)


def _image() -> str:
    return str(settings.AURA.k8s_debug_image)


def _job(arguments: DmesgArguments, namespace: str, context: CallContext) -> Object:
    container: dict[str, Any] = {
        "name": jobs.CONTAINER,
        "image": _image(),
        "command": ["dmesg"],
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"], "add": ["SYSLOG"]},
            "runAsUser": 0,
        },
    }
    pod = {
        "nodeName": arguments.node_name,
        "tolerations": [{"operator": "Exists"}],  # a node in trouble is what this is for
        "containers": [container],
    }
    return jobs.job("dmesg", namespace, pod, seconds=SECONDS, context=context)


DMESG: Final = Effect(run=run, inspect=inspect, probe=probe, action_class=ActionClass.WRITE)
