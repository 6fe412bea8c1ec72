"""Services: selectors, endpoints, ports, load balancers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from agents.kubernetes.kinds import Object
from agents.kubernetes.reading import at, name_of, namespace_of, number, part, parts, text
from agents.kubernetes.triage.pods import live, recent
from agents.kubernetes.triage.remedies import manual
from agents.kubernetes.triage.seen import is_ready, matches
from agents.kubernetes.triage.snapshot import Snapshot
from agents.triage.findings import Evidence, Finding, Remedy, Severity

_GRACE_S: Final = 60.0
WORKLOADS: Final = ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet")


def _services(snapshot: Snapshot) -> Iterator[Object]:
    """Those of the namespace that select pods."""
    for service in snapshot.all("Service"):
        own = namespace_of(service) in ("", snapshot.namespace)
        if own and part(service, "spec", "selector"):
            yield service


def about(  # noqa: PLR0913 - the fields of a finding
    snapshot: Snapshot,
    obj: Object,
    cause: str,
    summary: str,
    evidence: tuple[Evidence, ...],
    *,
    confidence: float,
    severity: Severity = Severity.CRITICAL,
    remedy: Remedy | None = None,
) -> Finding:
    kind, name = text(obj, "kind").lower(), name_of(obj)
    check = f'get_endpoints(namespace="{snapshot.namespace}")'
    if kind == "service":
        check = f'describe_service(namespace="{snapshot.namespace}", service_name="{name}")'
    return Finding(
        cause=f"network/{cause}",
        object=snapshot.place(obj),
        severity=severity,
        confidence=confidence,
        summary=summary,
        evidence=evidence,
        next_checks=(check,),
        remedy=remedy,
    )


def selectors(snapshot: Snapshot) -> Iterator[Finding]:
    """A Service's selector matches no pod, or none that is ready."""
    pods = list(live(snapshot))
    for service in _services(snapshot):
        found = _alive(snapshot, service)
        if not found:
            yield from _unmatched(snapshot, service, pods)
        elif not any(map(is_ready, found)):
            yield about(
                snapshot,
                service,
                "no-endpoints",
                f"None of the {len(found)} pods behind service {name_of(service)} is ready.",
                snapshot.seen(service),
                confidence=0.6,
                severity=_hurt(snapshot, *found),
            )


def _alive(snapshot: Snapshot, service: Object) -> list[Object]:
    """The pods behind a Service that are to run."""
    running = snapshot.once(_running)
    return [it for it in snapshot.behind(service) if id(it) in running]


def _running(snapshot: Snapshot) -> frozenset[int]:
    return frozenset(map(id, live(snapshot)))


def _hurt(snapshot: Snapshot, *behind: Object, worst: Severity = Severity.CRITICAL) -> Severity:
    """How bad it is that nothing answers: not at all while what is behind has just begun."""
    ages = [snapshot.since(text(it, "metadata", "creationTimestamp")) for it in behind]
    return Severity.INFO if max(ages) < _GRACE_S else worst


def _unmatched(snapshot: Snapshot, service: Object, pods: list[Object]) -> Iterator[Finding]:
    """No pod has the labels: because a workload has no pods, or because no workload has them."""
    selector = part(service, "spec", "selector")
    for kind in WORKLOADS:
        for workload in snapshot.all(kind):
            if matches(selector, part(workload, "spec", "template", "metadata", "labels")):
                yield about(
                    snapshot,
                    service,
                    "no-endpoints",
                    f"No pod is behind service {name_of(service)}: {kind.lower()}"
                    f" {name_of(workload)} has none.",
                    snapshot.seen(service),
                    confidence=0.6,
                    severity=_hurt(snapshot, workload),
                )
                return
    near = _near(service, pods)
    wrong = _difference(selector, near) if near else ""
    proof = snapshot.seen(service) + _selector_facts(snapshot, service)
    if near:
        labels = part(near, "metadata", "labels")
        proof += snapshot.facts(near, *(("metadata", "labels", key) for key in labels))[:4]
    yield about(
        snapshot,
        service,
        "selector-mismatch",
        f"The selector of service {name_of(service)} matches no pod"
        + (f": {wrong}" if wrong else "."),
        proof,
        confidence=0.96 if near else 0.6,
        severity=Severity.CRITICAL if near else _hurt(snapshot, service, worst=Severity.WARNING),
        remedy=manual(
            f"Correct the selector of the service: {wrong}"
            if wrong
            else "Correct the selector of the service, or deploy what it selects."
        ),
    )


