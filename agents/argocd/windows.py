"""Sync windows of a project: whether a sync may begin now, and when it may next. Pure."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from fnmatch import fnmatchcase
from typing import Any, Final, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from celery.schedules import ParseException, crontab_parser

from agents.argocd.state import Application
from aura.kernel import durations

BEFORE, AHEAD = timedelta(days=8), timedelta(days=15)  # of now; windows further off are not told
ALLOW, DENY = "allow", "deny"
_NAMED: Final = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_UNITS: Final = {"h": 3600.0, "m": 60.0, "s": 1.0}
_LIMITS: Final = (
    (60,),
    (24,),
    (31, 1),
    (12, 1),
    (7,),
)  # how many values a field has, and the first
_EVERY_DAY, _EVERY_WEEKDAY = 31, 7

Span = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A recurring span of time in which syncs are allowed or denied; `manual`: but those by hand.

    `schedule` is a cron expression of five fields, or one of the names such as @daily.
    """

    kind: str
    schedule: str
    duration: timedelta
    manual: bool
    zone: ZoneInfo

    @classmethod
    def of(cls, obj: Mapping[str, Any]) -> Self:
        """One as a project has it. Raises `ValueError` for what Argo CD would not take either."""
        window = cls(
            kind=str(obj.get("kind")),
            schedule=str(obj.get("schedule")),
            duration=_duration(str(obj.get("duration"))),
            manual=obj.get("manualSync") is True,
            zone=_zone(str(obj.get("timeZone") or "UTC")),
        )
        _Cron.of(window.schedule)
        return window

    def __str__(self) -> str:
        zone = "" if self.zone.key == "UTC" else f" {self.zone.key}"
        length = durations.words(self.duration.total_seconds())
        return f"{self.kind} window `{self.schedule}`{zone} for {length}"

    def spans(self, first: datetime, last: datetime) -> list[Span]:
        """When it is open between two moments, in order and apart from one another."""
        apart: list[Span] = []
        for begins, ends in self._spans(first, last):
            if apart and begins <= apart[-1][1]:
                apart[-1] = (apart[-1][0], max(ends, apart[-1][1]))
            else:
                apart.append((begins, ends))
        return apart

    def _spans(self, first: datetime, last: datetime) -> Iterator[Span]:
        cron = _Cron.of(self.schedule)
        day = (first - self.duration).astimezone(self.zone).date()
        while day <= last.astimezone(self.zone).date():
            for moment in cron.times() if cron.names(day) else ():
                begins = datetime.combine(day, moment, tzinfo=self.zone).astimezone(UTC)
                yield begins, begins + self.duration
            day += timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """Whether a sync may begin. `why` not; `at`: when it may next, `since`: since when it may.

    None: for longer than is looked ahead or back.
    """

    open: bool
    why: str = ""
    at: datetime | None = None
    since: datetime | None = None

    def __str__(self) -> str:
        if self.open:
            return "no sync window is in the way"
        when = f"it opens at {self.at:%Y-%m-%d %H:%M} UTC" if self.at else "no opening is in sight"
        return f"{self.why}; {when}"


OPEN: Final = Opening(open=True)


def opening(windows: Sequence[Window], now: datetime, *, manual: bool) -> Opening:
    """How the windows stand; `manual`: to a sync that somebody begins."""
    if not windows:
        return OPEN
    calendar = _Calendar(windows, now, manual=manual)
    if calendar.allows(now):
        return Opening(open=True, since=calendar.since(now))
    return Opening(open=False, why=calendar.refusal(now), at=calendar.next(now))


def of_project(project: Mapping[str, Any], app: Application) -> list[Window]:
    """The windows of a project that concern an application, without those nobody can read."""
    spec = project.get("spec")
    listed = spec.get("syncWindows") if isinstance(spec, Mapping) else None
    listed = listed if isinstance(listed, list) else []
    return readable(each for each in listed if _concerns(each, app))


