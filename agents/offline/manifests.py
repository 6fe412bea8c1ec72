"""The manifests of a new application, in the style of its neighbours.

`learn` reads the style (file names, labels, where the namespace stands, list indentation); the
other functions return plain data, one mapping for each Kubernetes object.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from agents.manifests import yamlstyle
from agents.offline import kustomize, workloads
from agents.offline.catalogue import Software
from agents.offline.layout import Application, Kind, Repository
from agents.offline.values import Image, amount
from agents.offline.workloads import Object, dig

NAME_LABEL = "app.kubernetes.io/name"
REQUESTS = {"cpu": "50m", "memory": "64Mi"}
LIMITS = {"cpu": "500m", "memory": "256Mi"}
KUSTOMIZATION = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}
_FILES = {"Deployment": "deployment.yaml", "Service": "service.yaml", "Ingress": "ingress.yaml"}
# Labels that tell of one application only, and are not a house style.
_OWN = re.compile(r"(?:^|/)(?:version|component|tier|release|chart|instance|pod-template-hash)$")
Labels = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """How this repository writes manifests. `{name}` in labels and file names is the application.

    `namespace_in` is "manifest", "kustomization" (the application's own), "above" (in one that
    includes it), or "" where no neighbour states one. `namespace` is the one the neighbours share,
    `own_namespace` says that each has its own. `lists` is the indentation of lists.
    """

    files: Mapping[str, str] = field(default_factory=lambda: dict(_FILES))
    labels: Labels = field(default_factory=lambda: {NAME_LABEL: "{name}"})
    selector: Labels = field(default_factory=lambda: {NAME_LABEL: "{name}"})
    namespace_in: str = ""
    namespace: str = ""
    own_namespace: bool = False
    creates_namespace: bool = False
    lists: int = yamlstyle.INDENT
    explicit_start: bool = False
    ingress_class: str = ""
    learned_from: str = ""

    def file(self, kind: str, name: str) -> str:
        return self.files.get(kind, f"{kind.lower()}.yaml").replace("{name}", name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Blueprint:
    """A new application, every value checked.

    `port` is the Service's; `container_port` (by default the same) the one the image listens on.
    """

    name: str
    image: Image
    replicas: int
    port: int | None
    container_port: int | None = None
    namespace: str
    host: str | None
    env: tuple[tuple[str, str], ...] = ()
    resources: Mapping[str, str] = field(default_factory=dict)
    software: Software | None = None


def learn(repository: Repository, neighbours: list[Application], kind: Kind) -> Style:
    """The style of the neighbours; the defaults where there are none."""
    base = _for_kind(kind)
    for neighbour in neighbours:
        found = workloads.objects(repository, neighbour)
        main = workloads.workload(found, neighbour.name)
        if main is not None and main.kind == "Deployment":
            return _of(repository, neighbours, neighbour, found, main, base)
    return base


def _for_kind(kind: Kind) -> Style:
    if kind is Kind.FLAT:
        return Style(files=dict.fromkeys(_FILES, "{name}.yaml"))
    return Style()


def _of(
    repository: Repository,
    neighbours: list[Application],
    neighbour: Application,
    found: list[Object],
    main: Object,
    base: Style,
) -> Style:
    text = repository.texts[main.path]
    labels, selector = _labels(main, neighbour.name)
    ingress = next(
        (dig(o.data, "spec", "ingressClassName") for o in workloads.of_kind(found, "Ingress")), ""
    )
    return Style(
        files=_files(found, neighbour, base),
        labels=_common(repository, neighbours, labels),
        selector=selector,
        lists=yamlstyle.offset(text),
        explicit_start=text.lstrip().startswith("---"),
        ingress_class=ingress if isinstance(ingress, str) else "",
        learned_from=neighbour.name,
        **_namespaces(repository, neighbours),
    )


def _files(found: list[Object], neighbour: Application, base: Style) -> dict[str, str]:
    """Kind -> file name with `{name}`, e.g. `{name}-deployment.yaml`; others in the same manner."""
    files = dict(base.files)
    for item in reversed(found):
        stem = posixpath.basename(item.path)
        pattern = re.sub(rf"\b{re.escape(neighbour.name)}\b", "{name}", stem)
        files[item.kind] = pattern
    deployment = files["Deployment"]
    seen = {item.kind for item in found}
    for kind in set(_FILES) - seen:
        role = _FILES[kind].removesuffix(".yaml")
        files[kind] = re.sub(r"deployment|deploy", role, deployment)
        if files[kind] == deployment and "{name}" not in deployment:
            files[kind] = _FILES[kind]
    return files


def _labels(main: Object, name: str) -> tuple[dict[str, str], dict[str, str]]:
    selector = dig(main.data, "spec", "selector", "matchLabels")
    labels = dig(main.data, "metadata", "labels")
    kept = _templated(selector, name)
    if "{name}" not in kept.values():
        kept = {NAME_LABEL: "{name}"}
    return {**kept, **_templated(labels, name)}, kept


def _templated(labels: Any, name: str) -> dict[str, str]:
    pairs = labels.items() if isinstance(labels, dict) else ()
    return {
        str(key): "{name}" if value == name else str(value)
        for key, value in pairs
        if value == name or (isinstance(value, str) and not _OWN.search(str(key)))
    }


def _common(repository: Repository, neighbours: list[Application], labels: Labels) -> Labels:
    """Constant labels are a style only where every neighbour that was read carries them."""
    for neighbour in neighbours:
        main = workloads.workload(workloads.objects(repository, neighbour), neighbour.name)
        if main is None:
            continue
        theirs = dig(main.data, "metadata", "labels")
        labels = {k: v for k, v in labels.items() if v == "{name}" or dig(theirs, k) == v}
    return labels


def _namespaces(repository: Repository, neighbours: list[Application]) -> dict[str, Any]:
    stated: dict[str, str] = {}
    place = ""
    creates = False
    for neighbour in neighbours:
        _, where = namespace_of(repository, neighbour)
        values = namespaces_of(repository, neighbour)
        place = place or where
        if len(values) == 1:  # overlays may state one each: then there is none to share
            stated[neighbour.name] = next(iter(values))
        kinds = [o.kind for o in workloads.objects(repository, neighbour)]
        creates = creates or "Namespace" in kinds
    distinct = set(stated.values())
    own = len(stated) > 0 and all(name == value for name, value in stated.items())
    return {
        "namespace_in": place,
        "namespace": distinct.pop() if len(distinct) == 1 and not own else "",
        "own_namespace": own,
        "creates_namespace": creates,
    }


def namespace_of(repository: Repository, application: Application) -> tuple[str, str]:
    """(the namespace an application is written into, where that stands); both may be empty."""
    for variant in kustomize.variants(repository, application)[:1]:
        for path in variant.chain:
            value = kustomize.head(repository, path).get("namespace")
            if isinstance(value, str):
                return value, "kustomization" if path in application.files else "above"
    main = workloads.workload(workloads.objects(repository, application), application.name)
    value = dig(main.data, "metadata", "namespace") if main else None
    return (value, "manifest") if isinstance(value, str) else ("", "")


def namespaces_of(repository: Repository, application: Application) -> set[str]:
    """Every namespace that an application is rendered into, as far as it is stated."""
    found: set[str] = set()
    for variant in kustomize.variants(repository, application):
        heads = [kustomize.head(repository, path).get("namespace") for path in variant.chain]
        found.update(value for value in heads if isinstance(value, str))
    return found or {value for value in [namespace_of(repository, application)[0]] if value}


def objects(blueprint: Blueprint, style: Style) -> list[dict[str, Any]]:
    """Deployment, Service where a port is known, Ingress where a host was told."""
    found = [deployment(blueprint, style)]
    if blueprint.port:
        found.append(service(blueprint, style))
        if blueprint.host:
            found.append(ingress(blueprint, style, port=blueprint.port))
    if style.creates_namespace and blueprint.namespace and blueprint.namespace != style.namespace:
        found.insert(0, _headed("v1", "Namespace", {"name": blueprint.namespace}))
    return found


def _headed(version: str, kind: str, metadata: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "metadata": metadata}


def metadata(name: str, namespace: str, style: Style) -> dict[str, Any]:
    """Name, namespace where manifests state it here, and the labels of the house."""
    stated = {"namespace": namespace} if namespace and style.namespace_in == "manifest" else {}
    return {"name": name, **stated, "labels": named(style.labels, name)}


def named(labels: Labels, name: str) -> dict[str, str]:
    return {key: value.replace("{name}", name) for key, value in labels.items()}


def deployment(blueprint: Blueprint, style: Style) -> dict[str, Any]:
    pod: dict[str, Any] = {}
    if blueprint.software and blueprint.software.uid:
        pod["securityContext"] = {"runAsNonRoot": True, "runAsUser": blueprint.software.uid}
    pod["containers"] = [_container(blueprint)]
    template = {
        "metadata": {
            "labels": {
                **named(style.selector, blueprint.name),
                **named(style.labels, blueprint.name),
            }
        },
        "spec": pod,
    }
    return {
        **_headed("apps/v1", "Deployment", metadata(blueprint.name, blueprint.namespace, style)),
        "spec": {
            "replicas": blueprint.replicas,
            "selector": {"matchLabels": named(style.selector, blueprint.name)},
            "template": template,
        },
    }


def _container(blueprint: Blueprint) -> dict[str, Any]:
    container: dict[str, Any] = {"name": blueprint.name, "image": str(blueprint.image)}
    port_name = _port_name(blueprint)
    if blueprint.port:
        container["ports"] = [
            {"name": port_name, "containerPort": blueprint.container_port or blueprint.port}
        ]
    env: list[dict[str, Any]] = [{"name": key, "value": value} for key, value in blueprint.env]
    env += _from_secret(blueprint)
    if env:
        container["env"] = env
    container["resources"] = quantities(blueprint)
    if blueprint.port:
        container["readinessProbe"] = {"tcpSocket": {"port": port_name}}
    container["securityContext"] = {"allowPrivilegeEscalation": False}
    return container


def _port_name(blueprint: Blueprint) -> str:
    return blueprint.software.port_name if blueprint.software else "http"


def secret_name(name: str) -> str:
    """The Secret that a person has to seal for an image that needs credentials."""
    return f"{name}-credentials"


def _from_secret(blueprint: Blueprint) -> list[dict[str, Any]]:
    needed = blueprint.software.credentials if blueprint.software else ()
    given = {key for key, _ in blueprint.env}
    return [
        {
            "name": variable,
            "valueFrom": {"secretKeyRef": {"name": secret_name(blueprint.name), "key": key}},
        }
        for variable, key in needed
        if variable not in given
    ]


def quantities(blueprint: Blueprint) -> dict[str, dict[str, str]]:
    """Requests and limits: what was told, else the defaults; a default yields to what was told."""
    limits, requests = dict(LIMITS), dict(REQUESTS)
    if blueprint.software:
        limits["memory"] = blueprint.software.memory
    for key, value in blueprint.resources.items():
        side, _, kind = key.partition(".")
        (limits if side == "limits" else requests)[kind] = value
    for kind in ("cpu", "memory"):
        if (amount(requests[kind]) or 0) > (amount(limits[kind]) or 0):
            if f"limits.{kind}" in blueprint.resources:
                requests[kind] = limits[kind]
            else:
                limits[kind] = requests[kind]
    return {"requests": requests, "limits": limits}


def service(blueprint: Blueprint, style: Style) -> dict[str, Any]:
    port = {
        "name": _port_name(blueprint),
        "port": blueprint.port,
        "targetPort": _port_name(blueprint),
    }
    return {
        **_headed("v1", "Service", metadata(blueprint.name, blueprint.namespace, style)),
        "spec": {"selector": named(style.selector, blueprint.name), "ports": [port]},
    }


def ingress(blueprint: Blueprint, style: Style, *, port: int, backend: str = "") -> dict[str, Any]:
    """An Ingress from the host to a Service: `backend`, by default called like the application."""
    target = {"service": {"name": backend or blueprint.name, "port": {"number": port}}}
    path = {"path": "/", "pathType": "Prefix", "backend": target}
    chosen = {"ingressClassName": style.ingress_class} if style.ingress_class else {}
    return {
        **_headed(
            "networking.k8s.io/v1", "Ingress", metadata(blueprint.name, blueprint.namespace, style)
        ),
        "spec": {**chosen, "rules": [{"host": blueprint.host, "http": {"paths": [path]}}]},
    }


def written(found: list[dict[str, Any]], style: Style) -> str:
    """Objects as one file."""
    text = yamlstyle.dump(found, lists=style.lists)
    return text if not style.explicit_start or text.startswith("---") else f"---\n{text}"


def by_file(found: list[dict[str, Any]], style: Style, name: str) -> dict[str, str]:
    """File name -> text; kinds that share a file in this repository share one here."""
    grouped: dict[str, list[dict[str, Any]]] = {}
    for item in found:
        grouped.setdefault(style.file(item["kind"], name), []).append(item)
    return {file: written(items, style) for file, items in grouped.items()}


def kustomization(resources: list[str], style: Style, *, namespace: str = "") -> str:
    """A kustomization that includes `resources`."""
    stated = {"namespace": namespace} if namespace else {}
    return written([{**KUSTOMIZATION, **stated, "resources": resources}], style)


def in_manifest(style: Style) -> Style:
    """The same style with the namespace in every manifest."""
    return replace(style, namespace_in="manifest")


def without_namespace(style: Style) -> Style:
    """The same style for a base: its overlays state the namespace."""
    return replace(style, namespace_in="")
