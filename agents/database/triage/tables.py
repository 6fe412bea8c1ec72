"""When a table is due for autovacuum, as the documentation gives it (25.1.6 of PostgreSQL 18)."""

from __future__ import annotations

from agents.database.triage.facts import Fact
from agents.database.triage.snapshot import Snapshot
from agents.database.triage.values import number, truth

SLACK = 2.0  # times the threshold: until the next round of the launcher a table may wait
HAD_TIME_S = 3600.0  # autovacuum_naptime is a minute; an hour is time enough for a free worker


def options(row: Fact) -> dict[str, str]:
    """The storage parameters of a table."""
    return dict(part.split("=", 1) for part in row.listed("reloptions") if "=" in part)


def excluded(row: Fact) -> bool:
    return truth(options(row).get("autovacuum_enabled")) is False


def due(snapshot: Snapshot, row: Fact) -> bool:
    """Twice as many dead rows as autovacuum begins with."""
    threshold = _threshold(snapshot, row, "vacuum", (50.0, 0.2))
    most = _value(snapshot, row, "autovacuum_vacuum_max_threshold", -1.0)
    if most >= 0:
        threshold = min(threshold, most)
    return row.number("n_dead_tup") > SLACK * threshold


def due_to_analyze(snapshot: Snapshot, row: Fact) -> bool:
    """Twice as many changed rows as autovacuum analyzes at."""
    threshold = _threshold(snapshot, row, "analyze", (50.0, 0.1))
    return row.number("n_mod_since_analyze") > SLACK * threshold


def cleaned(snapshot: Snapshot, row: Fact) -> float | None:
    """Seconds since the last vacuum; None: never."""
    return _latest(snapshot, row, "last_vacuum", "last_autovacuum")


def analyzed(snapshot: Snapshot, row: Fact) -> float | None:
    """Seconds since the last ANALYZE; None: never."""
    return _latest(snapshot, row, "last_analyze", "last_autoanalyze")


def had_time(snapshot: Snapshot, since: float | None) -> bool:
    """Whether autovacuum, had it worked, would have come by: nothing for an hour, nor a restart."""
    up = snapshot.age(snapshot.one("server"), "started_at")
    known = [age for age in (since, up) if age is not None]
    return min(known, default=HAD_TIME_S) >= HAD_TIME_S


def being_vacuumed(snapshot: Snapshot, row: Fact) -> bool:
    running = {it.text("relid") for it in snapshot.of_view("pg_stat_progress_vacuum")}
    return bool(row.text("relid")) and row.text("relid") in running


def _latest(snapshot: Snapshot, row: Fact, *columns: str) -> float | None:
    ages = (snapshot.age(row, column) for column in columns)
    return min((age for age in ages if age is not None), default=None)


def _threshold(snapshot: Snapshot, row: Fact, what: str, defaults: tuple[float, float]) -> float:
    rows = row.maybe("reltuples")
    rows = rows if rows is not None and rows >= 0 else row.number("n_live_tup")
    base = _value(snapshot, row, f"autovacuum_{what}_threshold", defaults[0])
    return base + _value(snapshot, row, f"autovacuum_{what}_scale_factor", defaults[1]) * rows


def _value(snapshot: Snapshot, row: Fact, name: str, default: float) -> float:
    """Of the table, else of the server."""
    own = number(options(row).get(name))
    setting = snapshot.setting(name)
    said = own if own is not None else setting.number if setting else None
    return default if said is None else said
