"""What can be told to be wrong with Kubernetes objects from their text. Values in, issues out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from agents.gitops.issues import Issue, Severity
from agents.gitops.strictyaml import Document, Path

_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_SUBDOMAIN = re.compile(
    r"(?=.{1,253}\Z)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*"
)
_QUANTITY = re.compile(
    r"[+-]?(?P<number>\d+(?:\.\d*)?|\.\d+)(?P<suffix>[KMGTPE]i|[numkMGTPE]|[eE][+-]?\d{1,3}|)"
)
_FACTORS = {
    "n": Decimal("1e-9"), "u": Decimal("1e-6"), "m": Decimal("1e-3"), "": Decimal(1),
    **{unit: Decimal(1000) ** power for power, unit in enumerate("kMGTPE", 1)},
    **{f"{unit}i": Decimal(1024) ** power for power, unit in enumerate("KMGTPE", 1)},
}  # fmt: skip  # a table
_MAX_PORT = 65535

_POD_TEMPLATES: Mapping[str, Path] = {
    "Pod": (),
    "Deployment": ("spec", "template"),
    "ReplicaSet": ("spec", "template"),
    "StatefulSet": ("spec", "template"),
    "DaemonSet": ("spec", "template"),
    "ReplicationController": ("spec", "template"),
    "Job": ("spec", "template"),
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
    "Rollout": ("spec", "template"),
}
_SELECTING = ("Deployment", "ReplicaSet", "StatefulSet", "DaemonSet")
_NAMESPACED = frozenset(_POD_TEMPLATES) | {
    *("Service", "ConfigMap", "Secret", "Ingress", "ServiceAccount", "Role", "RoleBinding"),
    *("PersistentVolumeClaim", "NetworkPolicy", "HorizontalPodAutoscaler", "Lease"),
    *("PodDisruptionBudget", "ResourceQuota", "LimitRange", "Endpoints", "EndpointSlice"),
}
_LABEL_NAMED = frozenset({"Namespace", "Service"})
_FREELY_NAMED = frozenset({"Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"})
# Groups whose files configure a program and are never objects of a cluster.
_CONFIGURATION = re.compile(
    r"(?:.*\.)?config\.k8s\.io|kubeadm\.k8s\.io|audit\.k8s\.io|apiserver\.k8s\.io|kind\.x-k8s\.io"
)
# Their newest version is an alpha, so saying so helps nobody.
_ALPHA_ONLY = frozenset({"argoproj.io", "bitnami.com"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """One object in a file; `base` is its place in the document (items of a List have one)."""

    file: str
    value: dict[Any, Any]
    lines: Mapping[Path, int]
    base: Path = ()
    managed: bool = False  # kustomize adds to it, e.g. the namespace

    @property
    def kind(self) -> str:
        return self.text("kind")

    @property
    def group(self) -> str:
        return self.text("apiVersion").rpartition("/")[0]

    @property
    def builtin(self) -> str:
        """The kind when it is Kubernetes' own (or Argo's Rollout), else nothing.

        Knative has a Service and Volcano a Job, of other shapes.
        """
        own = "." not in self.group or self.group.endswith(".k8s.io")
        rollout = (
            self.kind == "Rollout" and self.group == "argoproj.io" and self.get("spec", "template")
        )
        return self.kind if own or rollout else ""

    @property
    def template(self) -> Path | None:
        """Where the pod is described, None for what runs no pods."""
        return _POD_TEMPLATES.get(self.builtin)

    @property
    def name(self) -> str:
        return self.text("metadata", "name")

    def get(self, *path: str | int) -> Any:
        """The value at `path`, or None where anything on the way is missing or of another type."""
        value: Any = self.value
        for part in path:
            if isinstance(value, dict):
                value = value.get(part)
            elif isinstance(value, list) and isinstance(part, int) and part < len(value):
                value = value[part]
            else:
                return None
        return value

    def text(self, *path: str | int) -> str:
        value = self.get(*path)
        return value if isinstance(value, str) else ""

    def mapping(self, *path: str | int) -> dict[Any, Any]:
        value = self.get(*path)
        return value if isinstance(value, dict) else {}

    def items(self, *path: str | int) -> list[Any]:
        value = self.get(*path)
        return value if isinstance(value, list) else []

    def line(self, *path: str | int) -> int | None:
        """Line of `path`, or of the nearest thing around it that has one."""
        whole = (*self.base, *path)
        for length in range(len(whole), -1, -1):
            if whole[:length] in self.lines:
                return self.lines[whole[:length]]
        return None

    def issue(self, severity: Severity, rule: str, message: str, *path: str | int) -> Issue:
        what = f"{self.kind or 'object'} {self.name}".strip()
        return Issue(
            severity=severity,
            message=f"{what}: {message}",
            file=self.file,
            line=self.line(*path),
            rule=f"kubernetes.{rule}",
        )


def manifests(file: str, documents: Sequence[Document], *, managed: bool) -> Iterator[Manifest]:
    """The objects among the documents of a file; other YAML is nobody's business here."""
    for document in documents:
        value = document.value
        if not isinstance(value, dict) or not _is_object(value):
            continue
        whole = Manifest(file=file, value=value, lines=document.lines, managed=managed)
        if whole.kind.endswith("List") and isinstance(value.get("items"), list):
            for i, item in enumerate(value["items"]):
                if isinstance(item, dict):
                    yield Manifest(
                        file=file,
                        value=item,
                        lines=document.lines,
                        base=("items", i),
                        managed=managed,
                    )
        elif not _CONFIGURATION.fullmatch(whole.group):
            yield whole


