"""Sync windows of a project: when its applications may be synchronised."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable

from agents.sandbox.objects import Object, at, name_of, spec_of

Following = Callable[[str, float], float]

_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0}


def duration(text: str) -> float:
    """Seconds of `1h30m`; ValueError for anything else."""
    parts = re.findall(r"(\d+(?:\.\d+)?)([hms])", text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError(f"{text!r} is not a duration")
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


def is_active(window: Object, now: float, following: Following) -> bool:
    """Whether `now` lies within the window."""
    length = duration(str(window.get("duration", "0s")))
    # Of the beginnings that are not over yet the first: `following` is later than what it is given.
    return following(str(window.get("schedule", "")), now - length) <= now


def matching(app: Object, project: Object | None) -> list[Object]:
    """The windows of the project that concern an application."""
    destination = at(spec_of(app), "destination", default={})
    return [
        window
        for window in at(project, "spec", "syncWindows", default=[])
        if _any(window.get("applications"), name_of(app))
        or _any(window.get("namespaces"), str(destination.get("namespace", "")))
        or _any(window.get("clusters"), str(destination.get("name") or destination.get("server")))
    ]


def _any(patterns: list[str] | None, value: str) -> bool:
    return any(fnmatch.fnmatchcase(value, pattern) for pattern in patterns or ())


def allows(
    app: Object, project: Object | None, now: float, following: Following, *, manual: bool
) -> bool:
    """Whether a sync may begin: no deny window is open, and an allow window where there are any.

    `manualSync` of a window opens it for syncs that somebody started.
    """
    found = matching(app, project)
    active = [window for window in found if is_active(window, now, following)]
    denied = [window for window in active if window.get("kind") == "deny"]
    if denied:
        return manual and all(window.get("manualSync") for window in denied)
    allowing = [window for window in found if window.get("kind") == "allow"]
    if not allowing or any(window in active for window in allowing):
        return True
    return manual and all(window.get("manualSync") for window in allowing)
