"""The geometry of two kinds of charts; the template draws them as SVG. Pure.

Lengths are units of a viewBox that is `WIDTH` wide: a phone shows it at about one pixel a unit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

WIDTH: Final = 360
ROW, BAR_HEIGHT = 24, 16  # of a chart of bars
LEFT, RIGHT = 146, 66  # room for a bar's name, and for its number
NAME_CHARS: Final = 20
PLOT: Final = 120  # height of the highest column
TOP, FOOT = 18, 20  # room for the highest number, and for the first and the last name


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """A number with its name, and in words. `part` of it is drawn in another colour."""

    name: str
    number: float
    shown: str
    part: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A rectangle, and the point at which its text begins."""

    value: Value
    x: float
    y: float
    width: float
    height: float
    part: float = 0.0  # height of the part of a column, from below
    text_y: float = 0.0

    @property
    def name(self) -> str:
        """As much of the name as there is room for."""
        name = self.value.name
        return name if len(name) <= NAME_CHARS else f"{name[: NAME_CHARS - 1]}…"

    @property
    def before(self) -> float:
        """Where the name of a bar ends."""
        return self.x - 8

    @property
    def after(self) -> float:
        """Where the number behind a bar begins."""
        return self.x + self.width + 6

    @property
    def part_y(self) -> float:
        return self.y + self.height - self.part


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """`highest`, `first` and `last` are written beside columns."""

    kind: str
    bars: list[Bar]
    height: float
    width: int = WIDTH
    highest: str = ""
    first: str = ""
    last: str = ""

    @property
    def ground(self) -> float:
        """Where columns stand."""
        return TOP + PLOT

    @property
    def foot(self) -> float:
        """The line of the text below them."""
        return self.height - 5


def bars(values: Sequence[Value]) -> Chart:
    """A bar a value, one below the other, the longest as long as there is room."""
    most = _most(values)
    room = WIDTH - LEFT - RIGHT
    drawn = [
        Bar(
            value=value,
            x=LEFT,
            y=ROW * place + 4,
            width=round(room * value.number / most, 1),
            height=BAR_HEIGHT,
            text_y=ROW * place + 4 + BAR_HEIGHT - 4,
        )
        for place, value in enumerate(values)
    ]
    return Chart(kind="bars", bars=drawn, height=ROW * len(values) + 8)


def columns(values: Sequence[Value]) -> Chart:
    """A column a value, side by side; the first and the last are named below."""
    most = _most(values)
    step = WIDTH / max(1, len(values))
    drawn = [
        Bar(
            value=value,
            x=round(step * place + 1, 1),
            y=round(TOP + PLOT * (1 - value.number / most), 1),
            width=round(step - 2, 1),
            height=round(PLOT * value.number / most, 1),
            part=round(PLOT * value.part / most, 1),
        )
        for place, value in enumerate(values)
    ]
    highest = max(values, key=lambda value: value.number, default=None)
    return Chart(
        kind="columns",
        bars=drawn,
        height=TOP + PLOT + FOOT,
        highest=f"highest: {highest.shown}" if highest else "",
        first=values[0].name if values else "",
        last=values[-1].name if values else "",
    )


def _most(values: Sequence[Value]) -> float:
    return max((value.number for value in values), default=0) or 1.0