def _is_object(value: Mapping[Any, Any]) -> bool:
    return sum(key in value for key in ("apiVersion", "kind", "metadata", "spec")) > 1


def check_manifest(manifest: Manifest) -> list[Issue]:
    """What is wrong with one object taken alone."""
    return [issue for rule in _RULES for issue in rule(manifest)]


# --- the object itself ----------------------------------------------------------------------------


def _identity(m: Manifest) -> Iterator[Issue]:
    for key in ("apiVersion", "kind"):
        if not m.text(key):
            yield m.issue("error", "shape", f"{key} is missing", key)
    if "metadata" not in m.value and "." in m.group and not m.group.endswith(".k8s.io"):
        yield m.issue("warning", "shape", "metadata is missing", "kind")
    elif not m.name and not m.text("metadata", "generateName"):
        yield m.issue("error", "shape", "metadata.name is missing or not text", "metadata")
    elif m.name and not _name_fits(m):
        yield m.issue(
            "error",
            "name",
            "the name must be lower-case letters, digits, '-' and '.', and begin and end with a"
            " letter or digit",
            "metadata",
            "name",
        )


def _name_fits(m: Manifest) -> bool:
    if m.builtin in _FREELY_NAMED:
        return m.name not in (".", "..") and not any(c in m.name for c in "/%")
    pattern = _LABEL if m.builtin in _LABEL_NAMED else _SUBDOMAIN
    return pattern.fullmatch(m.name) is not None


def _namespace(m: Manifest) -> Iterator[Issue]:
    given = m.get("metadata", "namespace")
    if given is not None and not (isinstance(given, str) and _LABEL.fullmatch(given)):
        yield m.issue("error", "name", "metadata.namespace is no name", "metadata", "namespace")
    if m.builtin in _NAMESPACED and given is None and not m.managed:
        yield m.issue(
            "warning", "namespace", "no namespace; it lands wherever it is applied", "metadata"
        )


def _version(m: Manifest) -> Iterator[Issue]:
    version = m.text("apiVersion").rpartition("/")[2]
    if re.match(r"v\d+(?:alpha|beta)", version) and m.group not in _ALPHA_ONLY:
        yield m.issue("warning", "version", f"{version} is not a stable version", "apiVersion")


