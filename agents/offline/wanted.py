"""Which files are to be read before anything about an application can be decided."""

from __future__ import annotations

import posixpath
import re
from typing import Any

from agents.manifests import charts
from agents.manifests.charts import Source
from agents.offline.layout import (
    GUIDE,
    Application,
    Kind,
    Repository,
    folder,
    is_kustomization,
    is_yaml,
    join,
    models,
)
from agents.offline.vocabulary import words

MAX_READ = 60
_ARGO = words("argocd argo application applications applicationset clusters cluster bootstrap app")


def wanted(repository: Repository, name: str | None) -> tuple[str, ...]:
    """The files to read before anything about `name` can be decided."""
    application = repository.applications.get(name or "")
    own = application.files if application else ()
    guide = [GUIDE] if GUIDE in repository.paths else []
    kustomizations = sorted(repository.kustomizations.values(), key=lambda p: (p.count("/"), p))
    near = [p for p in kustomizations if p not in own]
    siblings = [p for app in models(repository, name) for p in app.files if is_yaml(p)]
    listed = [*guide, *(p for p in own if is_yaml(p)), *siblings[:20], *near]
    patches = [
        p for path in listed if is_kustomization(path) for p in _patch_files(repository, path)
    ]
    values = _value_files(repository, application) if application else []
    return tuple(dict.fromkeys([*values, *listed[:MAX_READ], *patches[:MAX_READ]]))


def chart_sources(repository: Repository) -> list[Source]:
    """What the Argo CD applications that were read render from charts of the repository."""
    there = frozenset(repository.paths)
    return [
        source
        for path in repository.texts
        if is_yaml(path)
        for source in charts.sources(path, repository.documents(path), there.__contains__)
    ]


def _value_files(repository: Repository, application: Application) -> list[str]:
    """The values of a chart: its own, and once the Argo CD applications are read, theirs."""
    if application.kind is not Kind.HELM:
        return []
    own = [join(application.home, name) for name in (charts.CHART, *charts.VALUES)]
    likely = [p for p in repository.paths if _may_be_argo(p)][:MAX_READ]
    named = [
        path
        for source in chart_sources(repository)
        if source.chart == application.home
        for path in source.value_files
    ]
    return [path for path in [*own, *likely, *named] if path in repository.paths]


def _may_be_argo(path: str) -> bool:
    """Where Argo CD applications are usually written."""
    named = any(word in _ARGO for word in re.split(r"[/._-]", path.lower()))
    return is_yaml(path) and named and "templates" not in path.split("/")


def _patch_files(repository: Repository, path: str) -> list[str]:
    """Files that a kustomization patches with, once it is read: they may override a value."""
    documents = repository.documents(path)
    data = documents[0] if documents and isinstance(documents[0], dict) else {}
    items = [i for key in ("patches", "patchesStrategicMerge") for i in _listed(data.get(key))]
    names = [i.get("path") if isinstance(i, dict) else i for i in items]
    places = [posixpath.normpath(join(folder(path), n)) for n in names if isinstance(n, str)]
    return [place for place in places if place in repository.paths]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
