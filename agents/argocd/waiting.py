"""`argo_app_wait`: looks until an application runs a commit and is healthy, or is seen not to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from django.utils.timezone import now
from pydantic import Field

from agents.argocd.state import SYNCED, Application
from agents.argocd.verdict import Standing, Verdict, judge, named
from agents.argocd.watched import BRANCHES, AppArguments, Goal, Watched
from agents.argocd.windows import OPEN, Opening
from agents.runtime.tool import CallContext, Fact, NeedsPerson, Suspended, Tool, ToolResult
from agents.types import WaitKind
from governance.types import ActionClass

WAIT: Final = "argo_app_wait"
FIRST_LOOK_S, LONGEST_LOOK_S = 1.0, 15.0
LONGEST_CLOSED_S = 60.0  # a window may be changed meanwhile


class WaitArguments(AppArguments):
    revision: str = Field(
        "", max_length=64, description="Commit that must be there; this ticket's own when empty"
    )


def wait_tool(watched: Watched, **common: Any) -> Tool:
    """The tool, bound to what one ticket waits for."""
    return Tool(
        name=WAIT,
        description=(
            "Wait until Argo CD has synced the merged commit (or, before the merge, the preview of"
            " the branch) and the application is healthy; answers with what is wrong when it is"
            " not. Costs no turn while it waits."
        ),
        action_class=ActionClass.READ,
        parameters=WaitArguments,
        run=_Wait(watched).run,
        alone=True,
        polls=True,
        **common,
    )


class _Wait:
    def __init__(self, watched: Watched) -> None:
        self._watched = watched
        self._desk = watched.desk

    def run(self, said: WaitArguments, context: CallContext) -> ToolResult | Suspended:
        goal = self._watched.goal(said)
        app = self._desk.get(goal.app, refresh=context.waits_since is None)
        verdict = judge(app, lambda rev: not goal.sha or self._watched.holds(goal.sha, rev))
        gate = self._gate(app, verdict)
        since = max(filter(None, (context.waits_since or now(), gate.since)))
        verdict = self._patient(app, verdict, since)
        if not gate.open and app.sync != SYNCED and verdict.standing is not Standing.FAILED:
            return self._closed(app, goal, gate, context)
        if verdict.standing is Standing.WAITING:
            return self._suspended(app, goal, verdict, since)
        return self._told(app, goal, verdict)

    def _gate(self, app: Application, verdict: Verdict) -> Opening:
        """How the sync windows stand, and since when they let it be synced."""
        if verdict.standing in (Standing.DONE, Standing.FAILED):
            return OPEN
        return self._watched.gate(app, manual=verdict.standing is Standing.BY_HAND)

    def _patient(self, app: Application, verdict: Verdict, since: datetime) -> Verdict:
        """What is ill may get well for a while; what does not start is ill, whatever its health."""
        if verdict.arrived and verdict.standing in (Standing.WAITING, Standing.DEGRADED):
            ill = self._desk.ill(app.name)
            if ill:
                known = [verdict.why] if verdict.standing is Standing.DEGRADED else []
                why = "; ".join([*known, named(ill)])
                verdict = Verdict(standing=Standing.DEGRADED, why=why, arrived=True)
        patience = timedelta(seconds=self._watched.degraded_s)
        if verdict.standing is Standing.DEGRADED and now() - since < patience:
            return replace(verdict, standing=Standing.WAITING)
        return verdict

    def _closed(
        self, app: Application, goal: Goal, gate: Opening, context: CallContext
    ) -> Suspended:
        why = f"{app.name} is not synced: {gate}"
        waited = now() - (context.waits_since or now())
        if waited > timedelta(seconds=self._watched.window_s):
            raise NeedsPerson(
                f"{why}. It was waited for for {_seconds(waited)} (AURA_ARGOCD_WINDOW_S). Resume"
                " the ticket when syncs are allowed."
            )
        left_s = (gate.at - now()).total_seconds() if gate.at else LONGEST_CLOSED_S
        again_in_s = min(max(left_s, FIRST_LOOK_S), LONGEST_CLOSED_S)
        return self._again(app, goal, why, again_in_s)

    def _suspended(
        self, app: Application, goal: Goal, verdict: Verdict, since: datetime
    ) -> Suspended:
        waited, why = now() - since, verdict.why
        tried = self._watched.preview()
        ours = tried is not None and tried.app == app.name
        if app.target_revision.startswith(BRANCHES) and not ours:
            why = f"{why}; it follows {app.target_revision} for now, the branch of a ticket"
        if waited > timedelta(seconds=self._watched.timeout_s):
            raise NeedsPerson(
                f"{why}, after {_seconds(waited)} (AURA_ARGOCD_TIMEOUT_S). Look at the application"
                " in Argo CD."
            )
        pause_s = min(max(FIRST_LOOK_S, waited.total_seconds() / 4), LONGEST_LOOK_S)
        return self._again(app, goal, why, pause_s)

    def _again(self, app: Application, goal: Goal, why: str, again_in_s: float) -> Suspended:
        detail = {**_health(app), "revision": goal.sha or app.revision, "why": why}
        return Suspended(kind=WaitKind.SYNC, detail=detail, again_in_s=again_in_s)

    def _told(self, app: Application, goal: Goal, verdict: Verdict) -> ToolResult:
        healthy = verdict.standing is Standing.DONE
        own = [each.name for each in self._watched.own()]
        also = [name for name in own if name != app.name] if app.name in own else []
        lines = [f"{'Healthy' if healthy else 'Not healthy'}: {verdict.why}"]
        if also:
            lines.append(f"This ticket's work also goes into {', '.join(also)}: wait for it too.")
        if not healthy:
            lines += _shared(app, self._watched.others(app.name))
        return ToolResult(
            content="\n".join(lines),
            data={
                **app.shown(),
                "healthy": healthy,
                "why": verdict.why,
                "expected": goal.sha,
                "ours": app.name in own,
                "also": also,
            },
            facts=(Fact(type="argo_health_checked", payload=_health(app)),),
        )


def _shared(app: Application, others: Sequence[str]) -> list[str]:
    """Who else has a hand in it; what is wrong may be theirs."""
    if not others:
        return []
    return [f"Also at work on {app.name}, so it may be theirs: {', '.join(others)}"]


def _health(app: Application) -> dict[str, str]:
    return {"app": app.name, "health": app.health, "status": app.sync}


def _seconds(span: timedelta) -> str:
    return f"{span.total_seconds():.0f} s"
