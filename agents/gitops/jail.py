"""Files of one worktree, and no others, whatever a path says and whoever swaps links meanwhile.

A path is first refused by its words (`normalise`), then opened by the kernel with the order to stay
beneath the root and to follow no link (`openat2`). Checking a path and opening it afterwards would
leave a gap in which a directory can be replaced by a link; here nothing is checked by name.
"""

from __future__ import annotations

import errno
import os
import stat
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from secrets import token_hex

from agents.gitops.beneath import DIRECTORY, closing_fd, open_beneath
from agents.runtime.tool import ToolFailure

MAX_WRITE = 1 << 20  # bytes of a file written by a tool
MAX_READ = 8 << 20  # bytes of a file that is opened for reading
MAX_PATH = 1024  # characters
MAX_NAME = 255  # bytes of one component, the limit of the usual file systems
MAX_DEPTH = 100  # directories inside one another
MAX_LISTED = 5000  # paths
TEMPORARY = ".aura-tmp-"  # also in the clone's info/exclude, so that a leftover is never committed

_FORBIDDEN_NAMES = frozenset({".git", "git~1", ".gitmodules", ".gitattributes"})


class PathRefused(ToolFailure):
    """The path leads out of the worktree, or to something that is not a plain file of it."""


class FileMissing(ToolFailure):
    """There is no such file."""


