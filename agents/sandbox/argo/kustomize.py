"""Kustomize in pure Python: what overlays of everyday repositories use.

resources, bases, components, namespace, namePrefix, nameSuffix, commonLabels, labels,
commonAnnotations, images, replicas, patches, patchesStrategicMerge, patchesJson6902,
configMapGenerator, secretGenerator, generatorOptions. Anything else is a RenderError that names it.
"""

from __future__ import annotations

import posixpath
import re
from typing import Any

from agents.sandbox import patch as patching
from agents.sandbox.argo import generators, names
from agents.sandbox.argo.documents import RenderError, documents_of
from agents.sandbox.argo.labels import label, listed, set_image
from agents.sandbox.argo.repository import Files
from agents.sandbox.fields import of_kind
from agents.sandbox.objects import Object, copy_of, meta, name_of, namespace_of

FILE_NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_KNOWN = frozenset(
    {
        "apiVersion",
        "kind",
        "metadata",
        "resources",
        "bases",
        "components",
        "namespace",
        "namePrefix",
        "nameSuffix",
        "commonLabels",
        "labels",
        "commonAnnotations",
        "images",
        "replicas",
        "patches",
        "patchesStrategicMerge",
        "patchesJson6902",
        "configMapGenerator",
        "secretGenerator",
        "generatorOptions",
        "crds",
        "openapi",
        "sortOptions",
        "buildMetadata",
    }
)
_CLUSTER_WIDE = frozenset(
    {
        "Namespace",
        "Node",
        "PersistentVolume",
        "ClusterRole",
        "ClusterRoleBinding",
        "StorageClass",
        "PriorityClass",
        "CustomResourceDefinition",
        "IngressClass",
    }
)
_DEEPEST = 20


def build(files: Files, base: str, extra: Object | None = None) -> list[Object]:
    """The objects of the kustomization in `base`; `extra` is spec.source.kustomize of Argo CD."""
    objects = names.finished(_build(files, base, 0))
    if extra:
        objects = _transformed(objects, _of_argo(extra), files, base)
        objects = names.finished(objects)
    return objects


def _of_argo(extra: Object) -> Object:
    """Argo CD's own options, in the words of a kustomization."""
    kept = ("namePrefix", "nameSuffix", "commonLabels", "commonAnnotations", "namespace")
    found = {key: extra[key] for key in kept if extra.get(key)}
    if extra.get("images"):
        found["images"] = [_image(text) for text in extra["images"]]
    if extra.get("replicas"):
        found["replicas"] = extra["replicas"]
    if extra.get("patches"):
        found["patches"] = extra["patches"]
    return found


def _image(text: str) -> Object:
    """`name=new:tag`, `name:tag` or `name@digest`."""
    name, mark, new = text.partition("=")
    target = new if mark else name
    repository, _, digest = target.partition("@")
    tag = ""
    if not digest and ":" in repository.rpartition("/")[2]:
        repository, _, tag = repository.rpartition(":")
    old = name if mark else repository
    image = {"name": old, "newName": repository}
    return image | ({"digest": digest} if digest else {}) | ({"newTag": tag} if tag else {})


def _build(files: Files, base: str, depth: int) -> list[Object]:
    if depth > _DEEPEST:
        raise RenderError(f"{base}: kustomizations are nested too deep; is there a cycle?")
    file, config = _config(files, base)
    unknown = sorted(config.keys() - _KNOWN)
    if unknown:
        raise RenderError(f"{file}: the sandbox does not know {', '.join(unknown)}")
    objects: list[Object] = []
    for entry in [*listed(config, "resources"), *listed(config, "bases")]:
        objects += _resource(files, base, str(entry), depth)
    for entry in listed(config, "components"):
        objects = _component(files, _join(base, str(entry)), objects)
    return _transformed(objects, config, files, base)


def _component(files: Files, base: str, objects: list[Object]) -> list[Object]:
    _, config = _config(files, base)
    found = list(objects)
    for entry in listed(config, "resources"):
        found += _resource(files, base, str(entry), 1)
    return _transformed(found, config, files, base)


def _config(files: Files, base: str) -> tuple[str, Object]:
    for name in FILE_NAMES:
        file = posixpath.join(base, name)
        if file in files:
            found = (
                documents_of(file, b"kind: Kustomization\n" + files[file])
                if (b"\nkind:" not in b"\n" + files[file])
                else documents_of(file, files[file])
            )
            if not found:
                raise RenderError(f"{file}: kustomization is empty")
            return file, found[0]
    raise RenderError(
        f"unable to find one of 'kustomization.yaml', 'kustomization.yml' or 'Kustomization' in"
        f" directory '{base}'"
    )


def _resource(files: Files, base: str, entry: str, depth: int) -> list[Object]:
    if "://" in entry or "?ref=" in entry or entry.startswith(("github.com/", "git@")):
        raise RenderError(f"{entry}: the sandbox does not fetch remote bases")
    path = _join(base, entry)
    if path in files:
        return [copy_of(each) for each in documents_of(path, files[path])]
    if any(name.startswith(f"{path}/") for name in files):
        return _build(files, path, depth + 1)
    raise RenderError(
        f"accumulating resources: accumulation err='accumulating resources from '{entry}': open"
        f" {path}: no such file or directory'"
    )


