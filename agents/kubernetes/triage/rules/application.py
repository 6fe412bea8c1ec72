"""Applications that run and complain: dependencies, credentials, names, policies, slowness."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from agents.kubernetes.kinds import Object
from agents.kubernetes.reading import part, text
from agents.kubernetes.triage.logclasses import errors, of_errors
from agents.kubernetes.triage.making import logs_of, of_pod
from agents.kubernetes.triage.pods import Container, containers, crashing, live, workload_of
from agents.kubernetes.triage.policies import denying
from agents.kubernetes.triage.remedies import manual
from agents.kubernetes.triage.seen import is_ready
from agents.kubernetes.triage.snapshot import Snapshot
from agents.triage.findings import Finding, Severity

_SOME: Final = 3  # lines of a program that is ready; one that is not needs one
_MANY, _SHARE = 10, 0.3  # errors of a log that tell, and their share of it
_SIDECARS: Final = frozenset({"istio-proxy", "linkerd-proxy", "envoy", "envoy-sidecar"})
_SAID: Final = 200
_TITLES: Final = {
    "network/dns-failure": "cannot resolve names",
    "network/certificate-expired": "meets a certificate that is past its time",
    "network/certificate-untrusted": "meets a certificate it does not trust",
    "network/tls-mismatch": "speaks TLS to plain text, or the reverse",
    "network/unknown-host": "asks for a host name that does not exist",
    "network/connection-timeout": "gets no answer to its connections",
    "application/too-many-connections": "is refused: a server has too many connections",
    "application/missing-privilege": "may not do what it must in a database or store",
    "application/wrong-credentials": "is refused: its credentials are wrong",
    "cluster/forbidden": "lacks a right in the cluster",
    "application/missing-database": "asks for a database or table that is not there",
    "application/slow-downstream": "waits too long for what it depends on",
    "application/dependency-unreachable": "cannot reach what it depends on",
    "run/disk-full": "has no space left to write",
    "storage/read-only": "writes where it may only read",
    "application/upstream-errors": "gets errors from what it depends on",
}
_HELP: Final = {
    "network/dns-failure": "Look at CoreDNS, and at policies that keep pods from port 53.",
    "network/certificate-expired": "Renew the certificate that the log names.",
    "network/unknown-host": "Correct the host name, or create the Service of that name.",
    "application/wrong-credentials": "Renew the credentials in the Secret that the pods use.",
    "run/disk-full": "Make room on the volume, or make it larger.",
    "storage/read-only": "Mount a writable volume at the path that the log names.",
    "application/missing-privilege": "Grant the program's user the right that the log names.",
    "cluster/forbidden": "Grant the service account the right that the log names.",
}
_USUAL: Final = "Look at what the log names: whether it runs, and whether it may be reached."


def complaints(snapshot: Snapshot) -> Iterator[Finding]:
    """A program runs, and its log is full of what it cannot reach."""
    for pod in live(snapshot):
        for container in containers(pod):
            if container.name in _SIDECARS or crashing(snapshot, container):
                continue
            lines = snapshot.log(pod, container.name)
            cause, said = of_errors(lines)
            if cause and len(said) >= (_SOME if is_ready(pod) else 1):
                yield _complaint(snapshot, container, cause, said)
            elif not cause and _is_full(found := errors(lines), len(lines)):
                yield of_pod(
                    snapshot,
                    pod,
                    "application/error-rate",
                    f"{len(found)} of the last {len(lines)} lines of the log are errors.",
                    snapshot.written(pod, container.name, *found[-3:]),
                    severity=Severity.WARNING,
                    confidence=0.5,
                    next_checks=(logs_of(snapshot, container),),
                )


def _is_full(found: list[str], lines: int) -> bool:
    return len(found) >= _MANY and len(found) >= _SHARE * lines


def _complaint(snapshot: Snapshot, container: Container, cause: str, said: list[str]) -> Finding:
    pod = container.pod
    home = workload_of(snapshot, pod)
    line = said[-1].strip()
    return of_pod(
        snapshot,
        pod,
        cause,
        f"Container {container.name} {_TITLES[cause]}: {line[:_SAID]}",
        snapshot.written(pod, container.name, *dict.fromkeys(said[-2:])),
        confidence=0.8,
        severity=Severity.WARNING if is_ready(pod) else None,
        next_checks=(logs_of(snapshot, container),),
        remedy=manual(_HELP.get(cause, _USUAL)),
        explains=frozenset(
            f"{home}#{it}"
            for it in (
                "run/readiness-probe",
                "run/not-ready",
                "run/liveness-probe",
                "run/probe-timeout",
            )
        ),
    )


def denied(snapshot: Snapshot) -> Iterator[Finding]:
    """A pod gets no answer, and a NetworkPolicy denies the traffic."""
    for pod in live(snapshot):
        timeouts = _timeouts(snapshot, pod)
        policies = denying(snapshot, pod) if timeouts else []
        for policy in policies:
            home = workload_of(snapshot, pod)
            name = text(policy, "metadata", "name")
            container, previous, line = timeouts[0]
            yield Finding(
                cause="network/policy-denies",
                object=snapshot.place(policy),
                severity=Severity.WARNING if is_ready(pod) else Severity.CRITICAL,
                confidence=0.9,
                summary=f"Policy {name} denies egress of {home}, whose connections time out.",
                evidence=snapshot.written(pod, container, line, previous=previous)
                + (
                    snapshot.facts(
                        policy, ("spec", "policyTypes", "0"), ("spec", "policyTypes", "1")
                    )
                    or snapshot.listed(policy)
                ),
                next_checks=(f"kubectl -n {snapshot.namespace} describe networkpolicy {name}",),
                remedy=manual(f"Allow the egress that {home} needs in network policy {name}."),
                explains=frozenset(
                    f"{home}#{it}"
                    for it in (
                        "network/connection-timeout",
                        "network/dns-failure",
                        "application/slow-downstream",
                        "application/dependency-unreachable",
                    )
                ),
            )


_SILENT: Final = frozenset(
    {"network/connection-timeout", "network/dns-failure", "application/slow-downstream"}
)


def _timeouts(snapshot: Snapshot, pod: Object) -> list[tuple[str, bool, str]]:
    """(container, previous, line) of connections without an answer."""
    found = []
    for container in containers(pod):
        for previous in (False, True):
            cause, said = of_errors(snapshot.log(pod, container.name, previous=previous))
            if cause in _SILENT:
                found.append((container.name, previous, said[-1]))
    return found


def sidecars(snapshot: Snapshot) -> Iterator[Finding]:
    """The mesh proxy beside a program is not ready, so the program has no network."""
    for pod in live(snapshot):
        for container in containers(pod):
            running = part(container.status, "state", "running")
            if container.name not in _SIDECARS or container.ready or not container.status:
                continue
            if running and snapshot.since(running.get("startedAt")) < _GRACE_S:
                continue
            yield of_pod(
                snapshot,
                pod,
                "network/sidecar-not-ready",
                f"The proxy {container.name} of the pod is not ready.",
                snapshot.facts(
                    pod,
                    (*container.path, "ready"),
                    (*container.path, "state", "waiting", "reason"),
                    (*container.path, "state", "waiting", "message"),
                ),
                confidence=0.7,
                next_checks=(logs_of(snapshot, container),),
                remedy=manual("Look at the mesh's control plane and at the log of the proxy."),
            )


_GRACE_S: Final = 60.0

RULES: Final = (complaints, denied, sidecars)
