"""Settings: a program that fails asks for a host or port that no Service has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from agents.kubernetes.kinds import Object
from agents.kubernetes.reading import name_of, parts, text
from agents.kubernetes.triage.hosts import Setting, closed, meant, settings, unknown_host
from agents.kubernetes.triage.logclasses import of_crash, of_errors
from agents.kubernetes.triage.making import of_pod, short
from agents.kubernetes.triage.pods import Container, containers, live, workload_of
from agents.kubernetes.triage.remedies import in_git, manual
from agents.kubernetes.triage.snapshot import Snapshot
from agents.triage.findings import Evidence, Finding, Remedy
from aura.kernel.secrets import redact

_OUTWARD: Final = (
    "application/dependency-unreachable",
    "application/slow-downstream",
    "application/upstream-errors",
    "network/connection-timeout",
    "network/unknown-host",
    "application/error-rate",
)


def _complaint(snapshot: Snapshot, container: Container) -> tuple[str, tuple[Evidence, ...]]:
    """(line, proof): what the log says of a connection that fails; "" where it does not."""
    for previous in (True, False):
        lines = snapshot.log(container.pod, container.name, previous=previous)
        ends, line = of_crash(lines)
        says, rows = of_errors(lines)
        for cause, said in ((ends, line), (says, rows[-1] if rows else "")):
            if cause in _OUTWARD:
                return said, snapshot.written(
                    container.pod, container.name, said, previous=previous
                )
    return "", ()


def addresses(snapshot: Snapshot) -> Iterator[Finding]:
    """A connection fails, and the setting for it names a port or host that no Service has."""
    for pod in live(snapshot):
        for container in containers(pod):
            line, proof = _complaint(snapshot, container)
            if line:
                yield from _wrong(snapshot, pod, container, line, proof)


def _wrong(
    snapshot: Snapshot,
    pod: Object,
    container: Container,
    line: str,
    proof: tuple[Evidence, ...],
) -> Iterator[Finding]:
    lost = unknown_host(line)
    for setting in settings(container):
        service = closed(snapshot, setting)
        asked = setting.host == lost or setting.host in line
        gone = snapshot.lacks("Service", setting.host)
        near = meant(snapshot, setting.host) if asked and gone else ""
        if service is not None and (setting.port in line or setting.host in line):
            right = text(parts(service, "spec", "ports")[0], "port")
            said = f"service {name_of(service)} has port {right}, not {setting.port}"
            value = setting.value.replace(f":{setting.port}", f":{right}", 1)
            proof += _ports(snapshot, service)
        elif near and near != setting.host:
            said = f"there is a service {near}, and none called {setting.host}"
            value = setting.value.replace(setting.host, near, 1)
        else:
            continue
        yield _finding(snapshot, pod, container, setting, said, value, proof)


def _ports(snapshot: Snapshot, service: Object) -> tuple[Evidence, ...]:
    rows = enumerate(parts(service, "spec", "ports"))
    return snapshot.facts(
        service, *(("spec", "ports", text(it, "name") or str(at), "port") for at, it in rows)
    )


def _finding(
    snapshot: Snapshot,
    pod: Object,
    container: Container,
    setting: Setting,
    said: str,
    value: str,
    proof: tuple[Evidence, ...],
) -> Finding:
    home = workload_of(snapshot, pod)
    where = (*container.spec_path, "env", setting.name, "value")
    return of_pod(
        snapshot,
        pod,
        "application/misconfigured-environment",
        f"{setting.name} of container {container.name} is {redact(setting.value)}: {said}.",
        snapshot.fact(pod, *where) + proof,
        confidence=0.97,
        remedy=_remedy(setting.name, value, short(home), said),
        explains=frozenset(f"{home}#{it}" for it in _OUTWARD),
    )


def _remedy(name: str, value: str, workload: str, said: str) -> Remedy:
    """A change in Git, unless the value holds a secret or would read as more than a value."""
    if redact(value) != value or value.split() != [value]:
        return manual(f"Correct {name}: {said}.")
    return in_git(f"Set {name} to {value}.", f"Set {name}={value} on {workload}")


RULES: Final = (addresses,)
