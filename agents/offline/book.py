"""The repository while it is being changed: new texts, what was done, and what to warn of."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from agents.manifests import yamltext
from agents.offline.layout import Repository
from agents.offline.workloads import Spot


@dataclass(slots=True)
class Book:
    """`files` holds new texts, None for deleted; `notes` tells per path what was done.

    `changed` are phrases for the plan's summary, `risks` sentences for its risks.
    """

    repository: Repository
    files: dict[str, str | None] = field(default_factory=dict)
    notes: dict[str, list[str]] = field(default_factory=dict)
    changed: list[str] = field(default_factory=list)
    risks: list[str] = field(default_factory=list)

    def text(self, path: str) -> str:
        """The text as changed so far. Raises `EditRefused` for a file that was not read."""
        new = self.files.get(path)
        if new is None and path not in self.repository.texts:
            raise yamltext.EditRefused(f"{path} was not read")
        return self.repository.texts[path] if new is None else new

    def write(self, path: str, text: str, note: str) -> None:
        """A whole new text."""
        self.files[path] = text
        self.notes.setdefault(path, []).append(note)

    def delete(self, path: str, note: str) -> None:
        """No file any more."""
        self.files[path] = None
        self.notes.setdefault(path, []).append(note)

    def assign(self, spot: Spot, value: Any, note: str) -> None:
        """Set what stands at a spot. Raises `EditRefused`."""
        new = yamltext.assign(self.text(spot.path), spot.index, spot.at, value)
        self.write(spot.path, new, note)

    def append(self, spot: Spot, value: Any, note: str, *, at: int | None = None) -> None:
        """Add to the list at a spot, before item `at`. Raises `EditRefused`."""
        new = yamltext.append(self.text(spot.path), spot.index, spot.at, value, at=at)
        self.write(spot.path, new, note)

    def remove(self, spot: Spot, note: str) -> None:
        """Take a key or an item away. Raises `EditRefused`."""
        new = yamltext.remove(self.text(spot.path), spot.index, spot.at)
        self.write(spot.path, new, note)

    def fresh(self) -> Repository:
        """The repository with the changes so far, for looking at it again."""
        written = {path: text for path, text in self.files.items() if text is not None}
        return replace(self.repository, texts={**self.repository.texts, **written})

    def differs(self) -> dict[str, str | None]:
        """The files that are not as they were."""
        old = self.repository.texts
        return {p: t for p, t in self.files.items() if t is None or t != old.get(p)}

    def say(self, what: str) -> None:
        """One change for the summary."""
        if what not in self.changed:
            self.changed.append(what)

    def warn(self, risk: str) -> None:
        """One risk; said once."""
        if risk not in self.risks:
            self.risks.append(risk)
