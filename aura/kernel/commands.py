"""What commands share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.management.base import CommandError

from aura.kernel.errors import Problem


@contextmanager
def problems_in_words() -> Iterator[None]:
    """A `Problem` inside the block ends the command with its sentence."""
    try:
        yield
    except Problem as problem:
        raise CommandError(problem.message) from None
