"""A secret key of this installation, for running without one configured."""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import Callable
from pathlib import Path

from aura.config import ConfigError


def _random() -> str:
    return secrets.token_urlsafe(48)


def read_or_make(path: Path, make: Callable[[], str] = _random) -> str:
    """The key in `path`, a file of the data directory, made on first use with mode 0600.

    Two processes at once agree on one. Raises `ConfigError` for a directory that cannot be used.
    """
    try:
        return _read_or_make(path, make)
    except OSError as error:
        reason = f"{path.parent} cannot be used: {error.strerror}"
        raise ConfigError(f"AURA_DATA_DIR: {reason}") from None


def _read_or_make(path: Path, make: Callable[[], str]) -> str:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        draft = path.with_name(f"{path.name}.{os.getpid()}.{threading.get_ident()}")
        draft.touch(mode=0o600)
        draft.write_text(make())
        try:
            os.link(draft, path)  # fails if another process was first: then its key counts
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text()
