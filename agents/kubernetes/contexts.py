"""Which clusters the kubeconfig knows, and which of them may be used.

A program that makes credentials (`exec`, or a provider with `cmd-path`) is never run: it would be
a command of ours chosen by a file, and its failure looks like missing credentials. Such a context
is refused with words. Tokens, token files, certificates and basic authentication are fine.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from agents.kubernetes.failures import ClusterError

IN_CLUSTER = "in-cluster"  # the context of a process that runs in a pod, without any kubeconfig
MAX_FILE = 1 << 20  # bytes
_HOW = "set AURA_KUBECONFIG to a kubeconfig, or run Aura in a cluster"


@dataclass(frozen=True, slots=True)
class State:
    """What tells whether files changed: their paths, times and sizes."""

    files: tuple[tuple[str, int, int], ...]


def state(paths: str) -> State:
    """The state of the files of a KUBECONFIG, without those that are not there."""
    found = [(path, path.stat()) for path in _files(paths)]
    return State(tuple((str(path), at.st_mtime_ns, at.st_size) for path, at in found))


def chosen(paths: str, context: str) -> str:
    """The name of the context to use: `context`, else the current one. Raises `ClusterError`."""
    if not paths:
        if context not in ("", IN_CLUSTER):
            raise ClusterError(f"There is no context {context!r}: no kubeconfig is set; {_HOW}.")
        return IN_CLUSTER
    merged = _merged(paths)
    name = context or str(merged["current-context"])
    if name not in merged["contexts"]:
        known = ", ".join(sorted(merged["contexts"])) or "none"
        said = f"There is no context {name!r}" if name else "No current context is set"
        raise ClusterError(f"{said} in the kubeconfig; its contexts: {known}.")
    _usable(name, merged)
    return name


def _usable(name: str, merged: Mapping[str, Any]) -> None:
    context = merged["contexts"][name]
    cluster = str(context.get("cluster") or "")
    if not isinstance(merged["clusters"].get(cluster), dict):
        raise ClusterError(
            f"Context {name!r} names the cluster {cluster!r}, which the kubeconfig does not have."
        )
    user = merged["users"].get(str(context.get("user") or "")) or {}
    provider = user.get("auth-provider")
    if user.get("exec") or provider:
        program = user.get("exec") or {}
        what = program.get("command") if isinstance(program, dict) else ""
        raise ClusterError(
            f"Context {name!r} gets its credentials from a program or provider"
            f" ({what or 'auth-provider'}), which Aura does not run. Give it the token of a service"
            " account instead; docs/clusters.md shows how."
        )


def _files(paths: str) -> list[Path]:
    named = [Path(part).expanduser() for part in paths.split(":") if part]
    return [path for path in named if path.is_file()]


def _merged(paths: str) -> dict[str, Any]:
    """Contexts, clusters and users by name; the first file that names one counts, as in kubectl."""
    files = _files(paths)
    if not files:
        raise ClusterError(f"There is no kubeconfig at {paths}; {_HOW}.")
    merged: dict[str, Any] = {"contexts": {}, "clusters": {}, "users": {}, "current-context": ""}
    for file in files:
        said = _read(file)
        merged["current-context"] = merged["current-context"] or said.get("current-context") or ""
        for plural in ("contexts", "clusters", "users"):
            for name, entry in _named(said.get(plural), plural.removesuffix("s")):
                merged[plural].setdefault(name, entry)
    return merged


def _read(file: Path) -> Mapping[str, Any]:
    try:
        if file.stat().st_size > MAX_FILE:
            raise ClusterError(f"The kubeconfig {file} is too large to be one.")
        said = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ClusterError(f"The kubeconfig {file} cannot be read: {error}") from None
    except (yaml.YAMLError, RecursionError):
        # The library's own words would quote the file, with its tokens.
        raise ClusterError(f"The kubeconfig {file} is not YAML.") from None
    if not isinstance(said, dict):
        raise ClusterError(f"The kubeconfig {file} holds no configuration.")
    return said


def _named(entries: object, key: str) -> Iterable[tuple[str, Mapping[str, Any]]]:
    for entry in entries if isinstance(entries, list) else []:
        if isinstance(entry, dict) and isinstance(entry.get(key), dict):
            yield str(entry.get("name") or ""), entry[key]
