"""What of a repository the manifests at a path are made from: a Kustomize overlay and its bases."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from typing import Final

from agents.gitops import kustomize, strictyaml
from agents.gitops.jail import Jail
from agents.runtime.tool import ToolFailure

MOST: Final = 200  # directories and files


def made_from(jail: Jail, path: str) -> list[str]:
    """Files and directories beneath the root, the path itself first."""
    found, queue = [path], [path]
    while queue and len(found) < MOST:
        for each in _named(jail, queue.pop()):
            if each not in found:
                found.append(each)
                queue.append(each)
    return found


def _named(jail: Jail, directory: str) -> Iterator[str]:
    """What the kustomization of a directory names, if it has one."""
    for name in kustomize.FILE_NAMES:
        file = posixpath.normpath(posixpath.join(directory, name))
        if not jail.exists(file):
            continue
        try:
            documents = strictyaml.load_all(jail.read_text(file).text)
        except (strictyaml.Refused, ToolFailure):
            return
        yield from (each for each in kustomize.named(file, documents) if _inside(each))


def _inside(path: str) -> bool:
    return not path.startswith(("../", "/")) and path != ".."
