"""Which kustomizations stand above an application, and where they override a value.

A variant is one way an application is rendered: one overlay, or one cluster that includes it. Its
chain lists the kustomizations from the outermost to the application's own.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from agents.offline.layout import Application, Kind, Repository, folder, join
from agents.offline.slots import CANONICAL

MAX_VARIANTS = 20
MAX_DEPTH = 10
_LISTS = ("resources", "bases", "components")


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of a kustomization that includes something; `target` is its path in the repository."""

    path: str
    key: str
    index: int
    value: str
    target: str


@dataclass(frozen=True, slots=True)
class Variant:
    """`label` is the environment, "" where there is but one way. `chain` is outermost first."""

    label: str
    chain: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Patch:
    """A strategic-merge patch file: document `index` of `path`, used by a kustomization."""

    path: str
    index: int
    data: Any


def head(repository: Repository, path: str) -> dict[str, Any]:
    """The kustomization itself; empty when it was not read or has another shape."""
    documents = repository.documents(path)
    return documents[0] if documents and isinstance(documents[0], dict) else {}


def entries(repository: Repository, path: str) -> Iterator[Entry]:
    """What a kustomization includes from the repository."""
    data = head(repository, path)
    for key in _LISTS:
        listed = data.get(key)
        for index, value in enumerate(listed if isinstance(listed, list) else []):
            if isinstance(value, str) and "://" not in value:
                target = posixpath.normpath(join(folder(path), value))
                yield Entry(path, key, index, value, target)


def including(repository: Repository, application: Application) -> list[Entry]:
    """The lines that include an application, in kustomizations that are not its own."""
    own = set(application.files)
    found = []
    for path in repository.kustomizations.values():
        if path not in own:
            found += [e for e in entries(repository, path) if _belongs(e.target, application)]
    return found


def _belongs(target: str, application: Application) -> bool:
    if application.kind is Kind.FLAT:
        return target in application.files
    return target == application.home or target.startswith(f"{application.home}/")


def variants(repository: Repository, application: Application) -> list[Variant]:
    """Every way the application is rendered; one without a chain where there is no Kustomize."""
    if application.kind is Kind.FLAT:
        chains = _flat_chains(repository, application)
        return _labelled(chains) if chains else [Variant("", ())]
    if application.overlays:
        rendered = list(_overlay_variants(repository, application))[:MAX_VARIANTS]
        return rendered or [Variant("", ())]
    own = repository.kustomizations.get(application.base)
    if own is None:
        above = {entry.path for entry in including(repository, application)}
        chains = [chain for path in sorted(above) for chain in _above(repository, path, ())]
        return _labelled(chains) if chains else [Variant("", ())]
    return _labelled(_above(repository, own, ()))


def _overlay_variants(repository: Repository, application: Application) -> Iterator[Variant]:
    base = repository.kustomizations.get(application.base)
    for name, place in sorted(application.overlays.items()):
        own = repository.kustomizations.get(place)
        if own is None:
            continue
        below = (base,) if base else ()
        for chain in _above(repository, own, ())[:1]:
            yield Variant(name, (*chain, *below))


def _flat_chains(repository: Repository, application: Application) -> list[tuple[str, ...]]:
    direct = {entry.path for entry in including(repository, application)}
    return [chain for path in sorted(direct) for chain in _above(repository, path, ())]


def _above(repository: Repository, path: str, seen: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Every chain that ends in the kustomization at `path`."""
    if path in seen or len(seen) > MAX_DEPTH:
        return []
    parents = {
        other
        for other in repository.kustomizations.values()
        if other != path and any(e.target == folder(path) for e in entries(repository, other))
    }
    chains = [
        (*chain, path)
        for parent in sorted(parents)
        for chain in _above(repository, parent, (*seen, path))
    ]
    return chains[:MAX_VARIANTS] or [(path,)]


def _labelled(chains: list[tuple[str, ...]]) -> list[Variant]:
    if len(chains) == 1:
        return [Variant("", chains[0])]
    return [Variant(posixpath.basename(folder(chain[0])), chain) for chain in chains]


def matches(label: str, environment: str) -> bool:
    """`prod` and `production` are one environment."""
    return CANONICAL.get(label.lower(), label) == CANONICAL.get(environment.lower(), environment)


def own_of(variant: Variant, others: list[Variant]) -> str | None:
    """The innermost kustomization that no other variant uses: overrides for one alone go there."""
    shared = {path for other in others if other != variant for path in other.chain}
    return next((path for path in reversed(variant.chain) if path not in shared), None)


def patches(repository: Repository, path: str) -> tuple[list[Patch], list[str]]:
    """(strategic-merge patches in files, texts of all others: inline ones and JSON patches)."""
    data = head(repository, path)
    files: list[Patch] = []
    opaque: list[str] = []
    for item in _patch_items(data):
        if isinstance(item.get("patch"), str):
            opaque.append(f"{item.get('target', '')} {item['patch']}")
        place = item.get("path")
        if not isinstance(place, str):
            continue
        target = posixpath.normpath(join(folder(path), place))
        if target not in repository.texts:
            opaque.append(f"{target} was not read: replicas and image may stand there")
        for index, document in enumerate(repository.documents(target)):
            if isinstance(document, dict) and "kind" in document:
                files.append(Patch(target, index, document))
            else:
                opaque.append(f"{item.get('target', '')} {document}")
    return files, opaque


def _patch_items(data: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for key in ("patches", "patchesJson6902", "patchesStrategicMerge"):
        listed = data.get(key)
        for item in listed if isinstance(listed, list) else []:
            if isinstance(item, dict):
                yield item
            elif isinstance(item, str) and "\n" in item:
                yield {"patch": item}
            elif isinstance(item, str):
                yield {"path": item}
