"""Port and host of an application that exists: container port, probes, Service and Ingress."""

from __future__ import annotations

from typing import Any

from agents.offline import kustomize, manifests, workloads
from agents.offline.book import Book
from agents.offline.intent import Intent, Slot
from agents.offline.layout import Kind, folder, join
from agents.offline.manifests import Blueprint, Style
from agents.offline.outcome import Topic, ask
from agents.offline.targets import Target, container
from agents.offline.values import Image
from agents.offline.workloads import POD, Object, Spot, dig, items

_PROBES = ("readinessProbe", "livenessProbe", "startupProbe")


def set_port(book: Book, target: Target, intent: Intent) -> None:
    """The container's port, and everything that refers to it by number."""
    port = intent.port
    index = container(target, intent)
    way = (*POD, "containers", index)
    old = [dig(p, "containerPort") for p in items(target.workload.data, *way, "ports")]
    if port is None or old == [port]:
        return
    if target.partial:
        raise workloads.Opaque("a port is the same in every environment, it stands in the base")
    if len(old) > 1:
        raise workloads.Opaque(
            f"{target.name} listens on several ports: {', '.join(map(str, old))}"
        )
    item = target.workload
    if not old:
        entry = {"containerPort": port}
        book.append(Spot(item.path, item.index, (*way, "ports"), None), entry, f"add port {port}")
        book.say(f"port {port}")
        return
    note = f"change port {old[0]} to {port}"
    book.assign(Spot(item.path, item.index, (*way, "ports", 0, "containerPort"), None), port, note)
    for probe in _PROBES:
        for check in ("httpGet", "tcpSocket", "grpc"):
            if dig(item.data, *way, probe, check, "port") == old[0]:
                at = (*way, probe, check, "port")
                book.assign(Spot(item.path, item.index, at, None), port, note)
    _services(book, target, old[0], port, note)
    book.say(f"port {old[0]} to {port}")


def _services(book: Book, target: Target, old: Any, port: int, note: str) -> None:
    for service in workloads.of_kind(target.found, "Service"):
        for place, entry in enumerate(items(service.data, "spec", "ports")):
            at = ("spec", "ports", place)
            if dig(entry, "targetPort") == old:
                book.assign(
                    Spot(service.path, service.index, (*at, "targetPort"), None), port, note
                )
            if dig(entry, "port") == old and not isinstance(dig(entry, "targetPort"), str):
                book.assign(Spot(service.path, service.index, (*at, "port"), None), port, note)
                book.warn(
                    f"Clients of {service.name}:{old} must use {service.name}:{port} from now on."
                )
                _backends(book, target, service.name, old, port, note)


def _backends(book: Book, target: Target, service: str, old: Any, port: int, note: str) -> None:
    for ingress in workloads.of_kind(target.found, "Ingress"):
        for number, rule in enumerate(items(ingress.data, "spec", "rules")):
            for place, path in enumerate(items(rule, "http", "paths")):
                backend = dig(path, "backend", "service")
                if dig(backend, "name") == service and dig(backend, "port", "number") == old:
                    at = ("spec", "rules", number, "http", "paths", place, "backend", "service")
                    spot = Spot(ingress.path, ingress.index, (*at, "port", "number"), None)
                    book.assign(spot, port, note)


def set_host(book: Book, target: Target, intent: Intent, style: Style) -> None:
    """The host of the Ingress; a new Ingress (and Service) where there is none."""
    host = intent.host or ""
    ingresses = workloads.of_kind(target.found, "Ingress")
    rules = [(i, n) for i in ingresses for n, _ in enumerate(items(i.data, "spec", "rules"))]
    hosts = [dig(i.data, "spec", "rules", n, "host") for i, n in rules]
    if host in hosts:
        return
    if not rules:
        _new_ingress(book, target, intent, style)
    elif len(rules) > 1 or target.partial:
        raise workloads.Opaque("which of several hosts or environments is meant is for a person")
    else:
        _change_host(book, rules[0][0], hosts[0], host)
    book.warn(f"The DNS name {host} must point to the ingress controller.")


def _change_host(book: Book, ingress: Object, old: Any, host: str) -> None:
    note = f"change the host {old} to {host}"
    spot = Spot(ingress.path, ingress.index, ("spec", "rules", 0, "host"), None)
    book.assign(spot, host, note)
    for number, entry in enumerate(items(ingress.data, "spec", "tls")):
        for place, name in enumerate(items(entry, "hosts")):
            if name == old:
                at = ("spec", "tls", number, "hosts", place)
                book.assign(Spot(ingress.path, ingress.index, at, None), host, note)
                book.warn(f"The certificate must cover {host}.")
    book.say(f"host {old} to {host}")


def _new_ingress(book: Book, target: Target, intent: Intent, style: Style) -> None:
    item = target.workload
    plan = Blueprint(
        name=item.name,
        image=Image(""),
        replicas=0,
        port=_port(target, intent),
        namespace=str(dig(item.data, "metadata", "namespace") or ""),
        host=intent.host,
    )
    service = _service(target)
    new: list[dict[str, Any]] = []
    if service is None:
        entry = {"port": plan.port, "targetPort": plan.port}
        selector = dig(item.data, "spec", "selector", "matchLabels") or {}
        new.append(
            {
                **manifests.service(plan, style),
                "spec": {"selector": dict(selector), "ports": [entry]},
            }
        )
    backend = service.name if service else item.name
    new.append(manifests.ingress(plan, style, port=plan.port or 0, backend=backend))
    for made in new:
        _add_file(book, target, made, style)
    book.say(f"host {intent.host}{target.where}")
    if not style.ingress_class:
        book.warn("No ingress class was told: the cluster's default one is used.")


def _port(target: Target, intent: Intent) -> int:
    service = _service(target)
    told = dig(service.data, "spec", "ports", 0, "port") if service else None
    index = container(target, intent)
    listed = dig(target.workload.data, *POD, "containers", index, "ports", 0, "containerPort")
    found = told or intent.port or listed
    if not isinstance(found, int):
        raise ask(Topic.VALUE, f"On which port does {target.name} listen?", slot=Slot.PORT)
    return found


def _service(target: Target) -> Object | None:
    services = workloads.of_kind(target.found, "Service")
    named = [s for s in services if s.name == target.workload.name]
    return next(iter(named or services), None)


def _add_file(book: Book, target: Target, made: dict[str, Any], style: Style) -> None:
    """A new object as a file of its own, and its line in the kustomization that must include it."""
    app = target.application
    labelled = target.chosen[0]
    own = kustomize.own_of(labelled, target.every) if target.partial else None
    place = folder(own) if own else app.base
    name = style.file(made["kind"], app.name)
    path = join(place, name)
    if path in book.repository.paths:
        name = f"{app.name}-{made['kind'].lower()}.yaml"
        path = join(place, name)
    if path in book.repository.paths:
        raise workloads.Opaque(f"{path} exists and holds something else")
    book.write(
        path, manifests.written([made], style), f"add the {made['kind']} {made['metadata']['name']}"
    )
    including = own or book.repository.kustomizations.get(app.base)
    if including and (app.kind is not Kind.FLAT or _lists_files(book, including)):
        book.append(Spot(including, 0, ("resources",), None), name, f"include {name}")


def _lists_files(book: Book, path: str) -> bool:
    return bool(items(kustomize.head(book.repository, path), "resources"))
