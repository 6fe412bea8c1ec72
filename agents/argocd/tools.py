"""The tools of Argo CD: looking, syncing, waiting until a revision is there and healthy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from pydantic import Field

from agents.argocd.state import Application
from agents.argocd.waiting import WAIT, wait_tool
from agents.argocd.watched import AppArguments, Watched
from agents.runtime.tool import (
    Arguments,
    CallContext,
    Inspection,
    NoArguments,
    Suspended,
    Tool,
    ToolFailure,
    ToolResult,
)
from governance.types import ActionClass, Resource

SYNC: Final = "argo_app_sync"
HISTORY = 10
TAGS: Final = ("argocd", "gitops")


class SyncArguments(AppArguments):
    revision: str = Field("", max_length=200, description="Git revision; the target's when empty")
    prune: bool = Field(
        default=False, description="Also delete what Git no longer has: needs an approval"
    )


class RollbackArguments(AppArguments):
    id: int = Field(ge=0, description="Entry of the history, see argo_app_history")


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
            wait_tool(self._watched, resource=self._resource, tags=TAGS),
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
            tags=TAGS,
            **{"action_class": ActionClass.READ, **more},
        )

    def _sync_tool(self, name: str) -> Tool:
        def classify(said: SyncArguments) -> ActionClass:
            """What a plan cannot have meant, such as a branch nobody merged, is asked about."""
            tried = self._watched.preview()
            ours = said.app in ("", self._usual, tried.app if tried else "")
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

    def _list(self, said: NoArguments, context: CallContext) -> ToolResult:
        del said, context
        apps = self._desk.applications()
        return ToolResult(
            content="\n".join(map(_line, apps)) or "Argo CD shows no application.",
            data={"apps": [app.shown() for app in apps], "count": len(apps)},
        )

    def _get(self, said: AppArguments, context: CallContext) -> ToolResult:
        del context
        app = self._desk.get(self._watched.name(said), refresh=True)
        lines = [
            _line(app),
            *app.conditions,
            *(f"  {p}: {p.health} {p.message}" for p in app.ailing),
        ]
        return ToolResult(content="\n".join(lines), data=app.shown())

    def _history(self, said: AppArguments, context: CallContext) -> ToolResult:
        del context
        app = self._desk.get(self._watched.name(said))
        entries = list(reversed(app.history))[:HISTORY]
        told = [{"id": e.id, "revision": e.revision, "deployedAt": e.at} for e in entries]
        lines = [f"{e.id}  {e.revision[:12]}  {e.at}" for e in entries]
        return ToolResult(
            content="\n".join(lines) or f"{app.name} was never deployed.",
            data={"app": app.name, "history": told},
        )

    def _inspect_sync(self, said: SyncArguments, context: CallContext) -> Inspection:
        del context
        app = self._desk.get(self._watched.goal(said).app)
        if app.operating:
            raise ToolFailure(f"an operation of {app.name} runs already; wait with {WAIT}")
        gate = self._watched.gate(app, manual=True)
        if not gate.open:
            raise ToolFailure(f"{app.name} cannot be synced: {gate}; {WAIT} waits until then")
        off = [str(part) for part in app.parts if part.sync not in ("", "Synced")]
        plan = [_line(app), "Out of sync:", *(f"  {name}" for name in off)]
        return Inspection(plan="\n".join(plan), preconditions={"revision": app.target_revision})

    def _sync(self, said: SyncArguments, context: CallContext) -> ToolResult:
        name = self._watched.goal(said).app
        self._desk.sync(name, revision=said.revision, prune=said.prune, call_id=context.call_id)
        return _begun(name, "sync")

    def _inspect_rollback(self, said: RollbackArguments, context: CallContext) -> Inspection:
        del context
        app = self._desk.get(self._watched.name(said))
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
        name = self._watched.name(said)
        self._desk.rollback(name, to=said.id, call_id=context.call_id)
        return _begun(name, "rollback")

    def _probe(self, said: AppArguments, context: CallContext) -> ToolResult | None:
        """Whether this very call began an operation, running or done."""
        began = isinstance(said, SyncArguments)
        name = self._watched.goal(said).app if began else self._watched.name(said)
        if context.call_id in self._desk.begun_by(name):
            return _begun(name, "sync")
        if isinstance(said, RollbackArguments):
            raise ToolFailure(f"look at argo_app_history of {name} whether it was rolled back")
        return None


def _begun(name: str, what: str) -> ToolResult:
    return ToolResult(
        content=f"The {what} of {name} has begun; call argo_app_wait to see what comes of it.",
        data={"app": name, "operation": what},
    )


def _line(app: Application) -> str:
    revision = app.revision[:12] or "no revision"
    return f"{app.name}: {app.sync}, {app.health}, at {revision} of {app.target_revision or 'HEAD'}"
