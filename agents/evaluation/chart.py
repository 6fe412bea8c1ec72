"""The bar chart of an evaluation, as SVG: accuracy at the first place, a bar a category. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from xml.sax.saxutils import escape

from agents.evaluation.scores import Score

WIDTH: Final = 720
ROW: Final = 26
LEFT: Final = 150
BAR: Final = 380
TOP: Final = 44
# Contrast of at least 4.5 to 1 on white; the two colours are told apart without seeing colours.
_STYLE: Final = (
    "text{font:13px system-ui,sans-serif;fill:#1f2933}"
    ".title{font-weight:600;font-size:15px}.bar{fill:#1d6fa5}.rest{fill:#e4e9ee}"
)


def svg(title: str, categories: Mapping[str, Score]) -> str:
    """A picture with a title and a text in each row, so that it can be read without seeing it."""
    rows = [_row(place, name, found) for place, (name, found) in enumerate(categories.items())]
    height = TOP + ROW * len(rows) + 12
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img"'
        f' width="{WIDTH}" height="{height}"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style>"
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>'
        f'<text class="title" x="12" y="26">{escape(title)}</text>{"".join(rows)}</svg>\n'
    )


def _row(place: int, name: str, found: Score) -> str:
    top = TOP + ROW * place
    told = f"{found.at_1:.2f} of {found.attempts} ({found.cases} cases)"
    return (
        f'<text x="{LEFT - 10}" y="{top + 14}" text-anchor="end">{escape(name)}</text>'
        f'<rect class="rest" x="{LEFT}" y="{top}" width="{BAR}" height="18"/>'
        f'<rect class="bar" x="{LEFT}" y="{top}" width="{BAR * found.at_1:.1f}" height="18"/>'
        f'<text x="{LEFT + BAR + 10}" y="{top + 14}">{told}</text>'
    )
