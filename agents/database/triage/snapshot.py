"""What a server showed at one moment: rows of its views, settings, the end of its log."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, Final, TypeAlias

from agents.database.report import masked, one_line
from agents.database.triage.clients import SESSIONS, grouped
from agents.database.triage.facts import Fact, Setting
from agents.database.triage.values import moment

CONNECTION: Final = "connection"  # the source of what a failed connection was answered
LOG: Final = "log"
SETTINGS: Final = "pg_settings"
LONGEST_LINE: Final = 400
# Views that show the same rows under several names.
SAME: Final = {
    "activity": "pg_stat_activity",
    "locks": "pg_locks",
    "tables": "pg_stat_user_tables",
    "pg_stat_all_tables": "pg_stat_user_tables",
    "indexes": "pg_stat_user_indexes",
    "pg_stat_all_indexes": "pg_stat_user_indexes",
    "replication": "pg_stat_replication",
    "slots": "pg_replication_slots",
    "databases": "pg_database",
    "statements": "pg_stat_statements",
    "archiver": "pg_stat_archiver",
    "prepared": "pg_prepared_xacts",
    "sequences": "pg_sequences",
    "wal_receiver": "pg_stat_wal_receiver",
    "bgwriter": "pg_stat_bgwriter",
    "checkpointer": "pg_stat_checkpointer",
}
QUERIES: Final = ("query", "command")  # columns that may hold a password
# By view its rows, or its one row.
Rows: TypeAlias = Mapping[str, Iterable[Mapping[str, Any]] | Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """`target`: the database's id. `failures`: what connecting was answered, if it failed.

    `missing`: what could not be read, with what would allow it.
    """

    target: str
    taken_at: datetime
    facts: Mapping[str, tuple[Fact, ...]] = field(default_factory=dict)
    settings: Mapping[str, Setting] = field(default_factory=dict)
    logs: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        rows: Rows | None = None,
        settings: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
        logs: str | Iterable[str] = (),
        *,
        target: str = "database",
        taken_at: datetime | str | None = None,
        failures: str | Iterable[str] = (),
        missing: Iterable[str] = (),
    ) -> Snapshot:
        """A snapshot of rows as they come, by view; anything may be absent.

        `settings`: name -> value (or a row of pg_settings), or rows of pg_settings. Without
        `taken_at` the latest time that any row tells stands for it.
        """
        facts = {name: _facts(name, several) for name, several in _merged(rows or {}).items()}
        if activity := facts.get("pg_stat_activity"):
            facts[SESSIONS] = _facts(SESSIONS, grouped(activity))
        said: Iterable[Mapping[str, Any]] = [fact.row for fact in facts.pop(SETTINGS, ())]
        if isinstance(settings, Mapping):
            said = [*said, *_as_rows(settings)]
        elif settings:
            said = [*said, *settings]
        return cls(
            target=target,
            taken_at=moment(taken_at) or _latest(facts),
            facts=facts,
            settings={str(row["name"]): _setting(row) for row in said},
            logs=tuple(_clean(_lines(logs))),
            failures=tuple(_clean(_lines(failures))),
            missing=tuple(missing),
        )

    def of_view(self, name: str) -> tuple[Fact, ...]:
        return self.facts.get(name, ())

    def one(self, name: str) -> Fact:
        """The row of a view that has one; an empty row where it was not read."""
        return next(iter(self.of_view(name)), Fact(name, {}))

    def setting(self, name: str) -> Setting | None:
        return self.settings.get(name)

    def age(self, fact: Fact, column: str) -> float | None:
        """Seconds from the time in a column to this look."""
        at = fact.moment(column)
        return None if at is None else (self.taken_at - at).total_seconds()

    def later(self, seconds: float) -> Snapshot:
        """The same, had nothing moved for so long."""
        return replace(self, taken_at=self.taken_at + timedelta(seconds=seconds))

    def text(self, source: str) -> str:
        """One fact a line; "" for a source that is none of this snapshot's."""
        return self._texts.get(source, "")

    @cached_property
    def _texts(self) -> dict[str, str]:
        texts = {name: "\n".join(fact.line for fact in rows) for name, rows in self.facts.items()}
        return texts | {
            SETTINGS: "\n".join(setting.line for setting in self.settings.values()),
            LOG: "\n".join(self.logs),
            CONNECTION: "\n".join(self.failures),
        }

    @property
    def standby(self) -> bool:
        return self.one("recovery").truth("in_recovery") is True

    @property
    def version(self) -> int:
        """The major version; 0 where it is not known."""
        said = self.setting("server_version_num") or self.setting("server_version")
        number = "".join(mark if mark.isdigit() else " " for mark in said.value) if said else ""
        first = int(number.split()[0]) if number.split() else 0
        return first // 10000 if first > 1000 else first  # noqa: PLR2004 - 180001, or 18.1

    @property
    def looked_at(self) -> dict[str, int]:
        return {
            "sessions": len(self.of_view("pg_stat_activity")),
            "tables": len(self.of_view("pg_stat_user_tables")),
            "indexes": len(self.of_view("pg_stat_user_indexes")),
            "settings": len(self.settings),
            "log lines": len(self.logs),
        }


def _merged(rows: Rows) -> dict[str, list[Mapping[str, Any]]]:
    merged: dict[str, list[Mapping[str, Any]]] = {}
    for name, several in rows.items():
        one = [several] if isinstance(several, Mapping) else list(several or ())
        merged.setdefault(SAME.get(name, name), []).extend(one)
    return merged


def _facts(view: str, rows: Iterable[Mapping[str, Any]]) -> tuple[Fact, ...]:
    return tuple(Fact(view, _without_passwords(row)) for row in rows)


def _without_passwords(row: Mapping[str, Any]) -> Mapping[str, Any]:
    hidden = {name: masked(str(row[name])) for name in QUERIES if row.get(name)}
    return {**row, **hidden} if hidden else row


def _as_rows(settings: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for name, said in settings.items():
        more = said if isinstance(said, Mapping) else {"setting": said}
        yield {**more, "name": name}


def _setting(row: Mapping[str, Any]) -> Setting:
    def said(*names: str) -> str:
        value = next((row[name] for name in names if row.get(name) is not None), "")
        return str(value).lower() if isinstance(value, bool) else str(value)

    return Setting(
        name=str(row["name"]),
        value=one_line(masked(said("setting", "value")), LONGEST_LINE),
        unit=said("unit"),
        source=said("source"),
        default=said("boot_val"),
        file=said("sourcefile"),
        pending=row.get("pending_restart") is True,
    )


def _lines(text: str | Iterable[str]) -> Iterable[str]:
    return text.splitlines() if isinstance(text, str) else text


def _clean(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        if clean := one_line(masked(line), LONGEST_LINE):
            yield clean


def _latest(facts: Mapping[str, tuple[Fact, ...]]) -> datetime:
    told = [
        at
        for rows in facts.values()
        for fact in rows
        for name in fact.row
        if name.endswith(("_start", "_change", "_time", "now", "taken_at", "reset"))
        and (at := fact.moment(name))
    ]
    return max(told, default=datetime.fromtimestamp(0, UTC))
