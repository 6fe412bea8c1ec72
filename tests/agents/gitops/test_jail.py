from __future__ import annotations

import ctypes
import gc
import os
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.gitops import beneath
from agents.gitops.jail import MAX_WRITE, FileMissing, Jail, PathRefused, normalise
from agents.runtime.tool import ToolFailure

RENAME_EXCHANGE = 2

HOSTILE = [
    "",
    " ",
    ".",
    "./",
    "/",
    "..",
    "../",
    " /",
    "a/ /b",
    "../x",
    "../../etc/passwd",
    "a/../../x",
    "a/..",
    "a/b/../c",
    "./../x",
    "a//../x",
    "/etc/passwd",
    "//etc/passwd",
    "~/x",
    "~root/x",
    "a\0b",
    "a\nb",
    "a\rb",
    "a\tb",
    "a\x1b[31mb",
    "a\u2028b",
    "..\\..\\x",
    "C:\\x",
    ".git",
    ".git/config",
    ".git/hooks/pre-commit",
    "apps/.git/config",
    ".GIT/config",
    ".Git",
    ".git ",
    ".git.",
    ".git./config",
    ".git::$INDEX_ALLOCATION/config",
    "git~1/config",
    "GIT~1",
    ".g\u200cit/config",
    "\uff0egit/config",
    ".gitmodules",
    "x/.GitModules",
    ".gitattributes",
    "apps/.gitattributes",
    "x/" * 600 + "y",
    "x" * 256,
    "\udcff",
]
HARMLESS = {
    "a": "a",
    "./a": "a",
    "a//b": "a/b",
    "a/./b": "a/b",
    "a/b/": "a/b",
    ".gitignore": ".gitignore",
    ".github/workflows/ci.yml": ".github/workflows/ci.yml",
    ".gitlab-ci.yml": ".gitlab-ci.yml",
    "-rf": "-rf",
    "--output=x": "--output=x",
    ":(exclude)a": ":(exclude)a",
    "*": "*",
    "a b/ü.yaml": "a b/ü.yaml",
    "...": "...",
    "..a/b..": "..a/b..",
}


