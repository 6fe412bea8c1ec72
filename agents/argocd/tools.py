"""The tools of Argo CD: looking, syncing, waiting until a revision is there and healthy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils.timezone import now
from pydantic import Field

from agents.argocd.desk import Desk
from agents.argocd.state import Application
from agents.argocd.verdict import Standing, Verdict, judge
from agents.runtime.tool import (
    Arguments,
    CallContext,
    Fact,
    Inspection,
    NeedsPerson,
    NoArguments,
    Suspended,
    Tool,
    ToolFailure,
    ToolResult,
)
from agents.types import WaitKind
from governance.types import ActionClass, Resource

WAIT, SYNC = "argo_app_wait", "argo_app_sync"
FIRST_LOOK_S, LONGEST_LOOK_S = 1.0, 15.0
HISTORY = 10
APP = r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?)?$"  # it becomes a part of a path


class AppArguments(Arguments):
    """Which application; the configured one, or the only one of the repository, when left out."""

    app: str = Field("", max_length=253, pattern=APP, description="Name of the Argo CD application")


class SyncArguments(AppArguments):
    revision: str = Field("", max_length=200, description="Git revision; the target's when empty")
    prune: bool = Field(
        default=False, description="Also delete what Git no longer has: needs an approval"
    )


class WaitArguments(AppArguments):
    revision: str = Field(
        "", max_length=64, description="Commit that must be there; this ticket's merge when empty"
    )


class RollbackArguments(AppArguments):
    id: int = Field(ge=0, description="Entry of the history, see argo_app_history")


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What the tools of one ticket wait for.

    `expected` is the commit that was brought into the base branch, empty while there is none;
    `holds(sha, revision)`: does the revision contain it? `app` is the configured application, else
    the only one of `repository`. `degraded_s`: so long a part may be ill before it counts.
    """

    desk: Desk
    app: str = ""
    repository: str = ""
    timeout_s: float = 600.0
    degraded_s: float = 30.0
    expected: Callable[[], str] = str
    holds: Callable[[str, str], bool] = str.__eq__


def argo_tools(watched: Watched) -> list[Tool]:
    """The tools, bound to what one ticket waits for."""
    return _Tools(watched).all()


