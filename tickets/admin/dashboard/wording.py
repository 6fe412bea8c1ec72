"""Numbers and times as the dashboard words them. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from aura.kernel.unseen import visible

MINUTE, HOUR, DAY = 60, 3600, 86_400
THOUSAND, MILLION = 1000, 1_000_000
NONE: Final = "-"


def span(seconds: float) -> str:
    """A time in the unit that says most: 12 s, 3 min, 1.5 h, 2.0 d."""
    if seconds < MINUTE:
        return f"{seconds:.0f} s"
    if seconds < HOUR:
        return f"{seconds / MINUTE:.0f} min"
    return f"{seconds / HOUR:.1f} h" if seconds < DAY else f"{seconds / DAY:.1f} d"


def share(part: int, whole: int) -> str:
    """Percent, or nothing of nothing."""
    return f"{100 * part / whole:.0f} %" if whole else NONE


def moment(at: datetime | None) -> str:
    """A time to the minute."""
    return f"{at:%Y-%m-%d %H:%M}" if at else NONE


def model(name: str) -> str:
    """The name of a model as it came, if it came."""
    return visible(name) or "not named"


def money(amount: float) -> str:
    """US dollars."""
    return f"${amount:,.2f}" if amount else NONE


def spent(amount: float) -> str:
    """What tokens cost, or that nobody said what they do."""
    return f"{money(amount)} by the prices of the settings" if amount else "no price is known"


def rounded(number: int) -> str:
    """A number as short as fits beside a bar."""
    if number >= MILLION:
        return f"{number / MILLION:.1f} M"
    return f"{number / THOUSAND:.0f} k" if number >= 100 * THOUSAND else f"{number:,}"
