"""From the files of a commit to the objects that an application wants."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from agents.sandbox.argo import kustomize
from agents.sandbox.argo.documents import RenderError, documents_of
from agents.sandbox.argo.repository import Files
from agents.sandbox.objects import Object, at

_ENDINGS = (".yaml", ".yml", ".json")


def source_type(files: Files, path: str) -> str:
    """Directory, Kustomize or Helm, told by the files as Argo CD tells it."""
    base = _normal(path)
    if any(posixpath.join(base, name) in files for name in kustomize.FILE_NAMES):
        return "Kustomize"
    if posixpath.join(base, "Chart.yaml") in files:
        return "Helm"
    return "Directory"


def render(files: Files, source: Object) -> list[Object]:
    """The objects of `spec.source`, in the order they are written. Raises RenderError."""
    path = str(source.get("path") or ".")
    base = _normal(path)
    if base and not any(name.startswith(f"{base}/") for name in files):
        raise RenderError(f"{path}: app path does not exist")
    match source_type(files, path):
        case "Kustomize":
            return _expanded(kustomize.build(files, base, at(source, "kustomize", default={})))
        case "Helm":
            raise RenderError(
                f"{path}: the sandbox renders plain YAML and Kustomize; Helm charts are not"
                " supported"
            )
        case _:
            recurse = bool(at(source, "directory", "recurse"))
            return _expanded(_directory(files, base, recurse=recurse))


def _directory(files: Files, base: str, *, recurse: bool) -> list[Object]:
    found: list[Object] = []
    for name in sorted(files):
        if not name.endswith(_ENDINGS) or (base and not name.startswith(f"{base}/")):
            continue
        inside = name[len(base) + 1 :] if base else name
        if recurse or "/" not in inside:
            found += documents_of(name, files[name])
    return found


def _expanded(objects: list[Object]) -> list[Object]:
    return [each for obj in objects for each in _items(obj)]


def _items(obj: Object) -> Iterator[Object]:
    if str(obj.get("kind", "")).endswith("List") and isinstance(obj.get("items"), list):
        yield from obj["items"]
    else:
        yield obj


def _normal(path: str) -> str:
    found = posixpath.normpath(path).strip("/")
    return "" if found == "." else found
