"""What can be asked of Argo CD, whichever way it is reached."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from agents.argocd.state import Application, Object
from agents.argocd.windows import Window
from agents.runtime.tool import ToolFailure, TransientFailure


class ArgoFailed(ToolFailure):
    """Argo CD said no; the text says to what, and what to do."""


class ArgoAway(TransientFailure):
    """Argo CD does not answer."""


class Desk(Protocol):
    """Every method raises `ArgoFailed`, or `ArgoAway` after 10 s at the latest."""

    def applications(self) -> Sequence[Application]:
        """All that may be seen, by their names."""

    def get(self, name: str, *, refresh: bool = False) -> Application:
        """One; `refresh`: Argo CD shall first compare it with Git again."""

    def object(self, name: str) -> Object:
        """The Application object as it is written."""

    def manifests(self, name: str, revision: str) -> Sequence[Object]:
        """The objects that the application would have at a revision of its repository."""

    def windows(self, app: Application) -> Sequence[Window]:
        """The sync windows of its project that concern an application."""

    def sync(
        self,
        name: str,
        *,
        revision: str = "",
        prune: bool = False,
        dry_run: bool = False,
        call_id: str,
    ) -> None:
        """Begin a sync; the call's id goes along, so that it can be recognised."""

    def rollback(self, name: str, *, to: int, call_id: str) -> None:
        """Begin a rollback to an entry of the history."""

    def retarget(self, name: str, *, old: str, new: str) -> None:
        """Have it follow another revision of its repository; fails unless it follows `old` now."""

    def create(self, obj: Object) -> None:
        """Make an application."""

    def delete(self, name: str, *, namespace: str) -> None:
        """Delete an application and what it deployed; where it can be, its namespace as well."""

    def ill(self, name: str) -> Sequence[str]:
        """What does not start of an application, in words, before its health says so."""

    def begun_by(self, name: str) -> frozenset[str]:
        """Ids of the calls that the running and the last operation were begun by."""


CALL = "aura.call"  # name of the piece of information that an operation carries