def _near(service: Object, pods: list[Object]) -> Object | None:
    """The pod that the service means: most labels in common, or its name."""
    selector = part(service, "spec", "selector").items()

    def common(pod: Object) -> int:
        labels = part(pod, "metadata", "labels")
        named = name_of(service) in (labels.get("app"), labels.get("app.kubernetes.io/name"))
        started = name_of(pod).startswith(name_of(service) + "-")
        return 2 * len(selector & labels.items()) + named + started

    best = max(pods, key=common, default=None)
    return best if best and common(best) else None


def _difference(selector: Object, pod: Object) -> str:
    labels = part(pod, "metadata", "labels")
    wrong = [
        f"it asks for {key}={value}, and pod {name_of(pod)} has"
        f" {f'{key}={labels[key]}' if key in labels else f'no label {key}'}"
        for key, value in selector.items()
        if labels.get(key) != value
    ]
    return "; ".join(wrong) + "." if wrong else ""


def _selector_facts(snapshot: Snapshot, service: Object) -> tuple[Evidence, ...]:
    keys = part(service, "spec", "selector")
    return snapshot.facts(service, *(("spec", "selector", key) for key in keys))


def ports(snapshot: Snapshot) -> Iterator[Finding]:
    """A Service leads to a port that its pods do not have, by name or by number."""
    for service in _services(snapshot):
        found = _alive(snapshot, service)
        declared = [it for pod in found for it in _ports_of(pod)]
        for place, port in enumerate(parts(service, "spec", "ports")):
            target = port.get("targetPort", port.get("port"))
            where = ("spec", "ports", text(port, "name") or str(place))
            if found and isinstance(target, str) and not target.isdigit():
                if target not in {text(it, "name") for it in declared}:
                    yield _port(snapshot, service, "port-name-mismatch", 0.96, target, where, found)
            elif declared and not _reached(port, int(str(target or 0)), declared):
                yield _port(snapshot, service, "port-mismatch", 0.85, str(target), where, found)


def _reached(port: Object, target: int, declared: list[Object]) -> bool:
    """Whether a container has the port, over the same protocol."""
    wanted = target, text(port, "protocol") or "TCP"
    return wanted in {
        (number(it, "containerPort"), text(it, "protocol") or "TCP") for it in declared
    }


def _ports_of(pod: Object) -> Iterator[Object]:
    for container in parts(pod, "spec", "containers"):
        yield from parts(container, "ports")


def _port(
    snapshot: Snapshot,
    service: Object,
    cause: str,
    confidence: float,
    target: str,
    where: tuple[str, ...],
    pods: list[Object],
) -> Finding:
    pod = pods[0]
    proof = snapshot.facts(service, *((*where, it) for it in ("targetPort", "port", "protocol")))
    for container in parts(pod, "spec", "containers"):
        for place, port in enumerate(parts(container, "ports")):
            at_port = ("spec", "containers", text(container, "name"), "ports")
            label = text(port, "name") or str(place)
            proof += snapshot.facts(
                pod, *((*at_port, label, it) for it in ("containerPort", "name", "protocol"))
            )
    have = ", ".join(
        f"{text(it, 'name')}:{text(it, 'containerPort')}".lstrip(":") for it in _ports_of(pod)
    )
    return about(
        snapshot,
        service,
        cause,
        f"Service {name_of(service)} leads to port {target}, which its pods do not have"
        f" (they have {have or 'none'}).",
        proof,
        confidence=confidence,
        remedy=manual("Correct targetPort of the service, or the port of the container."),
    )


def balancers(snapshot: Snapshot) -> Iterator[Finding]:
    """A Service of type LoadBalancer has no address, and its controller says why."""
    for service in _services(snapshot):
        if text(service, "spec", "type") != "LoadBalancer":
            continue
        failed = recent(snapshot, snapshot.events_of(service, "SyncLoadBalancerFailed"))
        if not at(service, "status", "loadBalancer", "ingress"):
            yield about(
                snapshot,
                service,
                "load-balancer-pending",
                f"Service {name_of(service)} has no address of a load balancer yet.",
                snapshot.fact(service, "spec", "type") + snapshot.happened(*failed[-1:]),
                confidence=0.85,
                severity=Severity.WARNING if failed else Severity.INFO,
                remedy=manual("Look at the cloud's load balancer controller and its quota."),
            )


RULES: Final = (selectors, ports, balancers)