def _join(base: str, entry: str) -> str:
    path = posixpath.normpath(posixpath.join(base, entry))
    if path.startswith(("..", "/")):
        raise RenderError(f"{entry}: lies outside the repository")
    return path


def _transformed(objects: list[Object], config: Object, files: Files, base: str) -> list[Object]:
    objects = objects + generators.made(config, files, base)
    objects = _patched(objects, config, files, base)
    if config.get("namespace"):
        _set_namespace(objects, str(config["namespace"]))
    names.rename(objects, str(config.get("namePrefix") or ""), str(config.get("nameSuffix") or ""))
    label(objects, config)
    for obj in objects:
        for image in listed(config, "images"):
            set_image(obj, image)
        for replicas in listed(config, "replicas"):
            if replicas.get("name") in (name_of(obj), names.original(obj)):
                _set_replicas(obj, int(replicas["count"]))
    return objects


def _set_namespace(objects: list[Object], namespace: str) -> None:
    for obj in objects:
        if obj["kind"] not in _CLUSTER_WIDE:
            obj.setdefault("metadata", {})["namespace"] = namespace
        for subject in obj.get("subjects") or ():
            if subject.get("kind") == "ServiceAccount":
                subject["namespace"] = namespace


def _set_replicas(obj: Object, count: int) -> None:
    if isinstance(obj.get("spec"), dict) and obj["kind"] in (
        "Deployment",
        "StatefulSet",
        "ReplicaSet",
    ):
        obj["spec"]["replicas"] = count


# --- patches --------------------------------------------------------------------------------------


def _patched(objects: list[Object], config: Object, files: Files, base: str) -> list[Object]:
    for entry in listed(config, "patchesStrategicMerge"):
        text = str(entry)
        content = text.encode() if "\n" in text else _read(files, base, text)
        for each in documents_of(text[:40], content):
            objects = _merge(objects, each, {})
    for entry in [*listed(config, "patches"), *listed(config, "patchesJson6902")]:
        path = entry.get("path")
        content = _read(files, base, path) if path else str(entry.get("patch") or "").encode()
        objects = _patch(objects, content, entry.get("target") or {}, path or "patch")
    return objects


def _read(files: Files, base: str, name: str) -> bytes:
    path = _join(base, name)
    if path not in files:
        raise RenderError(f"open {path}: no such file or directory")
    return files[path]


def _patch(objects: list[Object], content: bytes, target: Object, name: str) -> list[Object]:
    operations = generators.loaded(content, name)
    if isinstance(operations, list):
        if not any(_is_target(obj, target) for obj in objects):
            raise RenderError(f"unable to find patch target {_shown(target)}")
        return [_operated(obj, operations, target, name) for obj in objects]
    for each in [operations] if target else documents_of(name, content):
        if not isinstance(each, dict):
            raise RenderError(f"{name}: unable to parse SM or JSON patch")
        objects = _merge(objects, each, target)
    return objects


def _operated(obj: Object, operations: list[Any], target: Object, name: str) -> Object:
    if not _is_target(obj, target):
        return obj
    try:
        result: Object = patching.json_patch(obj, operations)
    except patching.PatchError as error:
        raise RenderError(f"{name}: {error}") from None
    return result


def _merge(objects: list[Object], patch: Object, target: Object) -> list[Object]:
    wanted = target or {"kind": patch.get("kind"), "name": name_of(patch)}
    found = [obj for obj in objects if _is_target(obj, wanted)]
    if not found and not target:
        raise RenderError(f"no resource matches strategic merge patch {_shown(wanted)}")
    body = {key: value for key, value in patch.items() if key not in ("apiVersion", "kind")}
    if target and "metadata" in body:
        body["metadata"] = {k: v for k, v in meta(body).items() if k not in ("name", "namespace")}
    result = []
    for obj in objects:
        if obj not in found:
            result.append(obj)
        elif patch.get("$patch") != "delete":
            merged = patching.strategic(obj, body, of_kind(obj["kind"]))
            merged["metadata"]["name"] = name_of(obj)
            result.append(merged)
    return result


def _is_target(obj: Object, target: Object) -> bool:
    group = str(obj.get("apiVersion", "")).rpartition("/")[0]
    for key, value in (("kind", obj["kind"]), ("group", group), ("namespace", namespace_of(obj))):
        if target.get(key) and not re.fullmatch(str(target[key]), value):
            return False
    wanted = target.get("name")
    if wanted and not any(
        re.fullmatch(str(wanted), n) for n in (name_of(obj), names.original(obj))
    ):
        return False
    labels = meta(obj).get("labels") or {}
    pairs = filter(None, str(target.get("labelSelector") or "").split(","))
    return all(labels.get(pair.partition("=")[0]) == pair.partition("=")[2] for pair in pairs)


def _shown(target: Object) -> str:
    return f"{target.get('kind', '')}/{target.get('name', '')}"
