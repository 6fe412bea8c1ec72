"""Ingresses: classes, TLS secrets, and the services and ports they lead to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from agents.kubernetes.kinds import Object
from agents.kubernetes.reading import part, parts, text
from agents.kubernetes.triage.remedies import manual
from agents.kubernetes.triage.rules.network import about
from agents.kubernetes.triage.snapshot import Snapshot
from agents.triage.findings import Finding, Severity


def ingresses(snapshot: Snapshot) -> Iterator[Finding]:
    """An Ingress names a Service, a port, a class or a TLS secret that is not there."""
    for ingress in snapshot.all("Ingress"):
        wanted = text(ingress, "spec", "ingressClassName")
        if snapshot.lacks("IngressClass", wanted):
            yield about(
                snapshot,
                ingress,
                "ingress-class",
                f"Ingress class {wanted} is not there, so nobody serves the ingress.",
                snapshot.fact(ingress, "spec", "ingressClassName"),
                confidence=0.95,
                remedy=manual("Name an ingress class that the cluster has."),
            )
        for place, row in enumerate(parts(ingress, "spec", "tls")):
            secret = text(row, "secretName")
            if snapshot.lacks("Secret", secret):
                yield about(
                    snapshot,
                    ingress,
                    "ingress-tls-secret",
                    f"TLS secret {secret} is not there.",
                    snapshot.fact(ingress, "spec", "tls", str(place), "secretName"),
                    confidence=0.95,
                    severity=Severity.WARNING,
                    remedy=manual("Create the TLS secret, or look at cert-manager."),
                )
        yield from _backends(snapshot, ingress)


def _backends(snapshot: Snapshot, ingress: Object) -> Iterator[Finding]:
    for backend, where in backends(ingress):
        name = text(backend, "name")
        service = snapshot.find("Service", name)
        port = part(backend, "port")
        proof = snapshot.facts(
            ingress, (*where, "name"), (*where, "port", "number"), (*where, "port", "name")
        )
        if snapshot.lacks("Service", name):
            said = f"The ingress leads to service {name}, which is not there."
        elif service and not _has_port(service, port):
            asked = text(port, "number") or text(port, "name")
            said = f"The ingress leads to port {asked} of service {name}, which has no such port."
            proof += snapshot.facts(
                service,
                *(
                    ("spec", "ports", text(it, "name") or str(place), "port")
                    for place, it in enumerate(parts(service, "spec", "ports"))
                ),
            )
        else:
            continue
        yield about(
            snapshot,
            ingress,
            "ingress-backend",
            said,
            proof,
            confidence=0.96,
            remedy=manual("Correct the backend of the ingress, or create the service."),
        )


def backends(ingress: Object) -> Iterator[tuple[Object, tuple[str, ...]]]:
    """(backend's service, its path) for each of an ingress."""
    default = part(ingress, "spec", "defaultBackend", "service")
    if default:
        yield default, ("spec", "defaultBackend", "service")
    for rule_at, rule in enumerate(parts(ingress, "spec", "rules")):
        for path_at, path in enumerate(parts(rule, "http", "paths")):
            where = ("spec", "rules", str(rule_at), "http", "paths", str(path_at))
            service = part(path, "backend", "service")
            if service:
                yield service, (*where, "backend", "service")


def _has_port(service: Object, wanted: Object) -> bool:
    known = parts(service, "spec", "ports")
    if "number" in wanted:
        return wanted["number"] in {it.get("port") for it in known}
    return not wanted or text(wanted, "name") in {text(it, "name") for it in known}


RULES: Final = (ingresses,)
