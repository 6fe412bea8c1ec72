"""Makes tools of functions that take a cluster: the target found, the failures put into words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from agents.kubernetes import targets
from agents.kubernetes.client import Cluster
from agents.kubernetes.failures import told
from agents.kubernetes.targets import Target
from agents.runtime.tool import (
    Arguments,
    CallContext,
    Inspection,
    Tool,
    ToolFailure,
    ToolResult,
)
from governance.types import ActionClass, Resource

Locate = Callable[[Any], Target]
_TITLES: Final = {
    "debug_node_dmesg": "Read Kernel Messages of a Node",
    "get_configmaps": "Get Config Maps",
    "get_cronjobs": "Get Cron Jobs",
    "get_daemonsets": "Get Daemon Sets",
    "get_pvcs": "Get Persistent Volume Claims",
    "get_statefulsets": "Get Stateful Sets",
}

Look = Callable[[Any, Cluster, str], ToolResult]
Change = Callable[[Any, Cluster, str, CallContext], ToolResult]
Inspect = Callable[[Any, Cluster, str, CallContext], Inspection]
Probe = Callable[[Any, Cluster, str, CallContext], ToolResult | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What a changing tool does; see `Tool` for the words. `probe` and `idempotent` exclude each
    other; with neither, nobody can tell after a crash whether it took effect.
    """

    run: Change
    inspect: Inspect
    probe: Probe | None = None
    idempotent: bool = False
    action_class: ActionClass = ActionClass.DESTRUCTIVE


def namespace_of_call(arguments: Any) -> Target:
    """For tools that work in exactly one namespace."""
    if arguments.namespace == targets.ALL:
        raise ToolFailure("Name one namespace: this tool looks at one object.")
    return targets.in_namespace(arguments.namespace, arguments.context)


def any_namespace_of_call(arguments: Any) -> Target:
    return targets.in_namespace(arguments.namespace, arguments.context)


def cluster_of_call(arguments: Any) -> Target:
    return targets.whole_cluster(arguments.context)


def node_of_call(arguments: Any) -> Target:
    """For tools that start a pod in one namespace to look at a node."""
    if arguments.namespace == targets.ALL:
        raise ToolFailure("Name one namespace: the pod is made in it.")
    return targets.node_from_namespace(arguments.namespace, arguments.context)


def look(
    name: str,
    description: str,
    parameters: type[Arguments],
    answer: Look,
    *,
    locate: Locate = any_namespace_of_call,
    tags: tuple[str, ...] = (),
    examples: tuple[str, ...] = (),
) -> Tool:
    """A tool that only looks."""

    def run(arguments: Any, context: CallContext) -> ToolResult:
        del context
        target = locate(arguments)
        with told(name, target.label):
            return answer(arguments, target.cluster(), target.namespace)

    return Tool(
        name=name,
        description=description,
        action_class=ActionClass.READ,
        parameters=parameters,
        run=run,
        resource=_resource(locate),
        title=_TITLES.get(name) or name.replace("_", " ").title(),
        tags=("kubernetes", *tags),
        examples=examples,
    )


def change(
    name: str,
    description: str,
    parameters: type[Arguments],
    effect: Effect,
    *,
    locate: Locate = namespace_of_call,
    tags: tuple[str, ...] = (),
    examples: tuple[str, ...] = (),
) -> Tool:
    """A tool that changes something."""

    def run(arguments: Any, context: CallContext) -> ToolResult:
        target = locate(arguments)
        with told(name, target.label):
            return effect.run(arguments, target.cluster(), target.namespace, context)

    def seen(arguments: Any, context: CallContext) -> Inspection:
        target = locate(arguments)
        with told(name, target.label):
            return effect.inspect(arguments, target.cluster(), target.namespace, context)

    def found(arguments: Any, context: CallContext) -> ToolResult | None:
        assert effect.probe is not None  # noqa: S101 - only then it is the tool's
        target = locate(arguments)
        with told(name, target.label):
            return effect.probe(arguments, target.cluster(), target.namespace, context)

    return Tool(
        name=name,
        description=description,
        action_class=effect.action_class,
        parameters=parameters,
        run=run,
        resource=_resource(locate),
        idempotent=effect.idempotent,
        probe=found if effect.probe else None,
        inspect=seen,
        alone=True,
        title=_TITLES.get(name) or name.replace("_", " ").title(),
        tags=("kubernetes", *tags),
        examples=examples,
    )


def _resource(locate: Locate) -> Callable[[Any], Resource]:
    return lambda arguments: locate(arguments).resource
