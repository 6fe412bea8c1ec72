"""What a pod refers to and does not find: the kubelet's words for it."""

from __future__ import annotations

from collections.abc import Iterator

from agents.sandbox import kinds
from agents.sandbox.objects import Object, at, name_of, namespace_of, spec_of
from agents.sandbox.store import Store


def missing_volume(store: Store, pod: Object) -> str:
    """Why a volume of the pod cannot be mounted; "" when all can."""
    for volume in spec_of(pod).get("volumes") or ():
        for source, kind, key in (
            ("configMap", kinds.CONFIG_MAP, "name"),
            ("secret", kinds.SECRET, "secretName"),
        ):
            reference = volume.get(source)
            if not reference or reference.get("optional"):
                continue
            words = _missing(store, kind, namespace_of(pod), str(reference.get(key, "")))
            words = words or _missing_items(store, kind, namespace_of(pod), reference, key)
            if words:
                return f'MountVolume.SetUp failed for volume "{volume["name"]}" : {words}'
    return ""


def _missing(store: Store, kind: kinds.Kind, namespace: str, name: str) -> str:
    if store.find(kind, namespace, name) is not None:
        return ""
    return f'{kind.singular} "{name}" not found'


def _missing_items(
    store: Store, kind: kinds.Kind, namespace: str, reference: Object, key: str
) -> str:
    found = store.get(kind, namespace, reference[key])
    known = {**(found.get("data") or {}), **(found.get("binaryData") or {})}
    for item in reference.get("items") or ():
        if item.get("key") not in known:
            return f"references non-existent {kind.singular} key: {item.get('key')}"
    return ""


def missing_environment(store: Store, pod: Object, container: Object) -> str:
    """Why a container cannot be configured; "" when it can."""
    return next(_environment(store, pod, container), "")


def _environment(store: Store, pod: Object, container: Object) -> Iterator[str]:
    namespace = namespace_of(pod)
    pairs = (("configMap", kinds.CONFIG_MAP), ("secret", kinds.SECRET))
    for source in container.get("envFrom") or ():
        for key, kind in pairs:
            reference = source.get(f"{key}Ref")
            if reference and not reference.get("optional"):
                words = _missing(store, kind, namespace, str(reference.get("name", "")))
                if words:
                    yield words
    for env in container.get("env") or ():
        for key, kind in pairs:
            reference = at(env, "valueFrom", f"{key}KeyRef")
            if reference and not reference.get("optional"):
                yield from _key(store, kind, namespace, reference)


def _key(store: Store, kind: kinds.Kind, namespace: str, reference: Object) -> Iterator[str]:
    name, key = str(reference.get("name", "")), str(reference.get("key", ""))
    words = _missing(store, kind, namespace, name)
    if words:
        yield words
        return
    found = store.get(kind, namespace, name)
    if key not in {**(found.get("data") or {}), **(found.get("binaryData") or {})}:
        yield f"couldn't find key {key} in {kind.kind} {namespace}/{name_of(found)}"
