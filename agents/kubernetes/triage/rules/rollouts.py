"""Rollouts and scaling: stuck, paused, scaled to zero, autoscalers that cannot work."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from agents.kubernetes.kinds import Object
from agents.kubernetes.reading import at, name_of, number, part, text
from agents.kubernetes.triage.conditions import condition
from agents.kubernetes.triage.history import revisions
from agents.kubernetes.triage.pods import recent
from agents.kubernetes.triage.remedies import in_git, manual
from agents.kubernetes.triage.seen import matches
from agents.kubernetes.triage.snapshot import Snapshot
from agents.triage.findings import Finding, Severity

_DESIRED: Final = "deployment.kubernetes.io/desired-replicas"
_DOWN: Final = re.compile(r"down .*?(?:from (?P<was>\d+) )?to 0\b(?: from (?P<before>\d+))?")
_NO_METRICS: Final = re.compile(r"FailedGet\w*Metric|InvalidMetricSource|FailedCompute")
_OFTEN: Final = 3


def stuck(snapshot: Snapshot) -> Iterator[Finding]:
    """A rollout made no progress within its deadline."""
    for deployment in snapshot.all("Deployment"):
        told = condition(deployment, "Progressing")
        if text(told, "reason") != "ProgressDeadlineExceeded":
            continue
        where = ("status", "conditions", "Progressing")
        yield _of(
            snapshot,
            deployment,
            "rollout/stuck",
            text(told, "message") or "The rollout makes no progress.",
            0.5,
            (*where, "reason"),
            (*where, "message"),
        )


def _of(
    snapshot: Snapshot,
    obj: Object,
    cause: str,
    summary: str,
    confidence: float,
    *paths: tuple[str, ...],
    severity: Severity | None = None,
) -> Finding:
    up = number(obj, "status", "readyReplicas") > 0
    return Finding(
        cause=cause,
        object=snapshot.place(obj),
        severity=severity or (Severity.WARNING if up else Severity.CRITICAL),
        confidence=confidence,
        summary=summary,
        evidence=snapshot.facts(obj, *paths) or snapshot.listed(obj),
        next_checks=(
            f'get_rollout_history(namespace="{snapshot.namespace}", deployment="{name_of(obj)}")',
        ),
    )


def paused(snapshot: Snapshot) -> Iterator[Finding]:
    """A rollout was paused before all pods were of the newest template."""
    for deployment in snapshot.all("Deployment"):
        if part(deployment, "spec").get("paused") is not True:
            continue
        wanted = number(deployment, "spec", "replicas", usual=1)
        halfway = number(deployment, "status", "updatedReplicas") < wanted
        yield _of(
            snapshot,
            deployment,
            "rollout/paused",
            "The rollout is paused"
            + (": not all pods are of the newest template." if halfway else "."),
            0.9,
            ("spec", "paused"),
            ("status", "updatedReplicas"),
            severity=Severity.WARNING if halfway else Severity.INFO,
        )


def bad_revision(snapshot: Snapshot) -> Iterator[Finding]:
    """The newest revision gets no pod ready, where the one before has some."""
    for deployment in snapshot.all("Deployment"):
        known = revisions(snapshot, snapshot.place(deployment))
        if len(known) < 2:  # noqa: PLR2004 - this one and the one before
            continue
        newest, *older = known
        if number(newest, "spec", "replicas") and not number(newest, "status", "readyReplicas"):
            serving = [it for it in older if number(it, "status", "readyReplicas")]
            if serving and text(condition(deployment, "Progressing"), "status") == "False":
                yield _of(
                    snapshot,
                    deployment,
                    "rollout/bad-revision",
                    "No pod of the newest revision is ready; those of the one before serve.",
                    0.55,
                    ("status", "replicas"),
                    ("status", "readyReplicas"),
                    ("status", "unavailableReplicas"),
                )


def scaled_to_zero(snapshot: Snapshot) -> Iterator[Finding]:
    """A workload is set to have no pods; that matters where a Service leads to it."""
    for kind in ("Deployment", "StatefulSet"):
        for workload in snapshot.all(kind):
            if at(workload, "spec", "replicas") == 0:
                yield _zero(snapshot, workload)


def _zero(snapshot: Snapshot, workload: Object) -> Finding:
    labels = part(workload, "spec", "template", "metadata", "labels")
    served = [it for it in snapshot.all("Service") if matches(part(it, "spec", "selector"), labels)]
    down = [
        it
        for it in recent(snapshot, snapshot.events_of(workload, "ScalingReplicaSet"))
        if _DOWN.search(it.message)
    ]
    severity = Severity.WARNING if down else Severity.INFO
    before = _before(snapshot, workload, [it.message for it in down])
    name = name_of(workload)
    return Finding(
        cause="rollout/scaled-to-zero",
        object=snapshot.place(workload),
        severity=Severity.CRITICAL if served else severity,
        confidence=0.97,
        summary=f"{name} is scaled to zero: it has no pods"
        + (f", and service {name_of(served[0])} leads nowhere." if served else "."),
        evidence=snapshot.facts(workload, ("spec", "replicas")) + snapshot.happened(*down[-1:]),
        next_checks=(f'get_deployments(namespace="{snapshot.namespace}")',),
        remedy=in_git(f"Scale {name} to {before}.", f"Scale {name} to {before} replicas"),
    )


def _before(snapshot: Snapshot, workload: Object, said: list[str]) -> int:
    """How many pods it had; 1 where nothing tells."""
    matched = filter(None, map(_DOWN.search, said))
    told = [int(was) for it in matched if (was := it["was"] or it["before"])]
    for replica_set in revisions(snapshot, snapshot.place(workload)):
        wished = text(part(replica_set, "metadata", "annotations"), _DESIRED)
        told += [int(wished)] if wished.isdigit() and int(wished) else []
    return told[0] if told else 1


def autoscalers(snapshot: Snapshot) -> Iterator[Finding]:
    """An autoscaler has no metrics or no target, or wants more pods than it may have."""
    for scaler in snapshot.all("HorizontalPodAutoscaler"):
        active, able = condition(scaler, "ScalingActive"), condition(scaler, "AbleToScale")
        target = part(scaler, "spec", "scaleTargetRef")
        lost = snapshot.lacks(text(target, "kind"), text(target, "name"))
        if lost or (text(able, "status") == "False" and text(able, "reason") == "FailedGetScale"):
            yield _scaler(
                snapshot,
                scaler,
                "rollout/autoscaler-no-target",
                f"The autoscaler's {text(target, 'kind')} {text(target, 'name')} cannot be scaled"
                " or is not there.",
                "AbleToScale",
            )
        elif text(active, "status") == "False" and _lasts(snapshot, scaler, active):
            yield _scaler(
                snapshot,
                scaler,
                "rollout/autoscaler-no-metrics",
                f"The autoscaler has no metrics: {text(active, 'message')}",
                "ScalingActive",
            )
        limited = condition(scaler, "ScalingLimited")
        if text(limited, "reason") == "TooManyReplicas" and text(limited, "status") == "True":
            yield _scaler(
                snapshot,
                scaler,
                "rollout/autoscaler-at-limit",
                f"The autoscaler wants more than its {number(scaler, 'spec', 'maxReplicas')} pods.",
                "ScalingLimited",
            )


def _lasts(snapshot: Snapshot, scaler: Object, active: Object) -> bool:
    """Whether metrics are missing for long: a new pod has none for a while."""
    if not _NO_METRICS.search(text(active, "reason")):
        return False
    events = snapshot.events_of(scaler)
    often = sum(it.count for it in events if _NO_METRICS.search(it.reason))
    return often >= _OFTEN or snapshot.since(active.get("lastTransitionTime")) > _LONG_S


_LONG_S: Final = 120.0


def _scaler(snapshot: Snapshot, scaler: Object, cause: str, summary: str, kind: str) -> Finding:
    where = ("status", "conditions", kind)
    at_limit = cause.endswith("at-limit")
    most = number(scaler, "spec", "maxReplicas")
    return Finding(
        cause=cause,
        object=snapshot.place(scaler),
        severity=Severity.WARNING,
        confidence=0.85,
        summary=summary,
        evidence=snapshot.facts(
            scaler,
            (*where, "status"),
            (*where, "reason"),
            (*where, "message"),
            ("spec", "maxReplicas"),
            ("status", "currentReplicas"),
            ("spec", "scaleTargetRef", "name"),
        ),
        next_checks=(f'get_pod_resources(namespace="{snapshot.namespace}")',),
        remedy=manual(
            f"Raise maxReplicas above {most}, or find what makes the load."
            if at_limit
            else "Correct the target; requests must be set, and metrics-server must answer."
        ),
    )


RULES: Final = (stuck, paused, bad_revision, scaled_to_zero, autoscalers)
