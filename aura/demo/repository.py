"""The demo's Git repository: a bare one on this disk, with a small GitOps tree."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from aura.embedded.process import make_directory

SEED = Path(__file__).resolve().parent.parent.parent / "demo" / "gitops"
BRANCH = "main"


def seeded(bare: Path) -> Path:
    """The repository with the seed tree on main; made if missing, set back by a commit if not."""
    if not bare.exists():
        make_directory(bare.parent)
        _git(bare.parent, "init", "--quiet", "--bare", f"--initial-branch={BRANCH}", str(bare))
    with tempfile.TemporaryDirectory(prefix="aura-demo-") as scratch:
        work = Path(scratch) / "work"
        _git(bare.parent, "clone", "--quiet", str(bare), str(work))
        _git(work, "checkout", "--quiet", "-B", BRANCH)
        for entry in work.iterdir():
            if entry.name != ".git":
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        shutil.copytree(SEED, work, dirs_exist_ok=True)
        _git(work, "add", "--all")
        if _git(work, "status", "--porcelain"):
            _git(work, "commit", "--quiet", "-m", "Set the demo repository up")
            _git(work, "push", "--quiet", "origin", BRANCH)
    return bare


def newest(bare: Path) -> str:
    """The newest commit of main and the files it changed, as git prints them."""
    return _git(
        bare, "log", "-1", "--first-parent", "-m", "--name-status", "--format=%h %an: %s", BRANCH
    )


def changed(bare: Path) -> list[str]:
    """Paths that the newest commit of main added or changed."""
    names = _git(bare, "diff", "--name-only", "--diff-filter=AM", f"{BRANCH}~1", BRANCH)
    return names.splitlines()


def show(bare: Path, path: str) -> str:
    """A file as main has it."""
    return _git(bare, "show", f"{BRANCH}:{path}")


def _git(directory: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=Aura demo", "-c", "user.email=demo@localhost")
    done = subprocess.run(  # noqa: S603 - our own arguments
        ["git", *identity, "-C", str(directory), *arguments],  # noqa: S607 - git from PATH
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()
