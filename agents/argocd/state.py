"""What an Application object says, as facts. Both ways to Argo CD read the same object."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Self

HEALTHY, DEGRADED, PROGRESSING = "Healthy", "Degraded", "Progressing"
SUSPENDED, MISSING, UNKNOWN = "Suspended", "Missing", "Unknown"
SYNCED, OUT_OF_SYNC = "Synced", "OutOfSync"
FAILED_PHASES: Final = frozenset({"Failed", "Error"})
SUCCEEDED: Final = "Succeeded"
TRACKING: Final = "argocd.argoproj.io/tracking-id"
INSTANCE: Final = "app.kubernetes.io/instance"
GENERATE_PATHS: Final = "argocd.argoproj.io/manifest-generate-paths"

Object = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One object that an application is made of; `prune`: Git has it no longer."""

    kind: str
    namespace: str
    name: str
    sync: str
    health: str
    message: str
    prune: bool = False

    def __str__(self) -> str:
        place = f"{self.namespace}/{self.name}" if self.namespace else self.name
        return f"{self.kind} {place}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployed:
    """One entry of the history: what was deployed when."""

    id: int
    revision: str
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """An application. Times are aware, or None where Argo CD has said none yet.

    `phase`, `operation_message` and `operation_revision` are of the last operation that was no dry
    run. `made_by`: what made the Application object itself, and would set it back. `paths`: files
    and directories of the repository that the manifests are made from.
    """

    name: str
    namespace: str
    project: str
    repo_url: str
    path: str
    paths: tuple[str, ...]
    made_by: str
    source_type: str
    target_revision: str
    destination: str
    cluster: str
    revision: str
    sync: str
    health: str
    health_message: str
    operating: bool
    phase: str
    operation_message: str
    operation_revision: str
    finished_at: datetime | None
    reconciled_at: datetime | None
    automated: bool
    self_heal: bool
    prune: bool
    conditions: tuple[str, ...]
    parts: tuple[Part, ...]
    history: tuple[Deployed, ...]

    @classmethod
    def of(cls, obj: Object) -> Self:
        """Those of an Application object, whatever it leaves out."""
        meta, spec, status = (_at(obj, key) for key in ("metadata", "spec", "status"))
        source, operation = _source(spec), _at(status, "operationState")
        finished_at, destination = _moment(operation.get("finishedAt")), _at(spec, "destination")
        if _at(_at(operation, "operation"), "sync").get("dryRun"):
            operation = {}  # it says nothing of what is deployed
        automated = _at(spec, "syncPolicy").get("automated")
        return cls(
            name=_text(meta, "name"),
            namespace=_text(meta, "namespace"),
            project=_text(spec, "project"),
            repo_url=_text(source, "repoURL"),
            path=_text(source, "path"),
            paths=tuple(_paths(meta, source)),
            made_by=_made_by(meta),
            source_type=_text(status, "sourceType"),
            target_revision=_text(source, "targetRevision"),
            destination=_text(destination, "namespace"),
            cluster=_text(destination, "name") or _text(destination, "server"),
            revision=_text(_at(status, "sync"), "revision"),
            sync=_text(_at(status, "sync"), "status") or UNKNOWN,
            health=_text(_at(status, "health"), "status") or UNKNOWN,
            health_message=_text(_at(status, "health"), "message"),
            operating=bool(obj.get("operation")),
            phase=_text(operation, "phase"),
            operation_message=_text(operation, "message"),
            operation_revision=_text(_at(operation, "syncResult"), "revision"),
            finished_at=finished_at,
            reconciled_at=_moment(status.get("reconciledAt")),
            automated=isinstance(automated, Mapping) and automated.get("enabled") is not False,
            self_heal=bool(_at(_at(spec, "syncPolicy"), "automated").get("selfHeal")),
            prune=bool(_at(_at(spec, "syncPolicy"), "automated").get("prune")),
            conditions=tuple(_conditions(status)),
            parts=tuple(_parts(status)),
            history=tuple(_history(status)),
        )

    @property
    def settled(self) -> bool:
        """The last operation is over, and what the status says was seen after it."""
        if self.operating:
            return False
        if self.finished_at is None:
            return self.phase == ""  # none was ever asked for
        return self.reconciled_at is not None and self.reconciled_at >= self.finished_at

    @property
    def ailing(self) -> tuple[Part, ...]:
        """The parts that are neither healthy nor without a health of their own."""
        return tuple(part for part in self.parts if part.health not in ("", HEALTHY))

    def shown(self) -> dict[str, Any]:
        """As the tools answer it."""
        said: dict[str, Any] = {
            "app": self.name,
            "project": self.project,
            "sync": self.sync,
            "health": self.health,
            "revision": self.revision,
            "targetRevision": self.target_revision,
            "path": self.path,
            "destination": self.destination,
            "automated": self.automated,
        }
        more = {
            "healthMessage": self.health_message,
            "operation": self.phase,
            "operationMessage": self.operation_message,
            "conditions": list(self.conditions),
            "ailing": [f"{part}: {part.health} {part.message}".strip() for part in self.ailing],
        }
        return said | {key: value for key, value in more.items() if value}


def _at(obj: Object, key: str) -> Object:
    """The object at a key; an empty one where there is none."""
    found = obj.get(key)
    return found if isinstance(found, Mapping) else {}


def _text(obj: Object, key: str) -> str:
    value = obj.get(key)
    return value if isinstance(value, str) else ""


def _source(spec: Object) -> Object:
    """The source; of several the first."""
    sources = spec.get("sources")
    if isinstance(sources, list) and sources and isinstance(sources[0], Mapping):
        return sources[0]
    return _at(spec, "source")


def _paths(meta: Object, source: Object) -> Iterator[str]:
    """The source's path, and what the Application says that its manifests are made from."""
    path = _text(source, "path").strip("/")
    yield posixpath.normpath(path or ".")
    for each in filter(None, _text(_at(meta, "annotations"), GENERATE_PATHS).split(";")):
        yield posixpath.normpath(each[1:] or "." if each[0] == "/" else posixpath.join(path, each))


def _made_by(meta: Object) -> str:
    owner = next(_entries(meta, "ownerReferences"), None)
    if owner is not None:
        return f"{_text(owner, 'kind')} {_text(owner, 'name')}"
    tracked = _text(_at(meta, "annotations"), TRACKING).partition(":")[0]
    parent = tracked or _text(_at(meta, "labels"), INSTANCE)
    return f"Application {parent}" if parent and parent != _text(meta, "name") else ""


def _moment(value: object) -> datetime | None:
    try:
        return datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _entries(status: Object, key: str) -> Iterator[Object]:
    listed = status.get(key)
    for each in listed if isinstance(listed, list) else ():
        if isinstance(each, Mapping):
            yield each


def _conditions(status: Object) -> Iterator[str]:
    for each in _entries(status, "conditions"):
        yield f"{_text(each, 'type')}: {_text(each, 'message')}"


def _parts(status: Object) -> Iterator[Part]:
    for each in _entries(status, "resources"):
        health = _at(each, "health")
        yield Part(
            kind=_text(each, "kind"),
            namespace=_text(each, "namespace"),
            name=_text(each, "name"),
            sync=_text(each, "status"),
            health=_text(health, "status"),
            message=_text(health, "message"),
            prune=each.get("requiresPruning") is True,
        )


def _history(status: Object) -> Iterator[Deployed]:
    for each in _entries(status, "history"):
        number = each.get("id")
        if isinstance(number, int):
            yield Deployed(
                id=number, revision=_text(each, "revision"), at=_text(each, "deployedAt")
            )
