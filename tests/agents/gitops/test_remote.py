"""Credentials reach the remote and nothing else; what the remote says becomes a typed failure."""

from __future__ import annotations

import socket
import time
from base64 import b64encode
from pathlib import Path
from urllib.parse import quote

import pytest

from agents.gitops import failures
from agents.gitops.remote import Remote, parse
from agents.gitops.workspace import Workspace
from agents.runtime.tool import ToolFailure, TransientFailure
from tests.agents.gitops.server import serving
from tests.agents.gitops.support import Desk, files, git, log, wish

USER = "deploy"
TOKEN = "t0k/en with:odd@signs" + "-Zx81"
FORMS = (TOKEN, quote(TOKEN, safe=""), b64encode(f"{USER}:{TOKEN}".encode()).decode())


def everything_on_disk(root: Path) -> str:
    return "".join(
        path.read_bytes().decode("latin-1") for path in root.rglob("*") if path.is_file()
    )


def test_user_and_token_are_really_sent_and_stand_nowhere_else(
    origin: Path, tmp_path: Path
) -> None:
    with serving(origin.parent, login=f"{USER}:{TOKEN}") as server:
        workspace = Workspace(
            repo_url=f"{server.url}/{origin.name}",
            root=tmp_path / "ws",
            username=USER,
            token=TOKEN,
            timeout_s=20,
        )
        assert workspace.check().available
        desk = Desk(workspace, "T1")
        desk.change("new.txt", "x\n")
        desk.call("git_push")
        assert workspace.open("T1").merge_into_base(wish("done")).files == ("new.txt",)
    assert "new.txt" in files(origin)
    assert server.wanted in server.logins
    assert server.secrets_in_arguments == []
    assert not any(form in everything_on_disk(workspace.root) for form in FORMS)
    assert not any(form in repr(workspace) for form in FORMS)


def test_credentials_of_the_url_are_taken_out_of_it_and_used(origin: Path, tmp_path: Path) -> None:
    with serving(origin.parent, login=f"{USER}:{TOKEN}") as server:
        login = f"{USER}:{quote(TOKEN, safe='')}@"
        url = server.url.replace("://", f"://{login}") + f"/{origin.name}"
        workspace = Workspace(repo_url=url, root=tmp_path / "ws", timeout_s=20)
        assert workspace.check().available
        assert workspace.read_base_file("AGENTS.md")
    assert server.secrets_in_arguments == []
    assert not any(form in everything_on_disk(workspace.root) for form in FORMS)
    assert not any(form in repr(workspace) for form in FORMS)


def test_a_token_without_a_name_is_sent_too(origin: Path, tmp_path: Path) -> None:
    with serving(origin.parent, login=f"x-access-token:{TOKEN}") as server:
        url = f"{server.url}/{origin.name}"
        assert Workspace(repo_url=url, root=tmp_path / "ws", token=TOKEN).check().available


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, failures.AccessDenied),
        (403, failures.AccessDenied),
        (404, failures.RepositoryMissing),
        (429, failures.RemoteUnavailable),
        (500, failures.RemoteUnavailable),
        (503, failures.RemoteUnavailable),
    ],
)
def test_what_the_server_answers_is_named_and_no_credential_is_repeated(
    tmp_path: Path, status: int, kind: type[ToolFailure]
) -> None:
    with serving(tmp_path, login=f"{USER}:{TOKEN}", status=status) as server:
        url = server.url.replace("://", f"://{USER}:{quote(TOKEN, safe='')}@") + "/x.git"
        workspace = Workspace(repo_url=url, root=tmp_path / "ws", timeout_s=10)
        with pytest.raises(kind) as caught:
            workspace.open("T1")
        health = workspace.check()
    assert not health.available
    for text in (str(caught.value), health.detail):
        assert not any(form in text for form in (*FORMS, USER + ":"))
    transient = issubclass(kind, TransientFailure)
    assert transient is (status >= 429)


def test_a_server_that_sends_us_elsewhere_does_not_get_our_token_there(
    origin: Path, tmp_path: Path
) -> None:
    login = f"{USER}:{TOKEN}"
    with (
        serving(tmp_path, login=login) as first,
        serving(origin.parent, login=login) as second,
    ):
        first.elsewhere = second.url
        url = f"{first.url}/{origin.name}"
        workspace = Workspace(repo_url=url, root=tmp_path / "ws", username=USER, token=TOKEN)
        assert not workspace.check().available
    assert second.logins
    assert not any(second.logins)


