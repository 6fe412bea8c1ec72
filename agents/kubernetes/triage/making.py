"""Findings about a workload, made of what one of its pods shows."""

from __future__ import annotations

from agents.kubernetes.kinds import Object
from agents.kubernetes.reading import name_of
from agents.kubernetes.triage.pods import Container, pods_by_workload, workload_of
from agents.kubernetes.triage.seen import is_ready
from agents.kubernetes.triage.snapshot import Snapshot
from agents.triage.findings import Evidence, Finding, Remedy, Severity


def of_pod(  # noqa: PLR0913 - the fields of a finding
    snapshot: Snapshot,
    pod: Object,
    cause: str,
    summary: str,
    evidence: tuple[Evidence, ...],
    *,
    confidence: float = 1.0,
    severity: Severity | None = None,
    ruled_out: tuple[str, ...] = (),
    next_checks: tuple[str, ...] = (),
    remedy: Remedy | None = None,
    explains: frozenset[str] = frozenset(),
) -> Finding:
    """At the pod's workload. Critical where none of its pods is ready, unless it is said."""
    home = workload_of(snapshot, pod)
    return Finding(
        cause=cause,
        object=home,
        severity=severity or hurt(snapshot, home),
        confidence=confidence,
        summary=summary,
        evidence=evidence,
        ruled_out=ruled_out,
        next_checks=next_checks or (describe(snapshot, pod),),
        remedy=remedy,
        explains=explains,
    )


def hurt(snapshot: Snapshot, workload: str) -> Severity:
    """Critical where nothing of a workload is ready; impaired where something still is."""
    pods = snapshot.once(pods_by_workload).get(workload, [])
    return Severity.WARNING if any(map(is_ready, pods)) else Severity.CRITICAL


def describe(snapshot: Snapshot, pod: Object) -> str:
    return f'describe_pod(namespace="{snapshot.namespace}", pod_name="{name_of(pod)}")'


def logs_of(snapshot: Snapshot, container: Container, *, previous: bool = False) -> str:
    before = ", previous=true" if previous else ""
    return (
        f'get_pod_logs(namespace="{snapshot.namespace}", pod_name="{name_of(container.pod)}",'
        f' container="{container.name}"{before})'
    )


def short(workload: str) -> str:
    """The name of a workload as a ticket says it."""
    return workload.rpartition("/")[2]
