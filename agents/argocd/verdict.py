"""Whether a revision has arrived and is healthy, told from one look at an application. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from agents.argocd.state import DEGRADED, FAILED_PHASES, HEALTHY, MISSING, SYNCED, Application


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
    if not app.automated and not app.operating and app.sync != SYNCED:
        return Verdict(
            standing=Standing.BY_HAND,
            why=f"{app.name} is out of sync and nobody syncs it by itself; call argo_app_sync",
            arrived=arrived,
        )
    state = "is being synced" if app.operating else f"is {app.sync}"
    return Verdict(
        standing=Standing.WAITING,
        why=f"{app.name} {state}, at {app.revision[:7] or 'no revision'}",
        arrived=arrived,
    )


def ailments(app: Application) -> str:
    """What is wrong with an application, part by part."""
    parts = [
        f"{part} is {part.health}{f': {part.message}' if part.message else ''}"
        for part in app.ailing
    ]
    said = "; ".join(parts) or app.health_message or "Argo CD does not say what is wrong"
    return f"{app.name} is {app.health}: {said}"
