"""What can be told to be wrong with the containers of a pod."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from agents.gitops.issues import Issue, Severity
from agents.gitops.manifests import Manifest
from agents.gitops.names import LABEL, is_port
from agents.gitops.quantities import quantity
from agents.gitops.strictyaml import Path


@dataclass(frozen=True, slots=True)
class _Container:
    m: Manifest
    path: Path

    def issue(self, severity: Severity, rule: str, message: str, *inside: str | int) -> Issue:
        name = self.m.text(*self.path, "name")
        called = f"container {name}" if name else "a container"
        return self.m.issue(severity, rule, f"{called}: {message}", *self.path, *inside)


def check(m: Manifest) -> Iterator[Issue]:
    """Issues of the containers of one object; none where it runs no pods."""
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
            for rule in _RULES:
                yield from rule(container)


def without_limits(m: Manifest) -> Iterator[Issue]:
    """Containers that may take all the memory of a node."""
    template = m.template
    for i, entry in enumerate(m.items(*template, "spec", "containers") if template else ()):
        container = _Container(m, (*(template or ()), "spec", "containers", i))
        limits = ("resources", "limits")
        if isinstance(entry, dict) and "memory" not in m.mapping(*container.path, *limits):
            yield container.issue("warning", "limits", "has no memory limit", "resources")


def _container_name(c: _Container, names: set[str]) -> Iterator[Issue]:
    name = c.m.text(*c.path, "name")
    if not name:
        yield c.issue("error", "containers", "name is missing")
    elif not LABEL.fullmatch(name):
        yield c.issue("error", "name", "the name must be a DNS label", "name")
    elif name in names:
        yield c.issue("error", "containers", "the name is there twice in the pod", "name")
    names.add(name)


def _image(c: _Container) -> Iterator[Issue]:
    image = c.m.text(*c.path, "image")
    if not image.strip():
        yield c.issue("error", "containers", "image is missing")
    elif not is_pinned(image):
        yield c.issue("warning", "image", f"{image} is not pinned; name a version", "image")


def is_pinned(image: str) -> bool:
    """Whether a reference names a version: a digest, or a tag other than `latest`."""
    tag = image.rpartition("/")[2].partition(":")[2]
    return "@" in image or tag not in ("", "latest")


def _ports(c: _Container) -> Iterator[Issue]:
    for i, entry in enumerate(c.m.items(*c.path, "ports")):
        for key in ("containerPort", "hostPort"):
            needed = key == "containerPort" or (isinstance(entry, dict) and key in entry)
            if needed and not (isinstance(entry, dict) and is_port(entry.get(key))):
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


def _doubtful(key: str, value: Any) -> str | None:
    text = str(value)
    if key == "memory" and text.endswith("m"):
        return "means thousandths of a byte; Mi is mebibytes"
    if key == "cpu" and text.endswith(("i", "M", "G", "k")):
        return "is written like memory"
    return None


_RULES: tuple[Callable[[_Container], Iterator[Issue]], ...] = (
    _image,
    _ports,
    _environment,
    _resources,
)