class _Tools:
    def __init__(self, watched: Watched) -> None:
        self._watched = watched
        self._desk = watched.desk

    def all(self) -> list[Tool]:
        return [
            self._tool(
                "argo_app_list", "List the applications of Argo CD.", NoArguments, self._list
            ),
            self._tool(
                "argo_app_get",
                "One application: sync, health, revision, and what is wrong with its parts.",
                AppArguments,
                self._get,
            ),
            self._tool(
                "argo_app_history",
                "What was deployed of an application, newest first, with ids to roll back to.",
                AppArguments,
                self._history,
            ),
            *(self._sync_tool(name) for name in (SYNC, "argo_sync")),
            self._tool(
                WAIT,
                "Wait until Argo CD has synced the merged commit and the application is healthy;"
                " answers with what is wrong when it is not. Costs no turn while it waits.",
                WaitArguments,
                self._wait,
                alone=True,
                polls=True,
            ),
            self._tool(
                "argo_app_rollback",
                "Let Argo CD deploy an earlier entry of the history. Where it syncs by itself it"
                " refuses: revert in Git with git_revert instead.",
                RollbackArguments,
                self._rollback,
                action_class=ActionClass.DESTRUCTIVE,
                inspect=self._inspect_rollback,
                probe=self._probe,
            ),
        ]

    def _tool(
        self,
        name: str,
        description: str,
        parameters: type[Arguments],
        run: Callable[[Any, CallContext], ToolResult | Suspended],
        **more: Any,
    ) -> Tool:
        return Tool(
            name=name,
            description=description,
            parameters=parameters,
            run=run,
            resource=self._resource,
            tags=("argocd", "gitops"),
            **{"action_class": ActionClass.READ, **more},
        )

    def _sync_tool(self, name: str) -> Tool:
        def classify(said: SyncArguments) -> ActionClass:
            """What a plan cannot have meant, such as a branch nobody merged, is asked about."""
            ours = said.app in ("", self._usual)
            merged = said.revision in ("", self._watched.expected())
            planned = ours and merged and not said.prune
            return ActionClass.WRITE if planned else ActionClass.DESTRUCTIVE

        return self._tool(
            name,
            "Let Argo CD sync an application with Git now; argo_app_wait tells what came of it.",
            SyncArguments,
            self._sync,
            action_class=classify,
            inspect=self._inspect_sync,
            probe=self._probe,
        )

    def _resource(self, said: Any) -> Resource:
        return Resource(type="application", name=getattr(said, "app", "") or self._usual or "*")

    @property
    def _usual(self) -> str:
        return self._watched.app

    def _name(self, said: AppArguments) -> str:
        """The application that is meant. Raises `ToolFailure` where that cannot be told."""
        if said.app or self._usual:
            return said.app or self._usual
        own = [app for app in self._desk.applications() if self._is_ours(app)]
        if len(own) == 1:
            return own[0].name
        names = ", ".join(app.name for app in own) or "none"
        raise ToolFailure(
            f"say which application: of this repository there are {names} (AURA_ARGOCD_APP_NAME"
            " names the usual one)"
        )

    def _is_ours(self, app: Application) -> bool:
        return _address(app.repo_url) == _address(self._watched.repository)

    def _list(self, said: NoArguments, context: CallContext) -> ToolResult:
        del said, context
        apps = self._desk.applications()
        return ToolResult(
            content="\n".join(map(_line, apps)) or "Argo CD shows no application.",
            data={"apps": [app.shown() for app in apps], "count": len(apps)},
        )

    def _get(self, said: AppArguments, context: CallContext) -> ToolResult:
        del context
        app = self._desk.get(self._name(said), refresh=True)
        lines = [
            _line(app),
            *app.conditions,
            *(f"  {p}: {p.health} {p.message}" for p in app.ailing),
        ]
        return ToolResult(content="\n".join(lines), data=app.shown())

    def _history(self, said: AppArguments, context: CallContext) -> ToolResult:
        del context
        app = self._desk.get(self._name(said))
        entries = list(reversed(app.history))[:HISTORY]
        told = [{"id": e.id, "revision": e.revision, "deployedAt": e.at} for e in entries]
        lines = [f"{e.id}  {e.revision[:12]}  {e.at}" for e in entries]
        return ToolResult(
            content="\n".join(lines) or f"{app.name} was never deployed.",
            data={"app": app.name, "history": told},
        )

    def _inspect_sync(self, said: SyncArguments, context: CallContext) -> Inspection:
        del context
        app = self._desk.get(self._name(said))
        if app.operating:
            raise ToolFailure(f"an operation of {app.name} runs already; wait with argo_app_wait")
        off = [str(part) for part in app.parts if part.sync not in ("", "Synced")]
        plan = [_line(app), "Out of sync:", *(f"  {name}" for name in off)]
        return Inspection(plan="\n".join(plan), preconditions={"revision": app.target_revision})

    def _sync(self, said: SyncArguments, context: CallContext) -> ToolResult:
        name = self._name(said)
        self._desk.sync(name, revision=said.revision, prune=said.prune, call_id=context.call_id)
        return _begun(name, "sync")

    def _inspect_rollback(self, said: RollbackArguments, context: CallContext) -> Inspection:
        del context
        app = self._desk.get(self._name(said))
        entry = next((each for each in app.history if each.id == said.id), None)
        if entry is None:
            raise ToolFailure(f"the history of {app.name} has no entry {said.id}")
        if app.automated:
            raise ToolFailure(
                f"Argo CD syncs {app.name} by itself and would undo a rollback; revert in Git with"
                " git_revert instead"
            )
        plan = f"{_line(app)}\nBack to {entry.revision} of {entry.at}"
        return Inspection(plan=plan, preconditions={"revision": entry.revision})

    def _rollback(self, said: RollbackArguments, context: CallContext) -> ToolResult:
        name = self._name(said)
        self._desk.rollback(name, to=said.id, call_id=context.call_id)
        return _begun(name, "rollback")

    def _probe(self, said: AppArguments, context: CallContext) -> ToolResult | None:
        """Whether this very call began an operation, running or done."""
        name = self._name(said)
        if context.call_id in self._desk.begun_by(name):
            return _begun(name, "sync")
        if isinstance(said, RollbackArguments):
            raise ToolFailure(f"look at argo_app_history of {name} whether it was rolled back")
        return None

    def _wait(self, said: WaitArguments, context: CallContext) -> ToolResult | Suspended:
        name = self._name(said)
        sha = said.revision or self._watched.expected()
        first = context.waits_since is None
        app = self._desk.get(name, refresh=first)
        verdict = judge(app, lambda revision: not sha or self._watched.holds(sha, revision))
        unwell = verdict.arrived and verdict.standing is Standing.WAITING
        ill = self._desk.ill(name) if unwell else ()
        verdict = _patient(verdict, ill, context, self._watched.degraded_s)
        if verdict.standing is Standing.WAITING:
            return self._suspended(app, verdict, sha, context)
        healthy = verdict.standing is Standing.DONE
        opening = "Healthy" if healthy else "Not healthy"
        return ToolResult(
            content=f"{opening}: {verdict.why}",
            data={
                **app.shown(),
                "healthy": healthy,
                "why": verdict.why,
                "expected": sha,
                "ours": app.name == self._usual if self._usual else self._is_ours(app),
            },
            facts=(Fact(type="argo_health_checked", payload=_health(app)),),
        )

    def _suspended(
        self, app: Application, verdict: Verdict, sha: str, context: CallContext
    ) -> Suspended:
        waited = _since(context)
        if waited > timedelta(seconds=self._watched.timeout_s):
            raise NeedsPerson(
                f"{verdict.why}, after {waited.total_seconds():.0f} s (AURA_ARGOCD_TIMEOUT_S). Look"
                " at the application in Argo CD."
            )
        detail = {**_health(app), "revision": sha or app.revision, "why": verdict.why}
        pause_s = min(max(FIRST_LOOK_S, waited.total_seconds() / 4), LONGEST_LOOK_S)
        return Suspended(kind=WaitKind.SYNC, detail=detail, again_in_s=pause_s)