def test_a_server_that_does_not_answer_is_given_up_in_time(tmp_path: Path) -> None:
    with serving(tmp_path, login="a:b", status=500, pause_s=60) as server:
        workspace = Workspace(repo_url=f"{server.url}/x.git", root=tmp_path / "ws", timeout_s=0.5)
        start = time.monotonic()
        with pytest.raises(failures.RemoteUnavailable, match=r"within 0\.5 s"):
            workspace.base_commit()
        assert time.monotonic() - start < 30


def test_a_closed_port_is_transient(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    workspace = Workspace(repo_url=f"http://127.0.0.1:{port}/x.git", root=tmp_path / "ws")
    with pytest.raises(TransientFailure, match="try again later"):
        workspace.base_commit()


def test_a_repository_that_moved_away_is_said(desk: Desk, origin: Path) -> None:
    desk.change("a.txt", "x\n")
    origin.rename(origin.with_name("elsewhere.git"))
    for tool in ("git_push", "git_fetch"):
        with pytest.raises(failures.RepositoryMissing, match="AURA_GIT_REPO_URL"):
            desk.call(tool)
    assert desk.call("git_read_file", path="a.txt").content == "x\n"
    origin.with_name("elsewhere.git").rename(origin)
    assert desk.call("git_push").data["branch"] == desk.branch


def test_a_missing_base_branch_is_said(origin: Path, tmp_path: Path) -> None:
    workspace = Workspace(repo_url=str(origin), root=tmp_path / "ws", branch="trunk")
    assert workspace.check().detail == "the repository has no branch trunk"
    for act in (workspace.base_commit, lambda: workspace.open("T1")):
        with pytest.raises(failures.BranchMissing, match="AURA_GIT_BRANCH"):
            act()


def test_an_empty_repository_is_said(tmp_path: Path) -> None:
    git("init", "--quiet", "--bare", str(tmp_path / "empty.git"))
    workspace = Workspace(repo_url=str(tmp_path / "empty.git"), root=tmp_path / "ws")
    assert not workspace.check().available


def test_no_configured_repository_is_said(tmp_path: Path) -> None:
    workspace = Workspace(repo_url="", root=tmp_path / "ws")
    assert "AURA_GIT_REPO_URL" in workspace.check().detail
    with pytest.raises(failures.NotConfigured):
        workspace.open("T1")


def test_a_workspace_that_cannot_be_made_is_said(origin: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    workspace = Workspace(repo_url=str(origin), root=tmp_path / "file" / "ws")
    assert "AURA_GIT_WORKING_DIR" in workspace.check().detail


def test_a_hook_of_the_server_that_says_no_is_told_with_its_reason(
    desk: Desk, origin: Path
) -> None:
    hook = origin / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho 'only with a signed-off line' >&2\nexit 1\n")
    hook.chmod(0o755)
    desk.change("a.txt", "x\n")
    with pytest.raises(failures.RemoteRefused, match="signed-off line"):
        desk.call("git_push")
    with pytest.raises(failures.RemoteRefused):
        desk.workspace.open("T1").merge_into_base(wish("done"))
    assert log(origin) == ["first"]
    hook.unlink()
    desk.call("git_push")


@pytest.mark.parametrize(
    ("url", "scheme", "address", "username", "token"),
    [
        ("https://h/x.git", "https", "https://h/x.git", "", ""),
        ("https://u:p%40w@h:8443/x", "https", "https://h:8443/x", "u", "p@w"),
        ("https://tok@h/x", "https", "https://h/x", "tok", ""),
        ("ssh://git@h:22/x", "ssh", "ssh://git@h:22/x", "", ""),
        ("ssh://git:pw@h/x", "ssh", "ssh://git@h/x", "", ""),
        ("git@h.example:team/x.git", "ssh", "git@h.example:team/x.git", "", ""),
        ("/srv/x.git", "file", "/srv/x.git", "", ""),
        ("file:///srv/x.git", "file", "/srv/x.git", "", ""),
    ],
)
def test_addresses_are_understood(
    url: str, scheme: str, address: str, username: str, token: str
) -> None:
    remote = parse(url)
    assert (remote.scheme, remote.url) == (scheme, address)
    assert (remote.username, remote.token) == (username, token)


def test_a_credential_with_a_line_break_is_refused() -> None:
    with pytest.raises(failures.NotConfigured, match="line break"):
        parse("https://h/x", username="a", token="b\nhost=evil")


def test_what_is_shown_of_git_is_cleaned() -> None:
    remote = Remote(url="https://h/x", scheme="https", username=USER, token=TOKEN)
    said = f"fatal: https://{USER}:secret@h/x \x1b[31mred\x07 {' '.join(FORMS)} password=hunter2"
    assert remote.clean(said) == (
        "fatal: https://h/x red [redacted] [redacted] [redacted] password=[redacted:password]"
    )