def _text_maps(m: Manifest) -> Iterator[Issue]:
    """Labels and annotations hold text alone; YAML makes numbers and booleans of bare words."""
    places: list[Path] = [("metadata", "labels"), ("metadata", "annotations")]
    if m.template:
        places += [(*m.template, *place) for place in places]
    for place in places:
        for key, value in m.mapping(*place).items():
            if not isinstance(key, str) or not isinstance(value, str):
                yield m.issue(
                    "error", "text", f"{place[-1]}.{key} must be text: quote it", *place, str(key)
                )


def _replicas(m: Manifest) -> Iterator[Issue]:
    replicas = m.get("spec", "replicas")
    if m.template is not None and replicas is not None and not _is_count(replicas):
        yield m.issue(
            "error",
            "replicas",
            "spec.replicas must be a whole number, 0 or more",
            "spec",
            "replicas",
        )


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _selector(m: Manifest) -> Iterator[Issue]:
    if m.builtin not in _SELECTING:
        return
    if not m.mapping("spec", "selector"):
        yield m.issue("error", "selector", "spec.selector is missing", "spec")
        return
    labels = m.mapping("spec", "template", "metadata", "labels")
    for key, value in m.mapping("spec", "selector", "matchLabels").items():
        if labels.get(key) != value:
            yield m.issue(
                "error",
                "selector",
                f"the selector wants {key}={value}, the pod template has"
                f" {labels.get(key, 'no such label')}",
                "spec",
                "selector",
                "matchLabels",
                key,
            )


def _service_ports(m: Manifest) -> Iterator[Issue]:
    if m.builtin != "Service":
        return
    for i, entry in enumerate(m.items("spec", "ports")):
        if isinstance(entry, dict) and not _is_port(entry.get("port")):
            yield m.issue(
                "error", "port", "a port is a number from 1 to 65535", "spec", "ports", i, "port"
            )


