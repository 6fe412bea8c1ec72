"""Real repositories: an `origin` to push to, and workspaces that stand for machines."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from agents.gitops.workspace import Workspace
from tests.agents.gitops.support import DEPLOYMENT, Desk, git


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bare repository with a deployment, an AGENTS.md and a plain file on `main`."""
    place = tmp_path_factory.mktemp("template")
    seed = place / "seed"
    git("init", "--quiet", "--initial-branch=main", str(seed))
    (seed / "apps").mkdir()
    (seed / "apps" / "web.yaml").write_text(DEPLOYMENT)
    (seed / "AGENTS.md").write_text("# Rules\nBe careful.\n")
    (seed / "notes.txt").write_text("one\ntwo\nthree\n")
    git("add", ".", at=seed)
    git("commit", "--quiet", "-m", "first", at=seed)
    git("clone", "--quiet", "--bare", "--template=", str(seed), str(place / "origin.git"))
    return place / "origin.git"


@pytest.fixture
def origin(template: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(template, tmp_path / "origin.git"))


@pytest.fixture(scope="session")
def cloned(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a workspace whose clone is made."""
    root = tmp_path_factory.mktemp("cloned") / "ws"
    Workspace(repo_url=str(template), root=root).base_commit()
    return root


@pytest.fixture
def workspace(origin: Path, cloned: Path, tmp_path: Path) -> Workspace:
    root = shutil.copytree(cloned, tmp_path / "ws")
    return Workspace(repo_url=str(origin), root=root, timeout_s=20)


@pytest.fixture(scope="session")
def opened(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a workspace in which the worktree of T1 is made."""
    root = tmp_path_factory.mktemp("opened") / "ws"
    Workspace(repo_url=str(template), root=root).open("T1")
    return root


@pytest.fixture
def desk(origin: Path, opened: Path, tmp_path: Path) -> Desk:
    """The tools of ticket T1, called as the runner calls them; its worktree is made already."""
    root = Path(shutil.copytree(opened, tmp_path / "ws"))
    place, state = root / "tickets" / "T1", root / "repo" / "worktrees" / "T1"
    (place / ".git").write_text(f"gitdir: {state}\n")
    (state / "gitdir").write_text(f"{place / '.git'}\n")
    return Desk(Workspace(repo_url=str(origin), root=root, timeout_s=20), "T1")


@pytest.fixture
def new_desk(workspace: Workspace) -> Desk:
    """The tools of ticket T1 before their first call."""
    return Desk(workspace, "T1")
