"""The workload of an application, and the one place that governs each of its values.

A value may stand in the manifest, in a patch, or in a transformer of a kustomization above it; the
outermost wins. A `Spot` is that place, with the value that is in force.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from agents.manifests import yamltext
from agents.offline import kustomize
from agents.offline.kustomize import Variant
from agents.offline.layout import Application, Repository
from agents.offline.values import Image, parse_image

KINDS = ("Deployment", "StatefulSet", "DaemonSet")
POD = ("spec", "template", "spec")


class Opaque(Exception):
    """A value is governed by something that rules cannot edit; the message says by what."""


@dataclass(frozen=True, slots=True)
class Object:
    """One Kubernetes object in a file: document `index` of `path`."""

    path: str
    index: int
    data: Any

    @property
    def kind(self) -> str:
        return str(self.data.get("kind", ""))

    @property
    def name(self) -> str:
        return str(dig(self.data, "metadata", "name") or "")


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a value stands: `at` is its path in document `index` of `path`, `value` what it is."""

    path: str
    index: int
    at: yamltext.Path
    value: Any


@dataclass(frozen=True, slots=True)
class ImageSpot:
    """Where an image is set: in a manifest (`transformer` False) or an `images:` entry."""

    spot: Spot
    image: Image
    transformer: bool = False


def dig(data: Any, *way: str | int) -> Any:
    """The value at a path of keys and indexes; None where the shape is another."""
    for key in way:
        if isinstance(data, dict):
            data = data.get(key)
        elif isinstance(data, list) and isinstance(key, int) and key < len(data):
            data = data[key]
        else:
            return None
    return data


def items(data: Any, *way: str | int) -> list[Any]:
    """The list at a path; empty where there is none."""
    found = dig(data, *way)
    return found if isinstance(found, list) else []


def objects(repository: Repository, application: Application) -> list[Object]:
    """Every object in the manifests of an application; overlays and patches are not among them."""
    overlays = tuple(f"{place}/" for place in application.overlays.values())
    patched = {
        patch.path
        for path in application.files
        if path in repository.kustomizations.values()
        for patch in kustomize.patches(repository, path)[0]
    }
    found = []
    for path in application.files:
        if path in patched or (overlays and path.startswith(overlays)):
            continue
        for index, data in enumerate(repository.documents(path)):
            if isinstance(data, dict) and data.get("kind") and dig(data, "metadata", "name"):
                found.append(Object(path, index, data))
    return found


def of_kind(found: list[Object], *kinds: str) -> list[Object]:
    return [item for item in found if item.kind in kinds]


def workload(found: list[Object], name: str) -> Object | None:
    """The workload that an application's name means; None where that cannot be told."""
    candidates = of_kind(found, *KINDS)
    named = [item for item in candidates if item.name == name]
    if named or len(candidates) == 1:
        return (named or candidates)[0]
    main = [item for item in candidates if item.kind == "Deployment"]
    return main[0] if len(main) == 1 else None


def containers(item: Object) -> list[dict[str, Any]]:
    return [
        c for c in items(item.data, *POD, "containers") if isinstance(c, dict) and c.get("name")
    ]


def container_index(item: Object, name: str | None, application: str) -> int | None:
    """Which container is meant: the named one, the only one, or the one called like the app."""
    listed = items(item.data, *POD, "containers")
    names = [str(dig(c, "name")) for c in listed]
    if name in names:
        return names.index(name or "")
    if len(names) == 1:
        return 0
    return next((names.index(n) for n in (application, item.name) if n in names), None)


def _patches(repository: Repository, path: str, item: Object) -> list[kustomize.Patch]:
    files, _ = kustomize.patches(repository, path)
    return [
        p
        for p in files
        if dig(p.data, "kind") == item.kind and dig(p.data, "metadata", "name") == item.name
    ]


def _refuse_opaque(repository: Repository, path: str, item: Object, word: str) -> None:
    """An inline or JSON patch that mentions the value may govern it: rules cannot tell."""
    for text in kustomize.patches(repository, path)[1]:
        if word in text and (item.name in text or "name" not in text):
            raise Opaque(f"{path} may set it with an inline or JSON patch")


def replicas(repository: Repository, item: Object, variant: Variant) -> Spot:
    """Where the number of replicas is set. Raises `Opaque`."""
    for path in variant.chain:
        for index, entry in enumerate(items(kustomize.head(repository, path), "replicas")):
            if dig(entry, "name") == item.name:
                return Spot(path, 0, ("replicas", index, "count"), dig(entry, "count"))
        for patch in _patches(repository, path, item):
            value = dig(patch.data, "spec", "replicas")
            if value is not None:
                return Spot(patch.path, patch.index, ("spec", "replicas"), value)
        _refuse_opaque(repository, path, item, "replicas")
    value = dig(item.data, "spec", "replicas")
    # Kubernetes runs one replica where none is stated.
    return Spot(item.path, item.index, ("spec", "replicas"), 1 if value is None else value)


