"""Fields of tickets; what is not about tickets is in `aura.kernel.fields`."""

from __future__ import annotations

from typing import Any

from aura.kernel.fields import Flag, Json, Moment, Text, Whole
from tickets.models import MAX_TURNS

__all__ = ["Flag", "Json", "Moment", "Text", "Turns"]


class Turns(Whole):
    """A number of turns, from 1."""

    def __init__(self, **options: Any) -> None:
        super().__init__(min_value=1, max_value=MAX_TURNS, **options)
