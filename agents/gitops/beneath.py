"""Opens files beneath a directory without following a link, by `openat2` or step by step."""

from __future__ import annotations

import ctypes
import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

DIRECTORY = os.O_RDONLY | os.O_DIRECTORY
_ALWAYS = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY  # a FIFO must not block us

_OPENAT2 = 437  # the same number on every Linux architecture
_BENEATH, _NO_SYMLINKS, _NO_MAGICLINKS = 0x08, 0x04, 0x02
_AT_FDCWD = -100
_TRIES = 32  # openat2 answers EAGAIN when the tree is renamed while it looks


class _OpenHow(ctypes.Structure):
    _fields_ = [
        ("flags", ctypes.c_uint64),
        ("mode", ctypes.c_uint64),
        ("resolve", ctypes.c_uint64),
    ]


def _kernel_open() -> ctypes.CDLL | None:
    """The C library when this kernel has openat2 (Linux 5.6) and no filter forbids it."""
    if not sys.platform.startswith("linux"):
        return None
    library = ctypes.CDLL(None, use_errno=True)
    try:
        os.close(_openat2(library, _AT_FDCWD, ".", os.O_RDONLY | os.O_CLOEXEC))
    except OSError as error:
        return None if error.errno in (errno.ENOSYS, errno.EPERM, errno.EINVAL) else library
    return library


def _openat2(library: ctypes.CDLL, directory: int, path: str, flags: int) -> int:
    how = _OpenHow(flags=flags, mode=0, resolve=_BENEATH | _NO_SYMLINKS | _NO_MAGICLINKS)
    code = errno.EAGAIN
    for _ in range(_TRIES):
        fd = library.syscall(
            _OPENAT2, directory, os.fsencode(path), ctypes.byref(how), ctypes.sizeof(how)
        )
        if fd >= 0:
            return int(fd)
        code = ctypes.get_errno()
        if code not in (errno.EAGAIN, errno.EINTR):
            break
    raise OSError(code, os.strerror(code), path)


def open_by_steps(directory: int, path: str, flags: int) -> int:
    """What openat2 does, for other kernels: each component by itself, none of them a link."""
    *parents, last = path.split("/")
    current = os.dup(directory)
    for part in parents:
        with closing_fd(current):
            current = os.open(part, DIRECTORY | _ALWAYS, dir_fd=current)
    with closing_fd(current):
        return os.open(last, flags, dir_fd=current)


_LIBRARY = _kernel_open()


def open_beneath(directory: int, path: str, flags: int) -> int:
    """A descriptor of the relative `path` beneath the directory `directory`; raises `OSError`.

    No component may be a link: ELOOP or ENOTDIR then, EXDEV for what leaves the directory.
    """
    if _LIBRARY is not None:
        return _openat2(_LIBRARY, directory, path, flags | _ALWAYS)
    return open_by_steps(directory, path, flags | _ALWAYS)


@contextmanager
def closing_fd(fd: int) -> Iterator[int]:
    try:
        yield fd
    finally:
        os.close(fd)
