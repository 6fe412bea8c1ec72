"""Names in a kustomization: prefixes, hashes, and whoever refers to what was renamed.

Until the build is finished an object carries its history of names under `_NAMES`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from agents.sandbox.objects import Object, at, name_of, pod_template

_NAMES = "\0names"
_HASHED = "\0hash"
_UNTOUCHED = ("Namespace", "CustomResourceDefinition")

Put = Callable[[str], None]


def original(obj: Object) -> str:
    """The name in the file."""
    return str((obj.get(_NAMES) or [name_of(obj)])[0])


def mark_hashed(obj: Object, digest: str) -> None:
    """Have `-digest` put behind the name when the build is finished."""
    obj[_HASHED] = digest


def rename(objects: list[Object], prefix: str, suffix: str) -> None:
    if not prefix and not suffix:
        return
    for obj in objects:
        if obj["kind"] not in _UNTOUCHED:
            _to(obj, f"{prefix}{name_of(obj)}{suffix}")
    _update(objects)


def finished(objects: list[Object]) -> list[Object]:
    """Hashes put on, references led to the new names, the history taken off."""
    for obj in objects:
        if obj.get(_HASHED):
            _to(obj, f"{name_of(obj)}-{obj[_HASHED]}")
    _update(objects)
    return [{key: val for key, val in o.items() if key not in (_NAMES, _HASHED)} for o in objects]


def _to(obj: Object, name: str) -> None:
    obj.setdefault(_NAMES, [name_of(obj)]).append(name)
    obj["metadata"]["name"] = name


def _update(objects: list[Object]) -> None:
    renamed = {
        (obj["kind"], old): name_of(obj)
        for obj in objects
        if obj.get(_NAMES)
        for old in obj[_NAMES][:-1]
    }
    for obj in objects:
        for kind, name, put in _references(obj):
            if (kind, name) in renamed:
                put(renamed[kind, name])


def _references(obj: Object) -> Iterator[tuple[str, str, Put]]:
    """(kind, name, a way to change it) of every object that `obj` names."""
    spec = obj.get("spec") if obj["kind"] == "Pod" else pod_template(obj).get("spec")
    if isinstance(spec, dict):
        yield from _of_pod(spec)
    if obj["kind"] == "Ingress":
        yield from _of_ingress(obj)
    for reference in (at(obj, "spec", "scaleTargetRef"), obj.get("roleRef")):
        if isinstance(reference, dict):
            yield _entry(str(reference.get("kind", "")), reference, "name")
    for subject in obj.get("subjects") or ():
        yield _entry(str(subject.get("kind", "")), subject, "name")
    if obj["kind"] == "StatefulSet" and at(obj, "spec", "serviceName"):
        yield _entry("Service", obj["spec"], "serviceName")


def _of_pod(spec: Object) -> Iterator[tuple[str, str, Put]]:
    for volume in spec.get("volumes") or ():
        yield from _of_volume(volume)
    for container in [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]:
        yield from _of_container(container)
    if spec.get("serviceAccountName"):
        yield _entry("ServiceAccount", spec, "serviceAccountName")
    for secret in spec.get("imagePullSecrets") or ():
        yield _entry("Secret", secret, "name")


def _of_volume(volume: Object) -> Iterator[tuple[str, str, Put]]:
    for source, kind, key in (
        ("configMap", "ConfigMap", "name"),
        ("secret", "Secret", "secretName"),
        ("persistentVolumeClaim", "PersistentVolumeClaim", "claimName"),
    ):
        if isinstance(volume.get(source), dict):
            yield _entry(kind, volume[source], key)
    for part in at(volume, "projected", "sources", default=[]):
        for source, kind in (("configMap", "ConfigMap"), ("secret", "Secret")):
            if isinstance(part.get(source), dict):
                yield _entry(kind, part[source], "name")


def _of_container(container: Object) -> Iterator[tuple[str, str, Put]]:
    sources = [
        *(container.get("envFrom") or ()),
        *(each["valueFrom"] for each in container.get("env") or () if each.get("valueFrom")),
    ]
    for source in sources:
        for key, kind in (
            ("configMapRef", "ConfigMap"),
            ("configMapKeyRef", "ConfigMap"),
            ("secretRef", "Secret"),
            ("secretKeyRef", "Secret"),
        ):
            if isinstance(source.get(key), dict):
                yield _entry(kind, source[key], "name")


def _of_ingress(obj: Object) -> Iterator[tuple[str, str, Put]]:
    for rule in at(obj, "spec", "rules", default=[]):
        for path in at(rule, "http", "paths", default=[]):
            found = at(path, "backend", "service")
            if isinstance(found, dict):
                yield _entry("Service", found, "name")
    for tls in at(obj, "spec", "tls", default=[]):
        yield _entry("Secret", tls, "secretName")


def _entry(kind: str, holder: dict[str, Any], key: str) -> tuple[str, str, Put]:
    def put(name: str) -> None:
        holder[key] = name

    return kind, str(holder.get(key, "")), put