@pytest.fixture(params=["openat2", "step by step"])
def jail(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Jail:
    """The jail as it is here, and as it is on kernels without openat2."""
    if request.param != "openat2":
        monkeypatch.setattr(beneath, "_LIBRARY", None)
    elif beneath._LIBRARY is None:
        pytest.skip("this kernel has no openat2")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret.txt").write_text("outside")
    (tmp_path / "root").mkdir()
    return Jail(tmp_path / "root")


@pytest.mark.parametrize("path", HOSTILE, ids=repr)
def test_a_hostile_path_is_refused_by_every_method(jail: Jail, path: str) -> None:
    for method in (jail.read_text, jail.read_bytes, jail.delete):
        with pytest.raises(PathRefused):
            method(path)
    with pytest.raises(PathRefused):
        jail.write_text(path, "x")
    assert not jail.exists(path)
    assert list(jail.root.iterdir()) == []


@pytest.mark.parametrize(("path", "name"), HARMLESS.items(), ids=repr)
def test_a_harmless_path_is_one_plain_file_of_the_root(jail: Jail, path: str, name: str) -> None:
    jail.write_text(path, "x")
    assert normalise(path) == name
    assert (jail.root / name).read_text() == "x"
    assert jail.list() == [name]


@given(st.text(alphabet="./~ab\\.gitGIT\0 -*", max_size=30))
def test_what_is_let_through_stays_beneath_the_root(path: str) -> None:
    try:
        name = normalise(path)
    except PathRefused:
        return
    assert normalise(name) == name
    assert os.path.normpath(f"/root/{name}") == f"/root/{name}"
    assert ".git" not in name.casefold().split("/")


def links(root: Path, outside: Path) -> dict[str, str]:
    """Path that leads through a link -> the link."""
    (root / "file-link").symlink_to(outside / "secret.txt")
    (root / "dir-link").symlink_to(outside)
    (root / "proc-link").symlink_to("/proc/self/cwd")
    (root / "inner").mkdir()
    (root / "inner" / "up").symlink_to("../..")
    return {
        "file-link": "file-link",
        "dir-link/secret.txt": "dir-link",
        "dir-link/new.txt": "dir-link",
        "dir-link/deep/new.txt": "dir-link",
        "proc-link/x": "proc-link",
        "inner/up/outside/secret.txt": "inner/up",
    }


def test_no_link_is_followed_and_none_is_touched(jail: Jail, tmp_path: Path) -> None:
    for path, link in links(jail.root, tmp_path / "outside").items():
        for act in (jail.read_text, jail.delete, lambda p: jail.write_text(p, "changed")):
            with pytest.raises(ToolFailure):
                act(path)
        assert not jail.exists(path)
        assert (jail.root / link).is_symlink()
    assert jail.list() == []
    assert [p.name for p in (tmp_path / "outside").iterdir()] == ["secret.txt"]
    assert (tmp_path / "outside" / "secret.txt").read_text() == "outside"


def test_a_directory_swapped_for_a_link_meanwhile_lets_nothing_out(
    jail: Jail, tmp_path: Path
) -> None:
    """One thread swaps, one reads, writes and deletes."""
    root, outside = jail.root, tmp_path / "outside"
    (root / "dir").mkdir()
    (root / "dir" / "secret.txt").write_text("inside")
    (root / "link").symlink_to(outside)
    (directory, link) = (os.fsencode(root / name) for name in ("dir", "link"))
    library = ctypes.CDLL(None)
    stop = threading.Event()

    def swap() -> None:
        while not stop.is_set():  # both names change hands at one instant
            library.renameat2(-100, directory, -100, link, RENAME_EXCHANGE)

    thread = threading.Thread(target=swap)
    thread.start()
    seen, refused = 0, 0
    least, most = time.monotonic() + 1.0, time.monotonic() + 60
    try:
        while (refused <= 10 or time.monotonic() < least) and time.monotonic() < most:
            try:
                assert jail.read_text("dir/secret.txt").text in ("inside", "written")
                jail.write_text("dir/secret.txt", "written")
                jail.write_text("dir/new.txt", "written")
                jail.delete("dir/new.txt")
                seen += 1
            except ToolFailure:
                refused += 1
    finally:
        stop.set()
        thread.join()
    assert refused > 10
    assert seen + refused > 100
    assert [p.name for p in outside.iterdir()] == ["secret.txt"]
    assert (outside / "secret.txt").read_text() == "outside"


def test_writing_makes_directories_and_replaces_the_whole_file(jail: Jail) -> None:
    jail.write_text("a/b/c.yaml", "long text\n" * 100)
    jail.write_text("a/b/c.yaml", "short\n")
    assert (jail.root / "a/b/c.yaml").read_text() == "short\n"
    assert jail.list() == ["a/b/c.yaml"]


def test_the_permission_to_execute_survives_a_write(jail: Jail) -> None:
    jail.write_text("run.sh", "one")
    (jail.root / "run.sh").chmod(0o755)
    jail.write_text("run.sh", "two")
    assert (jail.root / "run.sh").stat().st_mode & 0o777 == 0o755


def test_a_file_in_the_way_of_a_directory_is_said(jail: Jail) -> None:
    jail.write_text("a", "x")
    with pytest.raises(PathRefused, match="not a directory"):
        jail.write_text("a/b", "x")


def test_a_directory_is_not_a_file(jail: Jail) -> None:
    jail.write_text("a/b", "x")
    for act in (jail.read_text, jail.delete, lambda p: jail.write_text(p, "x")):
        with pytest.raises(PathRefused, match="directory"):
            act("a")


def test_a_missing_file_is_said(jail: Jail) -> None:
    for act in (jail.read_text, jail.delete):
        with pytest.raises(FileMissing, match="no file a/b"):
            act("a/b")


def test_a_device_does_not_block_the_worker(jail: Jail) -> None:
    os.mkfifo(jail.root / "pipe")
    with pytest.raises(PathRefused, match="not a plain file"):
        jail.read_text("pipe")
    with pytest.raises(PathRefused):
        jail.write_text("pipe", "x")
    assert jail.list() == []


def test_bytes_that_are_no_text_are_said(jail: Jail) -> None:
    (jail.root / "image.png").write_bytes(b"\x89PNG\xff\xfe")
    with pytest.raises(ToolFailure, match="not UTF-8"):
        jail.read_text("image.png")
    assert jail.exists("image.png")


def test_text_that_is_no_unicode_is_not_written(jail: Jail) -> None:
    with pytest.raises(ToolFailure, match="Unicode"):
        jail.write_text("a", "\ud800")


def test_a_file_above_the_limit_is_not_written(jail: Jail) -> None:
    jail.write_text("a", "x" * MAX_WRITE)
    with pytest.raises(ToolFailure, match="limit"):
        jail.write_text("a", "x" * (MAX_WRITE + 1))
    assert (jail.root / "a").stat().st_size == MAX_WRITE


def test_a_long_file_is_read_in_parts_that_fit_together(jail: Jail) -> None:
    text = "".join(f"line {i} ü\n" for i in range(100))
    jail.write_text("a", text)
    parts, offset = [], 0
    while True:
        part = jail.read_text("a", offset, 64)
        assert part.total == len(text)
        parts.append(part.text)
        if part.next_offset is None:
            break
        assert part.text.endswith("\n")
        offset = part.next_offset
    assert "".join(parts) == text


def test_a_line_longer_than_the_limit_is_cut_inside(jail: Jail) -> None:
    jail.write_text("a", "x" * 100)
    assert jail.read_text("a", 0, 40).next_offset == 40
    assert jail.read_text("a", 500, 40).text == ""


def test_listing_takes_directories_and_beginnings_of_names(jail: Jail) -> None:
    for path in ("apps/web/a", "apps/web/b", "apps/worker/c", "apps.txt", "z/.github/x"):
        jail.write_text(path, "")
    (jail.root / ".git").write_text("gitdir: elsewhere")
    everything = ["apps.txt", "apps/web/a", "apps/web/b", "apps/worker/c", "z/.github/x"]
    assert sorted(jail.list()) == everything
    assert sorted(jail.list("./")) == everything
    assert jail.list("apps/w") == ["apps/web/a", "apps/web/b", "apps/worker/c"]
    assert jail.list("apps/web") == ["apps/web/a", "apps/web/b"]
    assert jail.list("apps/web/") == ["apps/web/a", "apps/web/b"]
    assert jail.list("apps/x") == []
    assert jail.list("none/x") == []
    with pytest.raises(PathRefused):
        jail.list("../")


def test_listing_ends_one_past_its_limit(jail: Jail, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agents.gitops.jail.MAX_LISTED", 20)
    for i in range(30):
        (jail.root / str(i)).touch()
    assert len(jail.list()) == 21


def test_a_vanished_worktree_is_said(tmp_path: Path) -> None:
    with pytest.raises(ToolFailure, match="git_clone_worktree"):
        Jail(tmp_path / "none").read_text("a")


def test_descriptors_are_all_closed(jail: Jail) -> None:
    def opened() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    gc.collect()  # of other tests
    before = opened()
    for _ in range(20):
        jail.write_text("a/b/c", "x")
        jail.read_text("a/b/c")
        jail.list()
        jail.delete("a/b/c")
        with pytest.raises(ToolFailure):
            jail.read_text("a/b/c")
    assert opened() <= before
