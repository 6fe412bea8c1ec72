"""A witness remembers another log than ours: noted in a file, until a person has looked at it."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from django.conf import settings


def _note() -> Path:
    path: Path = settings.AURA.log_contradiction
    return path


def contradicted() -> str:
    """What the witness said; empty: nothing."""
    try:
        return _note().read_text().strip()
    except OSError:
        return ""


def remember(reason: str) -> None:
    """From now on no effect begins."""
    _note().write_text(f"{reason}\n")


def settle() -> None:
    """Somebody has decided what counts."""
    with suppress(FileNotFoundError):
        _note().unlink()
