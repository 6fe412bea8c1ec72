"""The settings that detectors judge by, as a value."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from aura.config import Settings
from governance.policy.document import Schedule


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Events and denials are counted in fixed minutes, for each principal. `working`: None is at
    any time. `cooldown`: so long the same alert about the same subject is a repetition and no more.
    """

    events_per_minute: int
    denials_per_minute: int
    working: Schedule | None
    cooldown: timedelta


def configured(config: Settings) -> Limits:
    """As the settings have it."""
    hours = config.secbot_hours
    working = Schedule(days=config.secbot_days, hours=hours, timezone=config.secbot_timezone)
    return Limits(
        events_per_minute=config.secbot_events_per_minute,
        denials_per_minute=config.secbot_denials_per_minute,
        working=working if hours else None,
        cooldown=timedelta(seconds=config.secbot_cooldown_s),
    )
