"""Kubernetes objects as they stand in files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agents.gitops.issues import Issue, Severity
from agents.gitops.strictyaml import Document, Path

POD_TEMPLATES: Mapping[str, Path] = {
    "Pod": (),
    "Deployment": ("spec", "template"),
    "ReplicaSet": ("spec", "template"),
    "StatefulSet": ("spec", "template"),
    "DaemonSet": ("spec", "template"),
    "ReplicationController": ("spec", "template"),
    "Job": ("spec", "template"),
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
    "Rollout": ("spec", "template"),
}
# Groups whose files configure a program and are never objects of a cluster.
_CONFIGURATION = re.compile(
    r"(?:.*\.)?config\.k8s\.io|kubeadm\.k8s\.io|audit\.k8s\.io|apiserver\.k8s\.io|kind\.x-k8s\.io"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """One object in a file; `base` is its place in the document (items of a List have one)."""

    file: str
    value: dict[Any, Any]
    lines: Mapping[Path, int]
    base: Path = ()
    managed: bool = False  # kustomize adds to it, e.g. the namespace

    @property
    def kind(self) -> str:
        return self.text("kind")

    @property
    def group(self) -> str:
        return self.text("apiVersion").rpartition("/")[0]

    @property
    def builtin(self) -> str:
        """The kind when it is Kubernetes' own (or Argo's Rollout), else nothing.

        Knative has a Service and Volcano a Job, of other shapes.
        """
        own = "." not in self.group or self.group.endswith(".k8s.io")
        rollout = (
            self.kind == "Rollout" and self.group == "argoproj.io" and self.get("spec", "template")
        )
        return self.kind if own or rollout else ""

    @property
    def template(self) -> Path | None:
        """Where the pod is described, None for what runs no pods."""
        return POD_TEMPLATES.get(self.builtin)

    @property
    def name(self) -> str:
        return self.text("metadata", "name")

    def get(self, *path: str | int) -> Any:
        """The value at `path`, or None where anything on the way is missing or of another type."""
        value: Any = self.value
        for part in path:
            if isinstance(value, dict):
                value = value.get(part)
            elif isinstance(value, list) and isinstance(part, int) and part < len(value):
                value = value[part]
            else:
                return None
        return value

    def text(self, *path: str | int) -> str:
        value = self.get(*path)
        return value if isinstance(value, str) else ""

    def mapping(self, *path: str | int) -> dict[Any, Any]:
        value = self.get(*path)
        return value if isinstance(value, dict) else {}

    def items(self, *path: str | int) -> list[Any]:
        value = self.get(*path)
        return value if isinstance(value, list) else []

    def line(self, *path: str | int) -> int | None:
        """Line of `path`, or of the nearest thing around it that has one."""
        whole = (*self.base, *path)
        for length in range(len(whole), -1, -1):
            if whole[:length] in self.lines:
                return self.lines[whole[:length]]
        return None

    def issue(
        self, severity: Severity, rule: str, message: str, *path: str | int, of: str = "kubernetes"
    ) -> Issue:
        what = f"{self.kind or 'object'} {self.name}".strip()
        return Issue(
            severity=severity,
            message=f"{what}: {message}",
            file=self.file,
            line=self.line(*path),
            rule=f"{of}.{rule}",
        )


def manifests(file: str, documents: Sequence[Document], *, managed: bool) -> Iterator[Manifest]:
    """The objects among the documents of a file; other YAML is nobody's business here."""
    for document in documents:
        value = document.value
        if not isinstance(value, dict) or not _is_object(value):
            continue
        whole = Manifest(file=file, value=value, lines=document.lines, managed=managed)
        if whole.kind.endswith("List") and isinstance(value.get("items"), list):
            for i, item in enumerate(value["items"]):
                if isinstance(item, dict):
                    yield Manifest(
                        file=file,
                        value=item,
                        lines=document.lines,
                        base=("items", i),
                        managed=managed,
                    )
        elif not _CONFIGURATION.fullmatch(whole.group):
            yield whole


def _is_object(value: Mapping[Any, Any]) -> bool:
    return sum(key in value for key in ("apiVersion", "kind", "metadata", "spec")) > 1
