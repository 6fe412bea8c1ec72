"""What the tools of one ticket wait for, and which applications are its own."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from django.utils.timezone import now
from pydantic import Field

from agents.argocd.desk import ArgoFailed, Desk
from agents.argocd.state import Application
from agents.argocd.windows import OPEN, Opening, opening
from agents.runtime.tool import Arguments, ToolFailure

APP = r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?)?$"  # it becomes a part of a path
PREVIEW = "aura-preview-"  # begins the names of applications and namespaces that are previews
BRANCHES = "aura/ticket-"  # of tickets; an application may follow one for a while


class AppArguments(Arguments):
    """Which application; the configured one, or the only one of the ticket, when left out."""

    app: str = Field("", max_length=253, pattern=APP, description="Name of the Argo CD application")


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """The commit that an application shall run."""

    app: str
    sha: str


def _as_it_is(path: str) -> Collection[str]:
    return (path,)


def _nobody(app: str) -> Sequence[str]:
    del app
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What the tools of one ticket wait for.

    `app` is the configured application; without one those of `repository` count that follow
    `branch` and are made from one of the `paths` that the ticket changes. `made_from(path)`: what
    of the repository the manifests at a path are made from. `expected` is the commit that was
    brought into the branch, empty while there is none; until then `preview` tells where the
    ticket's own branch runs. `holds(sha, revision)`: does the revision contain the commit?
    `others(app)`: other tickets at work on an application, in words. For `degraded_s` a part may
    be ill before it counts; for `timeout_s` an application is waited for, and for `window_s` until
    a sync window lets it be synced.
    """

    desk: Desk
    app: str = ""
    repository: str = ""
    branch: str = ""
    timeout_s: float = 600.0
    degraded_s: float = 30.0
    window_s: float = 24 * 3600.0
    expected: Callable[[], str] = str
    preview: Callable[[], Goal | None] = lambda: None
    paths: Callable[[], Collection[str]] = tuple
    made_from: Callable[[str], Collection[str]] = _as_it_is
    others: Callable[[str], Sequence[str]] = _nobody
    holds: Callable[[str, str], bool] = str.__eq__

    def goal(self, said: Any) -> Goal:
        """The application that arguments mean, and the commit that it shall run."""
        revision = getattr(said, "revision", "")
        tried = None if said.app or revision or self.expected() else self.preview()
        return tried or Goal(app=self.name(said), sha=revision or self.expected())

    def name(self, said: AppArguments) -> str:
        """The application that arguments mean. Raises `ToolFailure` where that cannot be told."""
        if said.app or self.app:
            return said.app or self.app
        own = self.own()
        if len(own) == 1:
            return own[0].name
        names = ", ".join(app.name for app in own) or "none"
        raise ToolFailure(
            f"say which application: this ticket's work goes into {names} (AURA_ARGOCD_APP_NAME"
            " names the usual one)"
        )

    def own(self) -> list[Application]:
        """The configured application, or those that deploy what the ticket changes.

        Where none does (it changes documents alone), any that follows the branch counts.
        """
        apps = self.desk.applications()
        if self.app:
            return [app for app in apps if app.name == self.app]
        following = [app for app in apps if self._follows(app)]
        paths = self.paths()
        return [app for app in following if self._takes(app, paths)] or following

    def gate(self, app: Application, *, manual: bool) -> Opening:
        """Whether the sync windows let it be synced; where they may not be read, Argo CD tells."""
        try:
            return opening(self.desk.windows(app), now(), manual=manual)
        except ArgoFailed:
            return OPEN

    def _follows(self, app: Application) -> bool:
        other = _address(app.repo_url) != _address(self.repository)
        if other or app.name.startswith(PREVIEW):
            return False
        target = app.target_revision
        usual = target in ("", "HEAD", self.branch, f"refs/heads/{self.branch}")
        return usual or not self.branch or target.startswith(BRANCHES)

    def _takes(self, app: Application, paths: Iterable[str]) -> bool:
        parts = [PurePosixPath(p) for each in app.paths for p in (each, *self.made_from(each))]
        return any(PurePosixPath(path).is_relative_to(part) for path in paths for part in parts)


def _address(url: str) -> str:
    """A repository's URL as it is compared."""
    return url.strip().removesuffix("/").removesuffix(".git").removeprefix("file://").casefold()
