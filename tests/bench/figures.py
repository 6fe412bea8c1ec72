"""The table at the end of every benchmark: what was promised, what was seen, beside what."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One promise. `ours` and `theirs` are texts with their units; `ratio` may be absent."""

    name: str
    ours: str
    theirs: str = "-"
    ratio: float | None = None
    promise: str
    held: bool


def beside(
    name: str,
    pair: tuple[float, float],
    *,
    unit: str,
    whose: str,
    ratio: float | None = None,
    most: float | None = None,
    least: float | None = None,
) -> Figure:
    """Ours and theirs in one unit, and the bound of their ratio that was promised, if one was."""
    ours, theirs = pair
    ratio = ours / theirs if ratio is None else ratio
    promise = "-" if most is least else f"<= {most:g}" if most is not None else f">= {least:g}"
    return Figure(
        name=name,
        ours=f"{_short(ours)}{unit}",
        theirs=f"{_short(theirs)}{unit} {whose}",
        ratio=ratio,
        promise=promise,
        held=(most is None or ratio <= most) and (least is None or ratio >= least),
    )


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= 20 else f"{value:.2f}"


HEADINGS = ("figure", "ours", "comparison", "ratio", "promised", "")


def show(title: str, figures: Sequence[Figure]) -> None:
    """Print the table."""
    rows = [HEADINGS, *(_row(figure) for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    load = f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors"
    sys.stdout.write(f"\n{title} ({load})\n" + "\n".join(lines) + "\n")
    sys.stdout.flush()


def _row(figure: Figure) -> tuple[str, ...]:
    ratio = "-" if figure.ratio is None else f"{figure.ratio:.2f}"
    verdict = "held" if figure.held else "NOT HELD"
    return (figure.name, figure.ours, figure.theirs, ratio, figure.promise, verdict)


def middle_ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The median of the rounds' ratios: a noisy machine slows both sides of one round."""
    return median(a / b for a, b in zip(ours, theirs, strict=True))


def say(line: str) -> None:
    """What happens meanwhile."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
