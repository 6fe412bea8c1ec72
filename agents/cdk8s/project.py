"""What a cdk8s project is, and what is missing for running it."""

from __future__ import annotations

import posixpath
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from agents.gitops import strictyaml
from agents.gitops.jail import Jail, normalise
from agents.runtime.tool import NeedsPerson, ToolFailure
from agents.shell.bubblewrap import Mount
from aura.config import Settings

CONFIG: Final = "cdk8s.yaml"
LOCKFILES: Final = ("package-lock.json", "yarn.lock", "pnpm-lock.yaml")
OUTPUT: Final = "dist"  # where cdk8s writes unless told
NODE: Final = "/opt/node"  # where the sandbox sees a Node that is no part of the system
MODULES: Final = "/node_modules"  # the last place where Node looks for what a program imports
_CLI: Final = "cdk8s-cli"


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """`home` is the folder of its cdk8s.yaml ("" for the root), `output` that of its manifests."""

    home: str
    language: str
    output: str

    def inside(self, name: str) -> str:
        return posixpath.join(self.home, name)


def find(jail: Jail, home: str = "") -> Project:
    """The project in `home`, or the only one. Raises `ToolFailure` where there is none."""
    if home:
        return _read(jail, normalise(home))
    found = [p for p in jail.list() if posixpath.basename(p) == CONFIG]
    found = [p for p in found if "node_modules" not in p.split("/")]
    if not found:
        raise ToolFailure(f"this repository is no cdk8s project: it has no {CONFIG}")
    if len(found) > 1:
        listed = ", ".join(posixpath.dirname(path) or "." for path in found)
        raise ToolFailure(f"there are several cdk8s projects, name one as `project`: {listed}")
    return _read(jail, posixpath.dirname(found[0]))


def _read(jail: Jail, home: str) -> Project:
    path = posixpath.join(home, CONFIG)
    try:
        documents = strictyaml.load_all(jail.read_text(path).text)
    except strictyaml.Refused as refused:
        raise ToolFailure(f"{path}: {refused.message}") from None
    value = documents[0].value if documents else None
    said = value if isinstance(value, dict) else {}
    if not said.get("app"):
        raise ToolFailure(f"{path} names no `app`, the command that makes the manifests")
    output = normalise(posixpath.join(home, str(said.get("output") or OUTPUT)))
    return Project(home=home, language=str(said.get("language") or ""), output=output)


def mounts(project: Project, worktree: Path, config: Settings) -> list[Mount]:
    """What the sandbox needs besides the repository. Raises `ToolFailure` for what is missing."""
    node = shutil.which(config.cdk8s_node)
    if node is None:
        raise NeedsPerson(
            f"cdk8s cannot run here: there is no Node ({config.cdk8s_node} is not on the workers'"
            " PATH). Whoever runs Aura can install Node, or set AURA_CDK8S_NODE. The manifests in"
            f" {project.output} can be read all the same."
        )
    return [*_node(Path(node)), *_modules(project, worktree, config.cdk8s_dependencies)]


def _node(node: Path) -> list[Mount]:
    """Nothing for a Node of the system, which the sandbox has already."""
    prefix = node.resolve().parent.parent
    if prefix in (Path("/usr"), Path("/")):
        return []
    return [Mount(prefix, NODE, "bin")]


def _modules(project: Project, worktree: Path, prepared: Path | None) -> list[Mount]:
    """The dependencies: in the repository, or prepared beside the very same lockfile."""
    lockfile = next((n for n in LOCKFILES if (worktree / project.inside(n)).is_file()), None)
    if lockfile is None:
        raise ToolFailure(
            f"{project.home or 'the repository'} has no lockfile ({', '.join(LOCKFILES)}), so what"
            " it would run is not fixed; commit one"
        )
    if (worktree / project.inside("node_modules") / _CLI).is_dir():
        return []
    if prepared is None:
        raise NeedsPerson(
            "the dependencies of this cdk8s project are not installed, and the sandbox has no"
            " network to fetch them. Whoever runs Aura runs `npm ci` in a copy of the project and"
            " sets AURA_CDK8S_DEPENDENCIES to that directory."
        )
    if not (prepared / "node_modules" / _CLI).is_dir():
        raise NeedsPerson(f"{_CLI} is not among the dependencies in AURA_CDK8S_DEPENDENCIES")
    own = (worktree / project.inside(lockfile)).read_bytes()
    theirs = prepared / lockfile
    if not theirs.is_file() or theirs.read_bytes() != own:
        raise NeedsPerson(
            f"the dependencies in AURA_CDK8S_DEPENDENCIES are of another {lockfile} than the"
            " repository's; whoever runs Aura installs them anew"
        )
    return [Mount(prepared / "node_modules", MODULES, ".bin")]