def normalise(path: str) -> str:
    """`path` relative to the worktree, without `.` and doubled slashes.

    Raises `PathRefused` for what leaves the worktree, what Git itself gives a meaning to
    (`.git`, `.gitmodules`, `.gitattributes`, also as Windows and macOS spell them) and what cannot
    be shown on one line.
    """
    if not path.strip():
        raise PathRefused("the path is empty; name a file relative to the repository's root")
    shown = repr(path[:200])
    if path.startswith(("/", "~")):
        raise PathRefused(f"{shown} is not relative; name files relative to the repository's root")
    if "\\" in path or any(unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") for c in path):
        raise PathRefused(f"{shown} holds a backslash or a hidden character; use plain names")
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if not parts:
        raise PathRefused(f"{shown} is the root itself; name a file in it")
    for part in parts:
        _refuse_name(part, shown)
    if len(path) > MAX_PATH:
        raise PathRefused(f"the path is longer than {MAX_PATH} characters")
    return "/".join(parts)


def _refuse_name(name: str, shown: str) -> None:
    if not name.strip():
        raise PathRefused(f"a name in {shown} is blank")
    if name == "..":
        raise PathRefused(f"{shown} leaves the repository; '..' is not allowed")
    if len(name.encode()) > MAX_NAME:
        raise PathRefused(f"a name in {shown} is longer than {MAX_NAME} bytes")
    if _as_other_systems_see(name) in _FORBIDDEN_NAMES:
        raise PathRefused(f"{shown} belongs to Git itself and cannot be read or changed")


def _as_other_systems_see(name: str) -> str:
    """How Windows and macOS read a name: no case, no trailing dots, streams or invisible signs."""
    visible = "".join(c for c in name if unicodedata.category(c) != "Cf")
    folded = unicodedata.normalize("NFKC", visible).casefold()
    return folded.partition(":")[0].rstrip(" .")


@dataclass(frozen=True, slots=True)
class Slice:
    """A part of a file: `text` begins at character `offset` of `total`."""

    text: str
    offset: int
    total: int

    @property
    def next_offset(self) -> int | None:
        """Where to read on, or None when the end was reached."""
        end = self.offset + len(self.text)
        return end if end < self.total else None


class Jail:
    """Reads, writes and lists the plain UTF-8 files beneath `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def read_text(self, path: str, offset: int = 0, limit: int | None = None) -> Slice:
        """At most `limit` characters from `offset`; cut after a line where there is one."""
        name = normalise(path)
        text = _decoded(self.read_bytes(name), name)
        if limit is None or offset + limit >= len(text):
            return Slice(text[offset:], min(offset, len(text)), len(text))
        part = text[offset : offset + limit]
        return Slice(part[: part.rfind("\n") + 1] or part, offset, len(text))

    def read_bytes(self, path: str) -> bytes:
        """The whole file. Raises `FileMissing`, `PathRefused`, or `ToolFailure` above 8 MiB."""
        name = normalise(path)
        with self._root() as root, closing_fd(_open(root, name, os.O_RDONLY)) as fd:
            size = _regular(fd, name).st_size
            if size > MAX_READ:
                raise ToolFailure(f"{name} is too large to read: {size} bytes")
            with os.fdopen(os.dup(fd), "rb") as file:
                return file.read(MAX_READ + 1)

    def write_text(self, path: str, content: str) -> None:
        """Replace or create the file in one step, with its directories. At most 1 MiB."""
        name = normalise(path)
        data = _encoded(content, name)
        if len(data) > MAX_WRITE:
            raise ToolFailure(
                f"{name} would be {len(data)} bytes; the limit is {MAX_WRITE}. Split the file"
            )
        parent, _, last = name.rpartition("/")
        with self._root() as root, closing_fd(_directory(root, parent)) as directory:
            mode = _mode_of_replaced(directory, last, name)
            _write_beside(directory, last, data, mode, name)

    def delete(self, path: str) -> None:
        """Remove the file. Raises `FileMissing` when there is none."""
        name = normalise(path)
        parent, _, last = name.rpartition("/")
        with (
            self._root() as root,
            closing_fd(_open(root, parent or ".", DIRECTORY, shown=name)) as directory,
        ):
            if _mode_of_replaced(directory, last, name) is None:
                raise FileMissing(f"there is no file {name}; git_list_files shows what there is")
            with _told(name):
                os.unlink(last, dir_fd=directory)

    def exists(self, path: str) -> bool:
        """Whether a plain file is there; False for paths that are refused."""
        try:
            name = normalise(path)
            with self._root() as root, closing_fd(_open(root, name, os.O_RDONLY)) as fd:
                return stat.S_ISREG(os.fstat(fd).st_mode)
        except ToolFailure:
            return False

    def list(self, prefix: str = "") -> list[str]:
        """Sorted paths that begin with `prefix` (`apps/ng`, or a directory); links are left out.

        At most 5,000: one more is returned when there are more, so that the caller can tell.
        """
        wanted = "" if prefix.strip() in ("", ".", "./") else normalise(prefix)
        start = wanted if self._is_directory(wanted) else wanted.rpartition("/")[0]
        inside = f"{wanted}/" if wanted and start == wanted else wanted
        with self._root() as root:
            try:
                fd = _open(root, start or ".", DIRECTORY)
            except FileMissing:
                return []
            with closing_fd(fd):
                paths = _walk(fd, f"{start}/" if start else "")
                return list(islice((p for p in paths if p.startswith(inside)), MAX_LISTED + 1))

    def _is_directory(self, name: str) -> bool:
        try:
            with self._root() as root, closing_fd(_open(root, name or ".", DIRECTORY)):
                return True
        except ToolFailure:
            return False

    @contextmanager
    def _root(self) -> Iterator[int]:
        try:
            fd = os.open(self.root, DIRECTORY | os.O_CLOEXEC)
        except OSError:
            raise ToolFailure(
                "the worktree is gone; call git_clone_worktree to make it again"
            ) from None
        with closing_fd(fd):
            yield fd


# --- files ----------------------------------------------------------------------------------------


def _decoded(data: bytes, name: str) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise ToolFailure(f"{name} is not UTF-8 text and cannot be shown") from None


def _encoded(content: str, name: str) -> bytes:
    try:
        return content.encode()
    except UnicodeEncodeError:
        raise ToolFailure(f"the content for {name} is not valid Unicode text") from None


def _regular(fd: int, name: str) -> os.stat_result:
    status = os.fstat(fd)
    if stat.S_ISDIR(status.st_mode):
        raise PathRefused(f"{name} is a directory; name a file (git_list_files shows them)")
    if not stat.S_ISREG(status.st_mode):
        raise PathRefused(f"{name} is not a plain file")
    return status


def _mode_of_replaced(directory: int, last: str, name: str) -> int | None:
    """Permission bits of the plain file that stands there, None for nothing."""
    try:
        status = os.stat(last, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(status.st_mode):
        raise PathRefused(f"{name} is a directory; name a file")
    if not stat.S_ISREG(status.st_mode):
        raise PathRefused(f"{name} is a symbolic link or a device and is left alone")
    return stat.S_IMODE(status.st_mode)


def _write_beside(directory: int, last: str, data: bytes, mode: int | None, name: str) -> None:
    """Write a temporary file in the same directory and rename it: readers see old or new, whole."""
    temporary = f"{TEMPORARY}{token_hex(8)}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with _told(name):
        fd = os.open(temporary, flags, 0o644, dir_fd=directory)
        try:
            with os.fdopen(fd, "wb") as file:
                if mode is not None:
                    os.fchmod(fd, mode)
                file.write(data)
                file.flush()
                os.fsync(fd)
            os.rename(temporary, last, src_dir_fd=directory, dst_dir_fd=directory)
        except BaseException:
            with suppress(OSError):
                os.unlink(temporary, dir_fd=directory)
            raise


def _directory(root: int, path: str) -> int:
    """A descriptor of the directory, made where it is missing, one component after the other."""
    current = os.dup(root)
    for part in path.split("/") if path else ():
        with closing_fd(current):
            with _told(path), suppress(FileExistsError):
                os.mkdir(part, 0o755, dir_fd=current)
            current = _open(current, part, DIRECTORY, shown=path)
    return current


def _walk(directory: int, prefix: str, depth: int = 0) -> Iterator[str]:
    """Paths of plain files below, sorted by name, never through a link and never into `.git`."""
    with os.scandir(directory) as entries:
        items = sorted(entries, key=lambda entry: entry.name)
    for item in items:
        if item.name == ".git" or item.name.startswith(TEMPORARY) or not _showable(item.name):
            continue
        if item.is_file(follow_symlinks=False):
            yield prefix + item.name
        elif item.is_dir(follow_symlinks=False) and depth < MAX_DEPTH:
            with suppress(ToolFailure), closing_fd(_open(directory, item.name, DIRECTORY)) as fd:
                yield from _walk(fd, f"{prefix}{item.name}/", depth + 1)


def _showable(name: str) -> bool:
    """Whether the name is text on one line; others cannot be named by a tool anyway."""
    return all(unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Zl", "Zp") for c in name)


@contextmanager
def _told(name: str) -> Iterator[None]:
    """Turns what the kernel says about `name` into words for the model."""
    try:
        yield
    except OSError as error:
        raise _failure(error, name) from None


_REFUSALS = {
    errno.ELOOP: "{} leads through a symbolic link and is refused",
    errno.EXDEV: "{} leads out of the repository and is refused",
    errno.EAGAIN: "{} was moved while it was opened; call the tool again",
    errno.ENOTDIR: "a part of {} is a file or a link, not a directory",
    errno.EISDIR: "{} is a directory; name a file",
    errno.ENXIO: "{} is not a plain file",
    errno.ENODEV: "{} is not a plain file",
}


def _failure(error: OSError, name: str) -> ToolFailure:
    if error.errno == errno.ENOENT:
        return FileMissing(f"there is no file {name}; git_list_files shows what there is")
    if error.errno in _REFUSALS:
        return PathRefused(_REFUSALS[error.errno].format(name))
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return ToolFailure("the disk of the workspace is full; tell the operator")
    return ToolFailure(f"{name} cannot be used: {error.strerror}")


def _open(directory: int, path: str, flags: int, *, shown: str | None = None) -> int:
    """A descriptor of `path` beneath `directory`; `shown` is the path that messages name."""
    with _told(shown or path):
        return open_beneath(directory, path, flags)
