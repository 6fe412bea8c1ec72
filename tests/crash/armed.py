"""Arms the worker of a running product: a file says at which point it dies, and is used up."""

from __future__ import annotations

import json
import os
import sys
import threading
from pathlib import Path

from django.apps import AppConfig

VARIABLE = "CRASH_ORDER"


class Crash(AppConfig):
    name = "tests.crash"
    label = "crash"

    def ready(self) -> None:
        order = os.environ.get(VARIABLE)  # noqa: TID251 - the rig's own
        if order and sys.argv[1:2] == ["worker"]:
            from tests.crash.trap import Trap

            Trap(Order(Path(order)).due).install()


class Order:
    """`{"phase": "begun", "skip": 2}`: die at the third pass of that phase, whatever the tool."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._passes: dict[str, int] = {}

    def due(self, point: str) -> bool:
        with self._lock:
            try:
                text = self.path.read_text()
            except FileNotFoundError:
                return False
            order = json.loads(text)
            if not point.endswith(f":{order['phase']}"):
                return False
            self._passes[text] = self._passes.get(text, 0) + 1
            if self._passes[text] <= order["skip"]:
                return False
            self.path.with_suffix(".fired").write_text(point)
            self.path.unlink()
            return True


def place(path: Path, *, phase: str, skip: int, number: int) -> None:
    """Order one death; `number` tells orders apart."""
    path.with_suffix(".fired").unlink(missing_ok=True)
    draft = path.with_suffix(".new")
    draft.write_text(json.dumps({"phase": phase, "skip": skip, "number": number}))
    draft.rename(path)


def fired(path: Path) -> str:
    """The point at which the worker has died; empty while it has not."""
    done = path.with_suffix(".fired")
    return done.read_text() if done.exists() else ""