def _is_port(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= _MAX_PORT


# --- containers -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Container:
    m: Manifest
    path: Path

    def issue(self, severity: Severity, rule: str, message: str, *inside: str | int) -> Issue:
        name = self.m.text(*self.path, "name")
        called = f"container {name}" if name else "a container"
        return self.m.issue(severity, rule, f"{called}: {message}", *self.path, *inside)


def _pods(m: Manifest) -> Iterator[Issue]:
    template = m.template
    if template is None:
        return
    if not m.items(*template, "spec", "containers"):
        yield m.issue("error", "containers", "the pod has no containers", *template, "spec")
    names: set[str] = set()
    for place in ("initContainers", "containers"):
        for i, entry in enumerate(m.items(*template, "spec", place)):
            container = _Container(m, (*template, "spec", place, i))
            if not isinstance(entry, dict):
                yield container.issue("error", "containers", "must be a mapping")
                continue
            yield from _container_name(container, names)
            for rule in _CONTAINER_RULES:
                yield from rule(container)


def _container_name(c: _Container, names: set[str]) -> Iterator[Issue]:
    name = c.m.text(*c.path, "name")
    if not name:
        yield c.issue("error", "containers", "name is missing")
    elif not _LABEL.fullmatch(name):
        yield c.issue("error", "name", "the name must be a DNS label", "name")
    elif name in names:
        yield c.issue("error", "containers", "the name is there twice in the pod", "name")
    names.add(name)


def _image(c: _Container) -> Iterator[Issue]:
    image = c.m.text(*c.path, "image")
    if not image.strip():
        yield c.issue("error", "containers", "image is missing")
        return
    tag = image.rpartition("/")[2].partition(":")[2]
    if "@" not in image and tag in ("", "latest"):
        yield c.issue("warning", "image", f"{image} is not pinned; name a version", "image")


def _ports(c: _Container) -> Iterator[Issue]:
    for i, entry in enumerate(c.m.items(*c.path, "ports")):
        for key in ("containerPort", "hostPort"):
            needed = key == "containerPort" or (isinstance(entry, dict) and key in entry)
            if needed and not (isinstance(entry, dict) and _is_port(entry.get(key))):
                yield c.issue(
                    "error", "port", f"{key} must be a number from 1 to 65535", "ports", i, key
                )


def _environment(c: _Container) -> Iterator[Issue]:
    for i, entry in enumerate(c.m.items(*c.path, "env")):
        if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
            yield c.issue("error", "env", "an env entry needs a name", "env", i)
        elif not isinstance(entry.get("value", ""), str):
            yield c.issue(
                "error", "text", f"env {entry['name']} must be text: quote it", "env", i, "value"
            )


def _resources(c: _Container) -> Iterator[Issue]:
    limits = c.m.mapping(*c.path, "resources", "limits")
    for part in ("requests", "limits"):
        for key, value in c.m.mapping(*c.path, "resources", part).items():
            where = ("resources", part, str(key))
            amount = quantity(value)
            if amount is None or amount < 0:
                yield c.issue(
                    "error", "quantity", f"{part}.{key}: {value!r} is no quantity", *where
                )
                continue
            doubt = _doubtful(str(key), value)
            if doubt:
                yield c.issue("warning", "quantity", f"{part}.{key}: {value} {doubt}", *where)
            most = quantity(limits.get(key))
            if part == "requests" and most is not None and amount > most:
                yield c.issue("error", "quantity", f"requests.{key} is above limits.{key}", *where)


def quantity(value: Any) -> Decimal | None:
    """The number a Kubernetes quantity such as `500m` or `1Gi` means; None when it is none."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    match = _QUANTITY.fullmatch(str(value))
    if not match:
        return None
    suffix = match["suffix"]
    try:
        factor = _FACTORS[suffix] if suffix in _FACTORS else Decimal(f"1{suffix}")
        return Decimal(match["number"]) * factor * (-1 if str(value).startswith("-") else 1)
    except InvalidOperation:
        return None


def _doubtful(key: str, value: Any) -> str | None:
    text = str(value)
    if key == "memory" and text.endswith("m"):
        return "means thousandths of a byte; Mi is mebibytes"
    if key == "cpu" and text.endswith(("i", "M", "G", "k")):
        return "is written like memory"
    return None


_CONTAINER_RULES: tuple[Callable[[_Container], Iterator[Issue]], ...] = (
    _image,
    _ports,
    _environment,
    _resources,
)
_RULES: tuple[Callable[[Manifest], Iterator[Issue]], ...] = (
    _identity,
    _namespace,
    _version,
    _text_maps,
    _replicas,
    _selector,
    _service_ports,
    _pods,
)


# --- objects together -----------------------------------------------------------------------------


def check_together(all_manifests: Sequence[Manifest]) -> Iterator[Issue]:
    """Services whose selector fits no pod, although the pods they mean can be seen.

    The pods meant are those of the same name in the same directory and namespace; for pods that
    merely share the file it is a doubt.
    """
    workloads = [m for m in all_manifests if m.template is not None]
    for service in (m for m in all_manifests if m.builtin == "Service"):
        selector = service.mapping("spec", "selector")
        near = [m for m in workloads if _is_near(service, m)]
        if not selector or not near or any(_selects(selector, m) for m in workloads):
            continue
        meant = next((m for m in near if m.name == service.name), None)
        wanted = ", ".join(f"{key}={value}" for key, value in selector.items())
        shown = meant or near[0]
        yield service.issue(
            "error" if meant else "warning",
            "selector",
            f"the selector {wanted} fits no pod of {shown.kind} {shown.name}",
            "spec",
            "selector",
        )


def _is_near(service: Manifest, workload: Manifest) -> bool:
    if service.get("metadata", "namespace") != workload.get("metadata", "namespace"):
        return False
    beside = service.file.rpartition("/")[0] == workload.file.rpartition("/")[0]
    return service.file == workload.file or (beside and service.name == workload.name)


def _selects(selector: Mapping[Any, Any], workload: Manifest) -> bool:
    labels = workload.mapping(*(workload.template or ()), "metadata", "labels")
    return all(labels.get(key) == value for key, value in selector.items())
