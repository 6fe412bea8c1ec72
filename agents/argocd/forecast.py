"""What Argo CD would do with a change, looked at before a person decides on it.

It is a look: the dry run of a sync changes nothing in the cluster. Where Argo CD does not answer or
may not be asked, the text says so, and nothing is held up.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from agents.argocd.desk import Desk
from agents.argocd.differing import bounded, changes
from agents.argocd.operations import call_ids
from agents.argocd.state import FAILED_PHASES, SUCCEEDED, Application, Object
from agents.argocd.watched import Watched
from agents.runtime.interrupt import current
from agents.runtime.tool import ToolFailure
from aura.kernel.secrets import redact

PATIENCE_S: Final = 20.0  # for all that is asked
LOOK_S: Final = 0.2
MOST_APPS: Final = 3
NO_APPLICATION: Final = "No application of Argo CD follows this repository."


class Status(StrEnum):
    """What the dry run came to."""

    OK = "ok"
    FAILS = "would fail"
    UNKNOWN = "not tried"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """The dry run of one application, with the cluster's words."""

    app: str
    status: Status
    why: str = ""

    def __str__(self) -> str:
        said = f"Dry run of {self.app}: {self.status}"
        return f"{said}: {self.why}" if self.why else said


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """`text` begins with what the dry runs came to; `refusals` are those that would fail.
    `trouble`: why nothing could be seen.
    """

    text: str
    trouble: str = ""
    refusals: tuple[Trial, ...] = ()


def situation(watched: Watched) -> Forecast:
    """How the applications stand that a plan's files go into."""
    try:
        apps = watched.own()[:MOST_APPS]
        told = [line for app in apps for line in _standing(watched, app)]
    except ToolFailure as failure:
        return _unseen(failure)
    return Forecast(text="\n".join(told) or NO_APPLICATION)


def of_commit(watched: Watched, sha: str, *, call_id: str) -> Forecast:
    """What a pushed commit would change, and whether the cluster would take it."""
    deadline = time.monotonic() + PATIENCE_S
    try:
        apps = watched.own()[:MOST_APPS]
    except ToolFailure as failure:
        return _unseen(failure)
    trials = [_trial(watched, app, sha, call_id, deadline) for app in apps]
    shown = [line for app in apps for line in _changes(watched.desk, app, sha, deadline)]
    none = [] if apps else [NO_APPLICATION]
    return Forecast(
        text="\n".join([*map(str, trials), *none, bounded("\n".join(shown))]),
        refusals=tuple(each for each in trials if each.status is Status.FAILS),
    )


def _unseen(failure: ToolFailure) -> Forecast:
    return Forecast(text="Argo CD could not be looked at.", trouble=redact(str(failure)))


def _standing(watched: Watched, app: Application) -> Iterator[str]:
    yield f"Goes into {app.name} ({app.path}): {app.sync}, {app.health}; {_policy(app)}"
    yield from (f"  {each}" for each in app.conditions)
    gate = watched.gate(app, manual=not app.automated)
    if not gate.open:
        yield f"  Not synced for now: {gate}"
    if others := watched.others(app.name):
        yield f"  Also at work on it: {', '.join(others)}"


def _policy(app: Application) -> str:
    if not app.automated:
        return "nobody syncs it by itself"
    parts = ["it syncs by itself", "prunes" if app.prune else "does not prune"]
    return ", ".join([*parts, "heals itself" if app.self_heal else "does not heal itself"])


def _trial(watched: Watched, app: Application, sha: str, call_id: str, deadline: float) -> Trial:
    if reason := _untriable(watched, app):
        return Trial(app=app.name, status=Status.UNKNOWN, why=reason)
    try:
        watched.desk.sync(app.name, revision=sha, prune=app.prune, dry_run=True, call_id=call_id)
        return _outcome(watched.desk, app.name, call_id, deadline)
    except ToolFailure as failure:
        return Trial(app=app.name, status=Status.UNKNOWN, why=str(failure))


def _untriable(watched: Watched, app: Application) -> str:
    """Why no dry run is begun: it would take the place of an operation that says something."""
    if app.operating:
        return "an operation of it runs"
    if app.phase in FAILED_PHASES:
        return f"its last sync failed already: {app.operation_message}"
    gate = watched.gate(app, manual=True)
    return "" if gate.open else str(gate)


def _outcome(desk: Desk, name: str, call_id: str, deadline: float) -> Trial:
    while time.monotonic() < deadline:
        current().check()
        obj = desk.object(name)
        if call_id not in call_ids(obj):
            return Trial(app=name, status=Status.UNKNOWN, why="another operation took its place")
        state = (obj.get("status") or {}).get("operationState") or {}
        if not obj.get("operation") and state.get("finishedAt"):
            if state.get("phase") == SUCCEEDED:
                return Trial(app=name, status=Status.OK)
            return Trial(app=name, status=Status.FAILS, why=_words(state))
        time.sleep(LOOK_S)
    return Trial(app=name, status=Status.UNKNOWN, why=f"not over within {PATIENCE_S:.0f} s")


def _words(state: Object) -> str:
    """What the cluster said, of each object it would not take."""
    listed = (state.get("syncResult") or {}).get("resources") or []
    refused = [
        f"{each.get('kind')} {each.get('namespace') or ''}/{each.get('name')}: {each['message']}"
        for each in listed
        if each.get("status") == "SyncFailed" and each.get("message")
    ]
    return "; ".join(refused) or str(state.get("message") or "Argo CD does not say why")


def _changes(desk: Desk, app: Application, sha: str, deadline: float) -> Iterator[str]:
    """The manifests at the commit beside those that are deployed."""
    try:
        if time.monotonic() > deadline:
            raise ToolFailure(f"Argo CD took more than {PATIENCE_S:.0f} s")  # noqa: TRY301
        after = desk.manifests(app.name, sha)
        before = desk.manifests(app.name, app.revision) if app.revision else []
    except ToolFailure as failure:
        yield f"What would change in {app.name} is not known: {failure}"
        return
    found = changes(before, after, prunes=app.prune)
    yield f"Would change in {app.name}, from {app.revision[:7] or 'nothing'} to {sha[:7]}:"
    yield from found or ["nothing"]
