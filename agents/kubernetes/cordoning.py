"""cordon_node and uncordon_node: whether new pods may be put on a node."""

from __future__ import annotations

from functools import partial

from pydantic import Field

from agents.kubernetes import nodes, verified
from agents.kubernetes.client import Cluster
from agents.kubernetes.kinds import NODE, POD
from agents.kubernetes.making import Effect
from agents.kubernetes.reading import at, uid_of
from agents.kubernetes.targets import ContextArguments, Name
from agents.kubernetes.verified import Verdict
from agents.runtime.tool import CallContext, Inspection, ToolResult
from governance.types import ActionClass, Impact


class CordonArguments(ContextArguments):
    node_name: Name = Field(description="Name of the node")


def inspect(
    arguments: CordonArguments,
    cluster: Cluster,
    namespace: str,
    context: CallContext,
    *,
    closed: bool,
) -> Inspection:
    """The node, and the pods on it, which stay where they are."""
    del namespace, context
    name = arguments.node_name
    node = cluster.get(NODE, name)
    cluster.patch(NODE, name, "", _patch(uid_of(node), closed=closed), dry_run=True)
    pods = len(cluster.list(POD, fields=f"spec.nodeName={name}").items)
    what = "no new pods are put on it" if closed else "new pods may be put on it again"
    plan = f"Node {name} is {nodes.status(node)} and has {pods} pods, which stay: {what}."
    return Inspection(impact=Impact(pods=0), plan=plan, preconditions={"uid": uid_of(node)})


def run(
    arguments: CordonArguments,
    cluster: Cluster,
    namespace: str,
    context: CallContext,
    *,
    closed: bool,
) -> ToolResult:
    del namespace
    name = arguments.node_name
    uid = str(context.preconditions.get("uid") or uid_of(cluster.get(NODE, name)))
    cluster.patch(NODE, name, "", _patch(uid, closed=closed))
    node = cluster.get(NODE, name)
    done = bool(at(node, "spec", "unschedulable")) is closed
    words = f"Node {name} is {nodes.status(node)}."
    verdict = Verdict.OK if done else Verdict.ESCALATION
    return verified.result(verdict, words, looks=1, data={"node": name, "cordoned": closed})


def _patch(uid: str, *, closed: bool) -> dict[str, object]:
    return {"metadata": {"uid": uid}, "spec": {"unschedulable": closed}}


def cordon(*, closed: bool) -> Effect:
    """Closing a node to new pods, or opening it again."""
    return Effect(
        run=partial(run, closed=closed),
        inspect=partial(inspect, closed=closed),
        idempotent=True,
        action_class=ActionClass.WRITE,
    )
