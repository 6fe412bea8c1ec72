"""Helm charts: their values, and which files an Argo CD application takes them from. Pure.

A chart has no fixed names for its values; what most charts agree on is known here: `image` with
`repository` and `tag`, `replicaCount`, `resources`, `env`, at the top or below one key a component.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

CHART: Final = "Chart.yaml"
VALUES: Final = ("values.yaml", "values.yml")
IMAGE, RESOURCES = "image", "resources"
REPLICAS: Final = ("replicaCount", "replicas")
ENV: Final = ("env", "extraEnv", "extraEnvVars", "envVars", "environment")
MAX_DEPTH: Final = 3
_VALUES_FILE = re.compile(r"(?:.*[._-])?values(?:[._-].*)?\.ya?ml")

Path = tuple[str | int, ...]
Exists = Callable[[str], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where an Argo CD application (`name`, written in `file`) renders the chart `chart` from.

    `value_files` in the order in which they are read: the last wins. `parameters` are dotted names
    that the application sets itself, which wins over every file; "*" where it brings values.
    """

    name: str
    file: str
    chart: str
    value_files: tuple[str, ...]
    parameters: frozenset[str]

    def sets(self, way: Path) -> bool:
        """Whether the application itself sets a value, so that no file governs it."""
        return bool(self.parameters & {"*", ".".join(map(str, way))})


def homes(paths: Sequence[str]) -> list[str]:
    """Folders of the charts; those that another chart carries along (`x/charts/y`) are no own."""
    found = {posixpath.dirname(p) for p in paths if posixpath.basename(p) == CHART} - {""}
    return sorted(home for home in found if home.rpartition("/charts/")[0] not in found)


def is_template(path: str, exists: Exists) -> bool:
    """Whether `path` is a Helm template, which is not YAML before it is rendered."""
    parts = path.split("/")
    return any(
        part == "templates" and exists("/".join([*parts[:i], CHART]))
        for i, part in enumerate(parts[:-1])
    )


def is_values(path: str) -> bool:
    """Whether a file is called as values are."""
    return _VALUES_FILE.fullmatch(posixpath.basename(path)) is not None


# --- what Argo CD reads ---------------------------------------------------------------------------


def sources(file: str, documents: Sequence[Any], exists: Exists) -> Iterator[Source]:
    """The charts of this repository that the Argo CD applications of one file render."""
    for document in documents:
        if not isinstance(document, dict) or document.get("kind") != "Application":
            continue
        if not str(document.get("apiVersion", "")).startswith("argoproj.io/"):
            continue
        spec = _mapping(document.get("spec"))
        listed = spec.get("sources")
        for source in listed if isinstance(listed, list) else [spec.get("source")]:
            found = _source(file, document, _mapping(source), exists)
            if found:
                yield found


def _source(
    file: str, application: dict[str, Any], source: dict[str, Any], exists: Exists
) -> Source | None:
    chart = posixpath.normpath(str(source.get("path") or "")).strip("/")
    if not exists(posixpath.join(chart, CHART)):
        return None
    helm = _mapping(source.get("helm"))
    named = helm.get("valueFiles")
    listed = named if isinstance(named, list) else []
    files = [_value_file(chart, each) for each in listed if isinstance(each, str)]
    given = helm.get("parameters")
    parameters = [str(_mapping(p).get("name")) for p in given] if isinstance(given, list) else []
    if helm.get("values") or helm.get("valuesObject"):
        parameters.append("*")
    return Source(
        name=str(_mapping(application.get("metadata")).get("name") or ""),
        file=file,
        chart=chart,
        value_files=tuple(path for path in files if exists(path)),
        parameters=frozenset(parameters),
    )


def _value_file(chart: str, name: str) -> str:
    """Relative to the chart; `$ref/…` is relative to the root of a repository, here: this one."""
    if name.startswith("$"):
        return posixpath.normpath(name.partition("/")[2])
    return posixpath.normpath(posixpath.join(chart, name))


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


# --- what values mean -----------------------------------------------------------------------------


def components(values: Any) -> list[Path]:
    """Where one workload each is described: mappings that hold an image, the top one first."""
    return list(_components(values, ()))


def _components(value: Any, at: Path) -> Iterator[Path]:
    if not isinstance(value, dict) or len(at) > MAX_DEPTH:
        return
    if _is_image(value.get(IMAGE)):
        yield at
    for key, inner in value.items():
        if isinstance(key, str) and key not in (IMAGE, "global"):
            yield from _components(inner, (*at, key))


def _is_image(value: Any) -> bool:
    if isinstance(value, str):
        return bool(value)
    return isinstance(value, dict) and bool({"repository", "name", "tag"} & value.keys())


def dig(value: Any, way: Path) -> Any:
    """What stands at `way`, None where there is nothing."""
    for key in way:
        if isinstance(value, dict):
            value = value.get(key)
        elif isinstance(value, list) and isinstance(key, int) and key < len(value):
            value = value[key]
        else:
            return None
    return value


def settings(values: Any) -> dict[str, Any]:
    """Dotted name -> value of what is usually changed: image, replicas, resources, env."""
    found: dict[str, Any] = {}
    for at in components(values):
        for key in (IMAGE, *REPLICAS, RESOURCES, *ENV):
            value = dig(values, (*at, key))
            if value is not None:
                found |= _flat((*at, key), value)
    return found


def _flat(at: Path, value: Any) -> dict[str, Any]:
    if isinstance(value, dict) and value:
        return {k: v for key, inner in value.items() for k, v in _flat((*at, key), inner).items()}
    return {".".join(map(str, at)): value}
