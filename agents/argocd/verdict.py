"""Whether a revision has arrived and is healthy, told from one look at an application. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from agents.argocd.state import (
    DEGRADED,
    FAILED_PHASES,
    HEALTHY,
    MISSING,
    OUT_OF_SYNC,
    SUCCEEDED,
    SYNCED,
    Application,
)
from aura.kernel.text import one_line

NAMED = 10  # parts that a sentence names
NAMED_ILL, AILMENT_CHARS = 3, 160  # of those that are ill, each with what it says


class Standing(StrEnum):
    """How far an application is."""

    WAITING = "waiting"
    DONE = "done"
    DEGRADED = "degraded"
    FAILED = "failed"
    BY_HAND = "by_hand"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """`why` is a sentence for people; `arrived`: the cluster has the revision."""

    standing: Standing
    why: str
    arrived: bool = False


Holds = Callable[[str], bool]  # whether a revision contains the one that is waited for


def judge(app: Application, holds: Holds) -> Verdict:
    """How the application stands to the revision that `holds` asks for."""
    arrived = app.settled and bool(app.revision) and holds(app.revision)
    if app.phase in FAILED_PHASES and not app.operating and holds(app.operation_revision):
        why = app.operation_message or "Argo CD does not say why"
        return Verdict(standing=Standing.FAILED, why=f"the sync of {app.name} failed: {why}")
    if broken := next((each for each in app.conditions if "Error" in each.split(":")[0]), ""):
        return Verdict(standing=Standing.FAILED, why=f"{app.name}: {broken}")
    if not arrived or app.sync != SYNCED:
        return _on_its_way(app, arrived=arrived)
    if app.health == HEALTHY:
        why = f"{app.name} is synced to {app.revision[:7]} and healthy"
        return Verdict(standing=Standing.DONE, why=why, arrived=True)
    if app.health in (DEGRADED, MISSING):
        return Verdict(standing=Standing.DEGRADED, why=ailments(app), arrived=True)
    why = f"{app.name} is synced to {app.revision[:7]} and {app.health.lower()}"
    return Verdict(standing=Standing.WAITING, why=why, arrived=True)


def _on_its_way(app: Application, *, arrived: bool) -> Verdict:
    if why := _by_hand(app, arrived=arrived):
        return Verdict(standing=Standing.BY_HAND, why=why, arrived=arrived)
    state = "is being synced" if app.operating else f"is {app.sync}"
    return Verdict(
        standing=Standing.WAITING,
        why=f"{app.name} {state}, at {app.revision[:7] or 'no revision'}",
        arrived=arrived,
    )


def _by_hand(app: Application, *, arrived: bool) -> str:
    """What somebody must do, where Argo CD will do nothing more by itself; empty: it will."""
    if app.operating or app.sync == SYNCED:
        return ""
    off = [part for part in app.parts if part.sync == OUT_OF_SYNC]
    synced = arrived and app.phase == SUCCEEDED and app.operation_revision == app.revision
    names = ", ".join(map(str, off[:NAMED]))
    if arrived and not app.prune and off and all(part.prune for part in off):
        return (
            f"{app.name} has all that Git has, and Argo CD does not prune by itself what Git has no"
            f" longer: {names}; call argo_app_sync with prune, which a person is asked about"
        )
    if not app.automated:
        return f"{app.name} is out of sync and nobody syncs it by itself; call argo_app_sync"
    if synced and not app.self_heal and off:
        return (
            f"{app.name} was synced to {app.revision[:7]} and then changed in the cluster: {names};"
            " it does not heal itself, so call argo_app_sync"
        )
    return ""


def ailments(app: Application) -> str:
    """What is wrong with an application, part by part."""
    parts = [
        f"{part} is {part.health}{f': {part.message}' if part.message else ''}"
        for part in app.ailing
    ]
    said = named(parts) or app.health_message or "Argo CD does not say what is wrong"
    return f"{app.name} is {app.health}: {said}"


def named(ailments: Sequence[str]) -> str:
    """The first of them, and how many more there are."""
    first = [one_line(each, AILMENT_CHARS) for each in ailments[:NAMED_ILL]]
    more = len(ailments) - NAMED_ILL
    return "; ".join([*first, *([f"and {more} more"] if more > 0 else [])])