def readable(objects: Iterable[Mapping[str, Any]]) -> list[Window]:
    """Windows; one whose schedule or duration means nothing opens and denies nothing."""
    found = []
    for each in objects:
        try:
            found.append(Window.of(each))
        except ValueError:
            continue
    return found


class _Calendar:
    """The windows from `BEFORE` to `AHEAD` of a moment."""

    def __init__(self, windows: Sequence[Window], now: datetime, *, manual: bool) -> None:
        self._manual = manual
        self._spans = [(each, each.spans(now - BEFORE, now + AHEAD)) for each in windows]
        edges = {edge for _, spans in self._spans for span in spans for edge in span}
        self._edges = sorted(edge for edge in edges if edge < now + AHEAD)

    def allows(self, moment: datetime) -> bool:
        denying, allowing, is_open = self._at(moment)
        if denying:
            return self._manual and all(each.manual for each in denying)
        if is_open or not allowing:
            return True
        return self._manual and all(each.manual for each in allowing)

    def refusal(self, moment: datetime) -> str:
        denying, allowing, _ = self._at(moment)
        if denying:
            return f"the {' and the '.join(map(str, denying))} of its project denies syncs"
        return f"no window of its project is open ({', '.join(map(str, allowing))})"

    def next(self, moment: datetime) -> datetime | None:
        return next((e for e in self._edges if e > moment and self.allows(e)), None)

    def since(self, moment: datetime) -> datetime | None:
        """The last opening that no closing has followed."""
        for edge in reversed([each for each in self._edges if each <= moment]):
            if not self.allows(edge - timedelta(microseconds=1)):
                return edge
        return None

    def _at(self, moment: datetime) -> tuple[list[Window], list[Window], bool]:
        """(deny windows that are open, all allow windows, whether one of these is open)"""
        active = [window for window, spans in self._spans if _within(spans, moment)]
        denying = [each for each in active if each.kind == DENY]
        allowing = [each for each, _ in self._spans if each.kind == ALLOW]
        return denying, allowing, any(each in active for each in allowing)


def _within(spans: Sequence[Span], moment: datetime) -> bool:
    place = bisect_right(spans, moment, key=lambda span: span[0])
    return place > 0 and moment < spans[place - 1][1]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cron:
    """A schedule, field by field; Sunday is 0."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]

    @classmethod
    def of(cls, schedule: str) -> Self:
        """Raises `ValueError` for what is none."""
        fields = _NAMED.get(schedule.strip(), schedule).replace("?", "*").split()
        try:
            minutes, hours, days, months, weekdays = (
                frozenset(crontab_parser(*limits).parse(text))
                for text, limits in zip(fields, _LIMITS, strict=True)
            )
        except (ParseException, ValueError) as error:
            raise ValueError(f"{schedule!r} is no schedule") from error
        return cls(minutes=minutes, hours=hours, days=days, months=months, weekdays=weekdays)

    def names(self, day: date) -> bool:
        """As cron reads it: where both kinds of days are restricted, either does."""
        in_month, in_week = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        both = len(self.days) < _EVERY_DAY and len(self.weekdays) < _EVERY_WEEKDAY
        named = (in_month or in_week) if both else (in_month and in_week)
        return named and day.month in self.months

    def times(self) -> list[time]:
        return [
            time(hour, minute) for hour in sorted(self.hours) for minute in sorted(self.minutes)
        ]


def _concerns(window: Mapping[str, Any], app: Application) -> bool:
    parts = (("applications", app.name), ("namespaces", app.destination), ("clusters", app.cluster))
    given = [(found, value) for key, value in parts if (found := window.get(key))]
    fits = [any(fnmatchcase(value, str(p)) for p in patterns) for patterns, value in given]
    return bool(fits) and (all(fits) if window.get("andOperator") else any(fits))


def _duration(text: str) -> timedelta:
    parts = re.findall(r"(\d+(?:\.\d+)?)([hms])", text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError(f"{text!r} is no duration")
    return timedelta(seconds=sum(float(number) * _UNITS[unit] for number, unit in parts))


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{name!r} is no time zone") from None
