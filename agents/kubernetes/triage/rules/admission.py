"""Pods that cannot be made: quotas, limits, Pod Security, webhooks, service accounts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from agents.kubernetes.kinds import Object
from agents.kubernetes.reading import number, text
from agents.kubernetes.triage.conditions import condition
from agents.kubernetes.triage.phrases import Phrases
from agents.kubernetes.triage.pods import workload_of
from agents.kubernetes.triage.remedies import manual
from agents.kubernetes.triage.snapshot import Snapshot
from agents.triage.findings import Evidence, Finding, Severity

_MAKERS: Final = ("ReplicaSet", "StatefulSet", "DaemonSet", "Job")
_SAID: Final = Phrases.of(
    ("scheduling/quota-exceeded", r"exceeded quota|failed quota|quota: .*must specify"),
    ("start/pod-security", r"violates PodSecurity|PodSecurityPolicy|security context constraint"),
    (
        "start/missing-service-account",
        r"service ?account \S+ (?:was )?not found|error looking up service",
    ),
    ("cluster/webhook-failing", r"failed calling webhook|failed to call webhook"),
    ("cluster/namespace-terminating", r"because it is being terminated"),
    (
        "scheduling/limit-range",
        r"(?:maximum|minimum) \S+ usage per|(?:max|min) \S+ to request ratio|LimitRange",
    ),
    ("cluster/forbidden", r"is forbidden: User|cannot create resource"),
    (
        "start/admission-denied",
        r"denied the request|admission webhook|denied by|is forbidden",
        r"Invalid value|is invalid|Unsupported value",
    ),
)
_QUOTA: Final = re.compile(r"(?:exceeded|failed) quota: (?P<name>[^,:\s]+)")
_ACCOUNT: Final = re.compile(
    r"service ?account \"?(?:\S+/)?(?P<name>[a-z0-9.-]+)\"? ?(?:was )?not found", re.IGNORECASE
)
_HELP: Final = {
    "scheduling/quota-exceeded": "Raise the quota, or run less in the namespace.",
    "scheduling/limit-range": "Set requests and limits within the LimitRange.",
    "start/pod-security": "Set the securityContext that the level asks for, or lower the level.",
    "start/missing-service-account": "Create the service account, or correct serviceAccountName.",
    "start/admission-denied": "Change the manifest as the admission message says.",
    "cluster/webhook-failing": "Bring up the service of the webhook, or set failurePolicy Ignore.",
    "cluster/namespace-terminating": "Wait until the namespace is gone, then make it anew.",
    "cluster/forbidden": "Grant the right that the message names.",
}


def not_made(snapshot: Snapshot) -> Iterator[Finding]:
    """A controller has fewer pods than it should, and the API says why it may not make them."""
    for kind in _MAKERS:
        for maker in snapshot.all(kind):
            said, proof = _said(snapshot, maker)
            if said and _lacks_pods(maker):
                yield from _findings(snapshot, maker, said, proof)


def _lacks_pods(maker: Object) -> bool:
    if maker.get("kind") == "DaemonSet":
        status = maker.get("status") or {}
        return number(status, "currentNumberScheduled") < number(status, "desiredNumberScheduled")
    if maker.get("kind") == "Job":
        return not any(number(maker, "status", it) for it in ("active", "succeeded"))
    return number(maker, "status", "replicas") < number(maker, "spec", "replicas", usual=1)


def _said(snapshot: Snapshot, maker: Object) -> tuple[str, tuple[Evidence, ...]]:
    events = snapshot.events_of(maker, "FailedCreate")
    told = condition(maker, "ReplicaFailure")
    proof = snapshot.happened(*events[-1:])
    if text(told, "status") == "True":
        where = ("status", "conditions", "ReplicaFailure", "message")
        return text(told, "message"), proof + snapshot.fact(maker, *where)
    return (events[-1].message if events else ""), proof


def _findings(
    snapshot: Snapshot, maker: Object, said: str, proof: tuple[Evidence, ...]
) -> Iterator[Finding]:
    home = workload_of(snapshot, maker)
    have = number(maker, "status", "readyReplicas") or number(maker, "status", "numberReady")
    severity = Severity.WARNING if have else Severity.CRITICAL
    cause = _SAID.read(said)
    missing = Finding(
        cause="rollout/missing-pods",
        object=home,
        severity=severity,
        confidence=0.6,
        summary=f"{number(maker, 'status', 'replicas')} of"
        f" {number(maker, 'spec', 'replicas', usual=1)} pods could be made.",
        evidence=proof + snapshot.facts(maker, ("spec", "replicas"), ("status", "replicas")),
    )
    yield missing
    if cause:
        where, more = _where(snapshot, cause, said, home)
        yield Finding(
            cause=cause,
            object=where,
            severity=severity,
            confidence=0.95,
            summary=_summary(cause, said, home),
            evidence=proof + more,
            next_checks=(f'get_events(namespace="{snapshot.namespace}", event_type="Warning")',),
            remedy=manual(_HELP[cause]),
            explains=frozenset({missing.key}),
        )


def _where(
    snapshot: Snapshot, cause: str, said: str, home: str
) -> tuple[str, tuple[Evidence, ...]]:
    """The object at fault and what it says: the quota, where it is known; the workload else."""
    match = _QUOTA.search(said)
    if cause == "scheduling/quota-exceeded" and match:
        quota = snapshot.find("ResourceQuota", match["name"])
        if quota:
            hard = ((quota.get("status") or {}).get("hard") or {}).keys()
            facts = [("status", which, key) for key in hard for which in ("hard", "used")]
            return snapshot.place(quota), snapshot.facts(quota, *facts)[:4]
        return f"resourcequota/{snapshot.namespace}/{match['name']}", ()
    if cause == "cluster/namespace-terminating":
        return f"namespace/{snapshot.namespace}", ()
    return home, ()


def _summary(cause: str, said: str, home: str) -> str:
    account = _ACCOUNT.search(said)
    if cause == "start/missing-service-account" and account:
        return f"Service account {account['name']} is not there, so no pod of {home} is made."
    quota = _QUOTA.search(said)
    if quota:
        _, _, rest = said.partition(f"{quota['name']}")
        return f"Quota {quota['name']} keeps pods of {home} from being made: {rest.strip(', :')}."
    _, _, why = said.partition(" is forbidden: ")
    return f"The API refuses pods of {home}: {(why or said)[:300]}"


RULES: Final = (not_made,)
