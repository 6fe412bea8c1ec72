"""How things are broken: an application that is well, and what is done to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from agents.evaluation.case import Case
from agents.evaluation.kubernetes import objects
from agents.evaluation.kubernetes.objects import API, WEB
from agents.evaluation.kubernetes.seeing import Seen, well
from agents.evaluation.kubernetes.target import SandboxTarget
from agents.kubernetes.reading import name_of
from agents.kubernetes.triage.conditions import holds

Break = Callable[[SandboxTarget], None]


@contextmanager
def healthy(target: SandboxTarget) -> Iterator[None]:
    """The application as it should be, ready."""
    with target.fresh():
        for name in (API, WEB):
            target.put(objects.workload(name))
            target.put(objects.service(name))
        target.until(well)
        yield


def untouched(_: SandboxTarget) -> None:
    """Nothing outside of the namespace was changed."""


def case(
    name: str,
    *expected: str,
    broken: Break,
    seen: Seen,
    about: str = "",
    afterwards: Break = untouched,
) -> Case[SandboxTarget]:
    """A case: `broken` is done to the application, and waited for until it is `seen`.

    `afterwards` takes back what deleting the namespace does not.
    """

    @contextmanager
    def inject(target: SandboxTarget) -> Iterator[None]:
        with healthy(target):
            try:
                broken(target)
                target.until(seen)
                yield
            finally:
                afterwards(target)

    return Case(
        name=f"kubernetes/{name}",
        category=expected[0].partition("/")[0],
        expected=expected,
        inject=inject,
        control=healthy,
        about=about,
        remedies=("restart_deployment", "delete_pod", "scale_deployment", "uncordon_node"),
    )


def fault(
    name: str, *expected: str, seen: Seen, kind: str = "Deployment", on: str = WEB
) -> Case[SandboxTarget]:
    """One of the sandbox's own faults; pods are made anew, so that it is there from their start."""

    def broken(target: SandboxTarget) -> None:
        target.fault(kind, on, name)
        if kind == "Deployment":
            anew(target)

    return case(name.replace(":", "-"), *expected, broken=broken, seen=seen)


def anew(target: SandboxTarget) -> None:
    """A rollout of the same pods."""
    template = {"metadata": {"annotations": {"shop.example.com/rolled": "again"}}}
    target.patch("deployments", WEB, {"spec": {"template": template}})


def pods(**spec: Any) -> Break:
    """Roll out pods that differ in this."""

    def broken(target: SandboxTarget) -> None:
        target.patch("deployments", WEB, {"spec": {"template": {"spec": spec}}})

    return broken


def container(**more: Any) -> Break:
    """Roll out a container that differs in this."""
    return pods(containers=[objects.container(**more)])


def put(*made: dict[str, Any]) -> Break:
    """Create objects."""

    def broken(target: SandboxTarget) -> None:
        for obj in made:
            target.put(obj)

    return broken


def volume(**source: Any) -> Break:
    """Roll out pods that mount this."""
    mounts = [{"name": "data", "mountPath": "/data"}]
    return pods(
        containers=[objects.container(volumeMounts=mounts)], volumes=[{"name": "data", **source}]
    )


def both(*breaks: Break) -> Break:
    """One after the other."""

    def broken(target: SandboxTarget) -> None:
        for each in breaks:
            each(target)

    return broken


def patch(kind: str, name: str, change: dict[str, Any]) -> Break:
    """Change an object."""
    return lambda target: target.patch(kind, name, change)


def quota_used_up(target: SandboxTarget) -> None:
    """A quota of the namespace that allows no further pod."""
    target.fault("Namespace", target.namespace, "quota-exceeded")


def api_scaled_to_zero(target: SandboxTarget) -> None:
    target.fault("Deployment", API, "scaled-to-zero")


def lose_node(target: SandboxTarget) -> None:
    """A node that has a pod of the application stops to answer."""
    node = str(target.list("pods")[0]["spec"]["nodeName"])
    target.fault("Node", node, "not-ready")


def nodes_well(target: SandboxTarget) -> None:
    """Every node answers again."""
    for node in target.list("nodes"):
        target.fault("Node", name_of(node), "")
    target.until(lambda it: all(holds(node, "Ready") for node in it.list("nodes")))
