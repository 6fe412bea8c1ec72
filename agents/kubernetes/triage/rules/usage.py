"""Usage: containers that take all the CPU they may, where the cluster measures it."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from agents.kubernetes import quantities
from agents.kubernetes.reading import name_of, parts, text
from agents.kubernetes.triage.making import of_pod, short
from agents.kubernetes.triage.pods import containers, live, workload_of
from agents.kubernetes.triage.remedies import in_git
from agents.kubernetes.triage.snapshot import Snapshot
from agents.triage.findings import Finding, Severity

_FULL: Final = Decimal("0.95")


def throttled(snapshot: Snapshot) -> Iterator[Finding]:
    """A container uses its whole CPU limit, so the kernel slows it down."""
    measured = {name_of(it): it for it in snapshot.all("PodMetrics")}
    for pod in live(snapshot):
        metrics = measured.get(name_of(pod), {})
        used = {text(it, "name"): text(it, "usage", "cpu") for it in parts(metrics, "containers")}
        for container in containers(pod):
            limit = text(container.spec, "resources", "limits", "cpu")
            most, taken = quantities.value(limit), quantities.value(used.get(container.name))
            if not most or taken is None or taken < most * _FULL:
                continue
            more = quantities.cores(most * 2)
            name = short(workload_of(snapshot, pod))
            yield of_pod(
                snapshot,
                pod,
                "run/cpu-throttled",
                f"Container {container.name} uses {quantities.cores(taken)} of its {limit} CPU.",
                snapshot.fact(metrics, "containers", container.name, "usage", "cpu")
                + snapshot.fact(pod, *container.spec_path, "resources", "limits", "cpu"),
                severity=Severity.WARNING,
                confidence=0.7,
                next_checks=(f'get_pod_resources(namespace="{snapshot.namespace}")',),
                remedy=in_git(
                    f"Raise the CPU limit to {more}, or run more replicas.",
                    f"Set the CPU limit of {name} to {more}",
                ),
            )


RULES: Final = (throttled,)
