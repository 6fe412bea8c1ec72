"""A Git repository that a test writes to."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import yaml


class Repo:
    """A working copy; Argo CD reads it by its path."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(parents=True)
        self._git("init", "--quiet", "--initial-branch=main")

    @property
    def url(self) -> str:
        return f"file://{self.path}"

    def commit(self, **files: Any) -> str:
        """Write files (a value that is no text becomes YAML, None removes) and commit them.

        Names are written with `__` for a slash and without their `.yaml`.
        """
        for name, content in files.items():
            path = self.path / f"{name.replace('__', '/')}.yaml"
            if content is None:
                path.unlink()
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            documents = content if isinstance(content, list) else [content]
            text = content if isinstance(content, str) else yaml.safe_dump_all(documents)
            path.write_text(text)
        self._git("add", "--all")
        self._git("commit", "--quiet", "--allow-empty", "--message", "a change")
        return self._git("rev-parse", "HEAD")

    def branch(self, name: str) -> None:
        self._git("switch", "--quiet", "--create", name)

    def switch(self, name: str) -> None:
        self._git("switch", "--quiet", name)

    def _git(self, *arguments: str) -> str:
        who = ["-c", "user.name=Test", "-c", "user.email=test@example.com"]
        command = ["git", "-C", str(self.path), *who, *arguments]
        done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603
        return done.stdout.strip()
