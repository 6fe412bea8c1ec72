"""Probes: a wrong path, port or scheme, too little time, or a program that says it is not well."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from agents.kubernetes.kinds import Object
from agents.kubernetes.reading import at, number, part, parts, text
from agents.kubernetes.triage.conditions import condition
from agents.kubernetes.triage.happened import Event
from agents.kubernetes.triage.history import back
from agents.kubernetes.triage.making import logs_of, of_pod
from agents.kubernetes.triage.phrases import Phrases
from agents.kubernetes.triage.pods import (
    Container,
    containers,
    crashing,
    live,
    ready_since_start,
    recent,
)
from agents.kubernetes.triage.remedies import manual
from agents.kubernetes.triage.snapshot import Snapshot
from agents.triage.findings import Evidence, Finding

_GRACE_S: Final = 60.0
_OFTEN: Final = 3  # failures in a row that a probe forgives by default
_PROBES: Final = {
    "Readiness": "readinessProbe",
    "Liveness": "livenessProbe",
    "Startup": "startupProbe",
}
_SAID: Final = Phrases.of(
    (
        "probe-wrong-scheme",
        r"gave HTTP response to HTTPS client|malformed HTTP (?:response|version)",
        r"HTTP request to an HTTPS server|first record does not look like a TLS",
    ),
    ("probe-wrong-path", r"statuscode: 404"),
    ("refused", r"connection refused|no route to host"),
    ("probe-timeout", r"deadline exceeded|Client\.Timeout|i/o timeout|timed out|timeout"),
)
_LISTENS: Final = re.compile(
    r"(?:listen|serv|start|bound|running|ready|accept)\w*.{0,60}?(?:port\W{0,3}|:)(?P<port>\d{2,5})\b",
    re.IGNORECASE,
)
_NUMBER: Final = re.compile(r":(?P<port>\d{2,5})[/:\"]")


def failing(snapshot: Snapshot) -> Iterator[Finding]:
    """A pod is not ready, or restarted, and its probes say why."""
    for pod in live(snapshot):
        events = recent(snapshot, snapshot.events_of(pod, "Unhealthy"))
        for container in containers(pod):
            mine = tuple(it for it in events if _is_of(it, container, pod))
            if mine:
                yield from _of(snapshot, container, mine)


def _is_of(event: Event, container: Container, pod: Object) -> bool:
    """Events name the container in a field that is not always kept: one with probes is meant."""
    del event
    with_probes = [text(it, "name") for it in parts(pod, "spec", "containers") if _probed(it)]
    return container.name in with_probes if with_probes else not container.init


def _probed(spec: Object) -> bool:
    return any(it in spec for it in _PROBES.values())


def _of(snapshot: Snapshot, container: Container, events: tuple[Event, ...]) -> Iterator[Finding]:
    for word, key in _PROBES.items():
        said = tuple(it for it in events if it.message.startswith(f"{word} probe"))
        if (
            said
            and (container.spec.get(key) or not container.spec)
            and _matters(snapshot, container, word, said)
        ):
            yield _finding(snapshot, container, word, said)


def _matters(snapshot: Snapshot, container: Container, word: str, said: tuple[Event, ...]) -> bool:
    """Whether it fails now, and not only while the program starts."""
    often = sum(it.count for it in said)
    if word == "Readiness":
        crashed = crashing(snapshot, container) and not container.running
        young = snapshot.since(text(container.status, "state", "running", "startedAt")) < _GRACE_S
        return not container.ready and not crashed and (often >= _OFTEN or not young)
    killed = recent(snapshot, snapshot.events_of(container.pod, "Killing"))
    ended = crashing(snapshot, container) or container.restarts > 0
    return bool(ended and (killed or often >= _OFTEN))


def _finding(
    snapshot: Snapshot, container: Container, word: str, said: tuple[Event, ...]
) -> Finding:
    cause, sure, why = _cause(snapshot, container, word, said[-1].message)
    key = _PROBES[word]
    probe = part(container.spec, key)
    proof = snapshot.happened(*said[-1:]) + _probe_facts(snapshot, container, key)
    if word != "Readiness":
        proof += snapshot.fact(container.pod, *container.path, "restartCount")
    does = "keeps the pod out of service" if word == "Readiness" else "has the container restarted"
    return of_pod(
        snapshot,
        container.pod,
        f"run/{cause}",
        f"The {word.lower()} probe of container {container.name} {does}: {why}",
        proof + _listening(snapshot, container),
        confidence=sure,
        next_checks=(logs_of(snapshot, container, previous=word != "Readiness"),),
        remedy=back(snapshot, container.pod, container.name) or manual(_help(cause, probe)),
    )


def _cause(
    snapshot: Snapshot, container: Container, word: str, message: str
) -> tuple[str, float, str]:
    """(cause, confidence, why)"""
    said = _SAID.read(message)
    why = message.partition(": ")[2] or message
    if said != "refused":
        return (said, 0.85, why) if said else (f"{word.lower()}-probe", 0.7, why)
    asked = _port(container, part(container.spec, _PROBES[word]), message)
    known = {number(it, "containerPort") for it in parts(container.spec, "ports")}
    heard = _heard(snapshot, container)
    if asked and heard and asked not in heard:
        return (
            "probe-wrong-port",
            0.95,
            f"it asks port {asked}, and the program listens on {_one(heard)}.",
        )
    if asked and known and asked not in known and asked not in heard:
        return (
            "probe-wrong-port",
            0.85,
            f"it asks port {asked}; the container declares {_one(known)}.",
        )
    if word != "Readiness" and not heard:
        return "probe-too-early", 0.6, f"the program does not listen when it is asked: {why}"
    return f"{word.lower()}-probe", 0.6, why


def _one(ports: set[int]) -> str:
    return ", ".join(map(str, sorted(ports)))


def _port(container: Container, probe: Object, message: str) -> int:
    """The port that is asked, by name or number, or as the failure says it."""
    for how in ("httpGet", "tcpSocket", "grpc"):
        port = at(probe, how, "port")
        if isinstance(port, int):
            return port
        if isinstance(port, str) and port.isdigit():
            return int(port)
        named = [it for it in parts(container.spec, "ports") if text(it, "name") == port]
        if port and named:
            return number(named[0], "containerPort")
    match = _NUMBER.search(message)
    return int(match["port"]) if match else 0


def _heard(snapshot: Snapshot, container: Container) -> set[int]:
    """The ports on which the program says that it listens."""
    lines = [
        line
        for previous in (False, True)
        for line in snapshot.log(container.pod, container.name, previous=previous)
    ]
    return {int(it["port"]) for line in lines if (it := _LISTENS.search(line))}


def _listening(snapshot: Snapshot, container: Container) -> tuple[Evidence, ...]:
    for previous in (False, True):
        for line in snapshot.log(container.pod, container.name, previous=previous):
            if _LISTENS.search(line):
                return snapshot.written(container.pod, container.name, line, previous=previous)
    return ()


def _probe_facts(snapshot: Snapshot, container: Container, key: str) -> tuple[Evidence, ...]:
    where = (*container.spec_path, key)
    return snapshot.facts(
        container.pod,
        *((*where, "httpGet", it) for it in ("path", "port", "scheme")),
        (*where, "tcpSocket", "port"),
        (*where, "initialDelaySeconds"),
        (*where, "timeoutSeconds"),
    )


def _help(cause: str, probe: Object) -> str:
    match cause:
        case "probe-wrong-path":
            return f"Correct the path {text(probe, 'httpGet', 'path')!r} of the probe."
        case "probe-wrong-port":
            return "Correct the port of the probe, or that on which the program listens."
        case "probe-wrong-scheme":
            return "Correct the scheme of the probe: HTTP or HTTPS, as the program speaks."
        case "probe-too-early":
            return "Add a startup probe, or a longer initialDelaySeconds."
        case "probe-timeout":
            return "Find why the program answers slowly; give the probe a longer timeoutSeconds."
        case _:
            return "Ask the program why it is not well: its log, what it depends on."


def not_ready(snapshot: Snapshot) -> Iterator[Finding]:
    """A pod runs for a while and is not ready; what it says of it."""
    for pod in live(snapshot):
        told = condition(pod, "Ready")
        running = text(pod, "status", "phase") == "Running"
        if not running or not told or ready_since_start(pod):
            continue
        if snapshot.since(told.get("lastTransitionTime")) < _GRACE_S:
            continue
        if any(crashing(snapshot, it) for it in containers(pod)):
            continue
        gate = text(told, "reason") == "ReadinessGatesNotReady"
        yield of_pod(
            snapshot,
            pod,
            "run/readiness-gate" if gate else "run/not-ready",
            text(told, "message") or "The pod runs and is not ready.",
            snapshot.facts(
                pod,
                ("status", "conditions", "Ready", "status"),
                ("status", "conditions", "Ready", "reason"),
                ("status", "conditions", "Ready", "message"),
            ),
            confidence=0.8 if gate else 0.5,
        )


RULES: Final = (failing, not_ready)