def image(repository: Repository, item: Object, container: int, variant: Variant) -> ImageSpot:
    """Where the image of a container is set. Raises `Opaque` also for unreadable references."""
    at = (*POD, "containers", container, "image")
    found = ImageSpot(Spot(item.path, item.index, at, ""), _parsed(dig(item.data, *at), item.path))
    name = dig(item.data, *POD, "containers", container, "name")
    for path in reversed(variant.chain):
        for patch in _patches(repository, path, item):
            found = _patched_image(patch, name) or found
        _refuse_opaque(repository, path, item, "image")
        for index, entry in enumerate(items(kustomize.head(repository, path), "images")):
            if dig(entry, "name") == found.image.repository:
                spot = Spot(path, 0, ("images", index), entry)
                found = ImageSpot(spot, _transformed(found.image, entry), transformer=True)
    return found


def _parsed(text: Any, path: str) -> Image:
    parsed = parse_image(text) if isinstance(text, str) else None
    if parsed is None:
        raise Opaque(f"the image in {path} is no plain reference")
    return parsed


def _patched_image(patch: kustomize.Patch, container: Any) -> ImageSpot | None:
    for index, entry in enumerate(items(patch.data, *POD, "containers")):
        if dig(entry, "name") == container and dig(entry, "image"):
            at = (*POD, "containers", index, "image")
            parsed = _parsed(dig(entry, "image"), patch.path)
            return ImageSpot(Spot(patch.path, patch.index, at, ""), parsed)
    return None


def _transformed(base: Image, entry: Any) -> Image:
    repository = str(dig(entry, "newName") or base.repository)
    tag, digest = dig(entry, "newTag"), dig(entry, "digest")
    if tag is None and digest is None:
        return Image(repository, base.tag, base.digest)
    return Image(
        repository, None if tag is None else str(tag), None if digest is None else str(digest)
    )


def patch_of(repository: Repository, path: str, item: Object) -> kustomize.Patch | None:
    """The strategic-merge patch that a kustomization already has for a workload."""
    return next(iter(_patches(repository, path, item)), None)


def variables(
    repository: Repository, item: Object, container: int, variant: Variant, name: str
) -> Spot | None:
    """Where an environment variable of a container is set, outermost patch first; None: nowhere.

    The spot is the list item `{name, value}`.
    """
    called = dig(item.data, *POD, "containers", container, "name")
    for path in variant.chain:
        for patch in _patches(repository, path, item):
            for place, entry in enumerate(items(patch.data, *POD, "containers")):
                if dig(entry, "name") == called:
                    spot = _variable(patch.path, patch.index, patch.data, place, name)
                    if spot:
                        return spot
    return _variable(item.path, item.index, item.data, container, name)


def _variable(path: str, index: int, data: Any, container: int, name: str) -> Spot | None:
    way = (*POD, "containers", container, "env")
    for place, entry in enumerate(items(data, *way)):
        if dig(entry, "name") == name:
            return Spot(path, index, (*way, place), entry)
    return None


@dataclass(frozen=True, slots=True)
class Setting:
    """One key of a ConfigMap, or one `KEY=value` literal of a ConfigMap generator."""

    configmap: str
    key: str
    spot: Spot
    literal: bool = False


def settings(repository: Repository, found: list[Object], variant: Variant) -> Iterator[Setting]:
    """Everything in the ConfigMaps and generators of an application, outermost first."""
    for path in variant.chain:
        generators = items(kustomize.head(repository, path), "configMapGenerator")
        for number, generator in enumerate(generators):
            name = str(dig(generator, "name"))
            for place, literal in enumerate(items(generator, "literals")):
                key, sign, _ = str(literal).partition("=")
                at = ("configMapGenerator", number, "literals", place)
                if sign:
                    yield Setting(name, key, Spot(path, 0, at, literal), literal=True)
    for item in of_kind(found, "ConfigMap"):
        data = dig(item.data, "data")
        for key, value in (data if isinstance(data, dict) else {}).items():
            spot = Spot(item.path, item.index, ("data", str(key)), value)
            yield Setting(item.name, str(key), spot)


def from_configmaps(item: Object, container: int) -> list[str]:
    """The ConfigMaps whose keys become environment variables of a container."""
    listed = items(item.data, *POD, "containers", container, "envFrom")
    names = (dig(entry, "configMapRef", "name") for entry in listed)
    return [str(name) for name in names if name]
