"""Recorded cases: directories of objects, rows and logs, judged without any cluster or database.

docs/evaluation.md describes the format.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agents.database.triage import judge as database
from agents.database.triage.snapshot import Snapshot as DatabaseSnapshot
from agents.evaluation.case import Case, Target, nothing
from agents.evaluation.running import judged
from agents.evaluation.scores import Attempt
from agents.kubernetes.triage import judge as kubernetes
from agents.kubernetes.triage.snapshot import LogKey
from agents.kubernetes.triage.snapshot import Snapshot as ClusterSnapshot
from agents.triage.causes import CAUSES
from agents.triage.findings import Report

HEAD: Final = "case.yaml"
MOST_BYTES: Final = 32 << 20  # of one file
_PREVIOUS: Final = ".previous"


class BadRecording(Exception):
    """A directory that cannot be used; the text names the file and what is wrong with it."""


class Head(BaseModel):
    """`case.yaml`: what is recorded and what is right."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["kubernetes", "postgresql"]
    category: str = ""
    namespace: str = ""
    about: str = ""
    taken_at: str = ""
    expected: Annotated[tuple[str, ...], Field(description="Causes; empty: all is well")] = ()
    remedies: tuple[str, ...] = ()


def cases(folder: Path) -> Iterator[Path]:
    """The directories below a folder that hold a case. Raises `BadRecording` where none does."""
    found = sorted(head.parent for head in folder.rglob(HEAD))
    if not found:
        raise BadRecording(f"{folder} holds no case: no directory in it has a {HEAD}")
    yield from found


def attempt(folder: Path, *, root: Path) -> Attempt:
    """Judge one recording. Raises `BadRecording`."""
    head = _head(folder)
    case: Case[Target] = Case(
        name=str(folder.relative_to(root)),
        category=head.category or (head.expected[0].partition("/")[0] if head.expected else "well"),
        expected=head.expected,
        inject=nothing,
        about=head.about,
        remedies=head.remedies,
    )
    begun = time.perf_counter()
    report = _report(folder, head)
    seconds = time.perf_counter() - begun
    healthy = report if not head.expected else None
    return judged(case, report, healthy=healthy, seconds=seconds)


def _head(folder: Path) -> Head:
    said = _yaml(folder / HEAD)
    try:
        head = Head.model_validate(said)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise BadRecording(f"{folder / HEAD}: {where}: {first['msg']}") from None
    if unknown := [cause for cause in head.expected if cause not in CAUSES]:
        raise BadRecording(f"{folder / HEAD}: no such cause: {', '.join(unknown)}")
    return head


def _report(folder: Path, head: Head) -> Report:
    if head.kind == "kubernetes":
        return kubernetes.triage(_cluster(folder, head), head.about)
    rows = _optional(folder / "rows.yaml") or {}
    if not isinstance(rows, Mapping):
        raise BadRecording(f"{folder / 'rows.yaml'}: must map views to lists of rows")
    log = folder / "server.log"
    return database.triage(
        DatabaseSnapshot.of(
            rows=rows,
            settings=_optional(folder / "settings.yaml"),
            logs=_text(log) if log.is_file() else "",
            taken_at=head.taken_at or None,
        )
    )


def _cluster(folder: Path, head: Head) -> ClusterSnapshot:
    objects = [_yaml(file) for file in sorted((folder / "objects").glob("*"))]
    whole = _optional(folder / "objects.yaml")
    return ClusterSnapshot.of(
        [item for item in [*objects, whole] if isinstance(item, dict)],
        namespace=head.namespace,
        logs={_log_key(file, head): _text(file) for file in sorted(folder.glob("logs/*.log"))},
    )


def _log_key(file: Path, head: Head) -> LogKey:
    """`POD_CONTAINER.log`, or `POD_CONTAINER.previous.log`; neither name can have a `_`."""
    name = file.name.removesuffix(".log")
    pod, _, container = name.removesuffix(_PREVIOUS).partition("_")
    return head.namespace, pod, container, name.endswith(_PREVIOUS)


def _optional(file: Path) -> Any:
    """A YAML (or JSON, which is YAML) file, under either name; None without one."""
    found = next((it for it in (file, file.with_suffix(".json")) if it.is_file()), None)
    return _yaml(found) if found else None


def _yaml(file: Path) -> Any:
    try:
        return yaml.load(_text(file), Loader=yaml.CSafeLoader)
    except (yaml.YAMLError, RecursionError) as error:
        raise BadRecording(f"{file} is not YAML: {' '.join(str(error).split())}"[:300]) from None


def _text(file: Path) -> str:
    try:
        if file.stat().st_size > MOST_BYTES:
            raise BadRecording(f"{file} is larger than {MOST_BYTES >> 20} MiB")
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise BadRecording(f"{file} cannot be read: {error.strerror}") from None
