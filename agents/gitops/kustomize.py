"""References of a kustomization that lead nowhere, and secrets it would make from clear text."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

from agents.gitops.issues import Issue
from agents.gitops.policy import Policy
from agents.gitops.strictyaml import Document, Path

FILE_NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_PATH_LISTS = (
    "resources",
    "components",
    "bases",
    "crds",
    "configurations",
    "generators",
    "transformers",
    "validators",
    "patchesStrategicMerge",
)
WHOLE = ("resources", "bases", "components", "crds")
_PATH_FIELDS = ("patches", "patchesJson6902", "replacements")


def is_kustomization(file: str) -> bool:
    return file.rpartition("/")[2] in FILE_NAMES


def nearest(file: str, exists: Callable[[str], bool]) -> str | None:
    """The kustomization that governs `file`: the one in its directory or the first above."""
    directory = posixpath.dirname(file)
    while True:
        for name in FILE_NAMES:
            candidate = posixpath.join(directory, name)
            if exists(candidate):
                return candidate
        if not directory:
            return None
        directory = posixpath.dirname(directory)


def named(kustomization: str, documents: Sequence[Document]) -> dict[str, str]:
    """Path from the root -> the field that names it."""
    return {path: key for key, path, _ in _references(kustomization, documents)}


def is_patch(key: str | None) -> bool:
    """Whether what a field names is a part of an object and not a whole one."""
    return key is not None and key not in WHOLE


def check(
    file: str,
    documents: Sequence[Document],
    exists: Callable[[str], bool],
    policy: Policy,
) -> Iterator[Issue]:
    """Issues of one kustomization; `exists` tells whether a path from the root is a file."""
    for key, path, line in _references(file, documents):
        problem = _problem(path, exists)
        if problem:
            yield Issue(
                severity="error",
                message=f"{key}: {problem}",
                file=file,
                line=line,
                rule="kustomize.reference",
            )
    yield from _clear_secrets(file, documents)
    yield from _house_rules(file, documents, policy)


def broken_by(
    file: str, documents: Sequence[Document], removed: Collection[str]
) -> Iterator[Issue]:
    """References of an unchanged kustomization to files that are `removed`."""
    for key, path, line in _references(file, documents):
        if path in removed:
            yield Issue(
                severity="error",
                message=f"{key}: {path} is deleted but still named here",
                file=file,
                line=line,
                rule="kustomize.reference",
            )


def _problem(path: str, exists: Callable[[str], bool]) -> str | None:
    if path.startswith(("../", "/")) or path == "..":
        return f"{path} lies outside the repository"
    inside = (posixpath.join(path, name) for name in FILE_NAMES)
    if exists(path) or any(exists(candidate) for candidate in inside):
        return None
    return f"there is no {path}"


def _references(file: str, documents: Sequence[Document]) -> Iterator[tuple[str, str, int | None]]:
    """(field, path from the root, line) of everything local that the kustomization names."""
    for document in documents:
        value = document.value if isinstance(document.value, dict) else {}
        for key, entry, where in _entries(value):
            if _is_local(entry):
                joined = posixpath.join(posixpath.dirname(file), entry)
                yield key, posixpath.normpath(joined), document.lines.get(where)


def _entries(value: dict[Any, Any]) -> Iterator[tuple[str, str, Path]]:
    """(field, entry as written, where it stands) of everything that may name a path."""
    for key in _PATH_LISTS:
        yield from _texts(value.get(key), key, (key,))
    for key in _PATH_FIELDS:
        for i, entry in _mappings(value.get(key)):
            if isinstance(entry.get("path"), str):
                yield key, entry["path"], (key, i, "path")
    for key in ("configMapGenerator", "secretGenerator"):
        for i, entry in _mappings(value.get(key)):
            yield from _texts(entry.get("envs"), f"{key}.envs", (key, i, "envs"))
            for name, item, where in _texts(entry.get("files"), f"{key}.files", (key, i, "files")):
                yield name, item.rpartition("=")[2], where  # `key=path`


def _texts(value: Any, name: str, where: Path) -> Iterator[tuple[str, str, Path]]:
    for i, entry in enumerate(value if isinstance(value, list) else ()):
        if isinstance(entry, str):
            yield name, entry, (*where, i)


def _mappings(value: Any) -> Iterator[tuple[int, dict[Any, Any]]]:
    for i, entry in enumerate(value if isinstance(value, list) else ()):
        if isinstance(entry, dict):
            yield i, entry


def _is_local(entry: str) -> bool:
    """Remote bases are URLs or host/owner/repo forms; an inline patch has lines."""
    remote = "://" in entry or "?ref=" in entry or "//" in entry or entry.startswith("git@")
    return bool(entry) and not remote and "\n" not in entry and not entry.startswith("github.com/")


def _clear_secrets(file: str, documents: Sequence[Document]) -> Iterator[Issue]:
    for document in documents:
        value = document.value if isinstance(document.value, dict) else {}
        for i, entry in _mappings(value.get("secretGenerator")):
            if entry.get("literals"):
                yield Issue(
                    severity="error",
                    message="secretGenerator with literals writes a secret in clear; use a"
                    " SealedSecret",
                    file=file,
                    line=document.lines.get(("secretGenerator", i)),
                    rule="secrets.clear",
                )


def _house_rules(file: str, documents: Sequence[Document], policy: Policy) -> Iterator[Issue]:
    """The namespace that everything is put into, and tags that name no version."""
    for document in documents:
        value = document.value if isinstance(document.value, dict) else {}
        namespace = value.get("namespace")
        if isinstance(namespace, str) and not policy.allows(namespace):
            yield Issue(
                severity="error",
                message=policy.outside(namespace),
                file=file,
                line=document.lines.get(("namespace",)),
                rule="policy.namespace",
            )
        for i, entry in _mappings(value.get("images")):
            if entry.get("newTag") == "latest" and not entry.get("digest"):
                yield Issue(
                    severity="warning",
                    message=f"{entry.get('name', 'an image')}:latest is not pinned; name a version",
                    file=file,
                    line=document.lines.get(("images", i, "newTag")),
                    rule="kubernetes.image",
                )
