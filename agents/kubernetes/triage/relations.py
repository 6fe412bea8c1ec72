"""Which finding explains which: through owners, selectors, and the names that logs speak of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from agents.kubernetes.kinds import Object
from agents.kubernetes.reading import name_of, part, text
from agents.kubernetes.triage.pods import containers, environment, pods_by_workload
from agents.kubernetes.triage.rules.gitops import members
from agents.kubernetes.triage.rules.network import WORKLOADS
from agents.kubernetes.triage.seen import matches
from agents.kubernetes.triage.snapshot import Snapshot
from agents.triage.findings import Finding, Severity

# What every other cause at the same workload explains; a later one explains the earlier ones too.
_GENERAL: Final = (
    "rollout/stuck",
    "rollout/bad-revision",
    "job/backoff-limit",
    "job/deadline-exceeded",
    "run/not-ready",
)
# A program that ends, or never begins, fails its probes and says so in passing.
_PROBES: Final = (
    "run/readiness-probe",
    "run/startup-probe",
    "run/probe-wrong-port",
    "run/probe-timeout",
    "run/probe-too-early",
)
_ENDS: Final = re.compile(
    r"start/|image/|run/(?!.*probe|not-ready|cpu|readiness|evicted)|application/(?!error-rate)"
)
# What a program says of another that is ill.
_OF_OTHERS: Final = frozenset(
    {
        "application/dependency-unreachable",
        "application/slow-downstream",
        "application/upstream-errors",
        "application/too-many-connections",
        "application/error-rate",
        "start/init-container",
        "network/connection-timeout",
        "network/unknown-host",
    }
)


def related(snapshot: Snapshot, findings: Iterable[Finding]) -> list[Finding]:
    """The findings, each with the keys of those it explains."""
    known = list(findings)
    behind = _behind(snapshot)
    depends = _dependants(snapshot, known, behind)
    return [
        replace(it, explains=it.explains | frozenset(_explained(snapshot, it, behind, depends)))
        if it.severity > Severity.INFO
        else it
        for it in known
    ]


def _explained(
    snapshot: Snapshot,
    finding: Finding,
    behind: Mapping[str, set[str]],
    depends: Mapping[str, set[str]],
) -> Iterator[str]:
    here, cause = finding.object, finding.cause
    general = _GENERAL[: _GENERAL.index(cause)] if cause in _GENERAL else _GENERAL
    yield from (f"{here}#{it}" for it in general)
    if _ENDS.match(cause):
        yield from (f"{here}#{it}" for it in _PROBES if it != cause)
    for service, homes in behind.items():
        if here in homes:
            yield f"{service}#network/no-endpoints"
    yield from (it for it in depends.get(here, ()) if it != finding.key)
    for application in snapshot.all("Application"):
        if here in members(snapshot, application):
            yield f"{snapshot.place(application)}#gitops/degraded"
    if cause == "network/dns-failure" and "/kube-system/" in here:
        yield from (f"{home}#{cause}" for home in snapshot.once(pods_by_workload))
    if cause == "network/certificate-expired" and here.startswith("secret/"):
        yield from (f"{home}#{cause}" for home in snapshot.once(pods_by_workload))


def _behind(snapshot: Snapshot) -> dict[str, set[str]]:
    """By the place of a Service, the workloads whose pods it selects, or would."""
    labelled: list[tuple[str, Object]] = [
        (home, part(pod, "metadata", "labels"))
        for home, pods in snapshot.once(pods_by_workload).items()
        for pod in pods[:1]
    ]
    labelled += [
        (snapshot.place(it), part(it, "spec", "template", "metadata", "labels"))
        for it in snapshot.all(*WORKLOADS)
    ]
    return {
        snapshot.place(service): {
            home for home, labels in labelled if matches(part(service, "spec", "selector"), labels)
        }
        for service in snapshot.all("Service")
    }


def _dependants(
    snapshot: Snapshot, findings: list[Finding], behind: Mapping[str, set[str]]
) -> dict[str, set[str]]:
    """By the place of a Service or of a workload behind it: the findings that speak of it."""
    found: dict[str, set[str]] = {}
    services = list(snapshot.all("Service"))
    for finding in findings:
        if finding.cause in _OF_OTHERS:
            for service in _meant(snapshot, finding, services):
                where = snapshot.place(service)
                if finding.object in behind.get(where, ()):
                    continue  # it speaks of itself
                for it in {where, *behind.get(where, ())}:
                    found.setdefault(it, set()).add(finding.key)
    return found


def _meant(snapshot: Snapshot, finding: Finding, services: list[Object]) -> list[Object]:
    """The Services that the lines of a finding name; else those its environment names."""
    lines = " ".join(it.line for it in finding.evidence if it.source.startswith("log/"))
    named = [it for it in services if _names(it, lines)]
    return named or [it for it in services if _addresses(it, _environment(snapshot, finding))]


def _names(service: Object, said: str) -> bool:
    address = text(service, "spec", "clusterIP")
    by_address = address not in ("", "None") and re.search(rf"\b{re.escape(address)}\b", said)
    return bool(by_address or re.search(rf"(?<![\w-]){re.escape(name_of(service))}(?![\w-])", said))


def _addresses(service: Object, values: str) -> bool:
    """Whether a value is the Service's host, or has it in a URL."""
    host = re.escape(name_of(service))
    return bool(re.search(rf"(?:^|[\s/@,]){host}(?:[:./,\s]|$)", values))


def _environment(snapshot: Snapshot, finding: Finding) -> str:
    pods = snapshot.once(pods_by_workload).get(finding.object, [])[:1]
    return "\n".join(
        value for pod in pods for it in containers(pod) for value in environment(it).values()
    )