def _patient(
    verdict: Verdict, ill: Sequence[str], context: CallContext, degraded_s: float
) -> Verdict:
    """What is ill may get well for a while; what does not start is ill before health says so."""
    if ill:
        verdict = Verdict(standing=Standing.DEGRADED, why="; ".join(ill), arrived=True)
    ailing = verdict.standing is Standing.DEGRADED
    if ailing and _since(context) < timedelta(seconds=degraded_s):
        return Verdict(standing=Standing.WAITING, why=verdict.why, arrived=verdict.arrived)
    return verdict


def _since(context: CallContext) -> timedelta:
    began: datetime = context.waits_since or now()
    return now() - began


def _begun(name: str, what: str) -> ToolResult:
    return ToolResult(
        content=f"The {what} of {name} has begun; call argo_app_wait to see what comes of it.",
        data={"app": name, "operation": what},
    )


def _health(app: Application) -> dict[str, str]:
    return {"app": app.name, "health": app.health, "status": app.sync}


def _line(app: Application) -> str:
    revision = app.revision[:12] or "no revision"
    return f"{app.name}: {app.sync}, {app.health}, at {revision} of {app.target_revision or 'HEAD'}"


def _address(url: str) -> str:
    """A repository's URL as it is compared."""
    return url.strip().removesuffix("/").removesuffix(".git").removeprefix("file://").casefold()
