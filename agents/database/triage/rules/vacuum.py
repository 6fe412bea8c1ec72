"""Dead rows: what keeps them, what does not clean them, how many there are."""

from __future__ import annotations

from collections.abc import Iterator

from agents.database.report import counted, span
from agents.database.triage import tables
from agents.database.triage.facts import Fact
from agents.database.triage.holders import holders
from agents.database.triage.making import (
    INFO,
    WARNING,
    by_hand,
    call,
    found,
    full_name,
    quoted,
    relation,
    setting_remedy,
    thing,
)
from agents.database.triage.snapshot import Snapshot
from agents.triage.findings import Finding

DEAD = 10_000  # rows: below, a table is small and cleaned in no time
HALF = 0.5  # of a table dead: it is twice as large as it need be
OLD_XMIN = 10_000_000  # transactions: a busy server's day; nothing younger is cleaned anywhere
MOST_TOLD = 5


def switched_off(snapshot: Snapshot) -> Iterator[Finding]:
    """autovacuum or track_counts is off: no table is cleaned or analyzed by itself."""
    for name in ("autovacuum", "track_counts"):
        setting = snapshot.setting(name)
        if setting and setting.off:
            stale = [row for row in _tables(snapshot) if tables.due(snapshot, row)]
            yield found(
                "vacuum/autovacuum-off",
                thing(snapshot, "setting", name),
                WARNING,
                0.95,
                f"{name} is off: dead rows are not cleaned and statistics grow old.",
                setting,
                *stale[:3],
                remedy=setting_remedy(snapshot, setting, "on"),
                explains=frozenset(
                    f"{relation(snapshot, row)}#{cause}"
                    for row in _tables(snapshot)
                    for cause in ("vacuum/bloat", "planner/stale-statistics")
                ),
            )


def excluded(snapshot: Snapshot) -> Iterator[Finding]:
    """A table has autovacuum_enabled = false."""
    for row in _tables(snapshot):
        if tables.excluded(row):
            due = tables.due(snapshot, row) and row.number("n_dead_tup") >= DEAD
            name = full_name(row)
            yield found(
                "vacuum/table-excluded",
                relation(snapshot, row),
                WARNING if due else INFO,
                0.9 if due else 0.6,
                f"Autovacuum is off for {name}, which has {row.count('n_dead_tup')} dead rows.",
                row,
                remedy=by_hand(
                    f"ALTER TABLE {quoted(name)} RESET (autovacuum_enabled);"
                    f" then run_vacuum of {name}."
                ),
                explains=frozenset(
                    f"{relation(snapshot, row)}#{cause}"
                    for cause in ("vacuum/bloat", "planner/stale-statistics")
                ),
            )


def held_back(snapshot: Snapshot) -> Iterator[Finding]:
    """Tables were vacuumed and their dead rows stayed: something old may still see them."""
    kept = [row for row in _tables(snapshot) if tables.due(snapshot, row)]
    for holder in holders(snapshot):
        stayed = [
            row
            for row in kept
            if row.number("n_dead_tup") >= DEAD
            and (cleaned := tables.cleaned(snapshot, row)) is not None
            and holder.since_s is not None
            and cleaned < holder.since_s
        ]
        if not stayed and holder.age < OLD_XMIN:
            continue
        names = ", ".join(full_name(row) for row in stayed[:3])
        yield found(
            "vacuum/held-back",
            holder.where,
            WARNING,
            0.9 if stayed else 0.6,
            f"{holder.name} holds back vacuum: rows that died in the"
            f" last {holder.age:.0f} transactions stay{f', so in {names}' if names else ''}.",
            holder.row,
            *stayed[:3],
            next_checks=("get_vacuum_status",),
            remedy=holder.remedy,
            explains=frozenset(f"{relation(snapshot, row)}#vacuum/bloat" for row in kept),
        )
        return  # the oldest holds for all


def bloat(snapshot: Snapshot) -> Iterator[Finding]:
    """Half of a table or more is dead rows, and autovacuum has had time to clean it."""
    rows = [row for row in _tables(snapshot) if row.number("n_dead_tup") >= DEAD]
    for row in rows[:MOST_TOLD]:
        dead, live = row.number("n_dead_tup"), row.number("n_live_tup")
        if not tables.due(snapshot, row) or tables.being_vacuumed(snapshot, row):
            continue
        cleaned = tables.cleaned(snapshot, row)
        bad = dead / (dead + live) >= HALF and tables.had_time(snapshot, cleaned)
        last = f"last vacuumed {span(cleaned)} ago" if cleaned is not None else "never vacuumed"
        yield found(
            "vacuum/bloat",
            relation(snapshot, row),
            WARNING if bad else INFO,
            0.7 if bad else 0.4,
            f"{dead:.0f} of {dead + live:.0f} rows of {full_name(row)} are dead; {last}.",
            row,
            next_checks=("get_vacuum_status",),
            remedy=call(snapshot, "Vacuum it.", "run_vacuum", table=_as_argument(row)),
        )


def behind(snapshot: Snapshot) -> Iterator[Finding]:
    """Every autovacuum worker is busy and more tables are due than there are workers."""
    workers = [
        row
        for row in snapshot.of_view("pg_stat_activity")
        if row.text("backend_type") == "autovacuum worker"
    ]
    most = snapshot.setting("autovacuum_max_workers")
    due = [
        row
        for row in _tables(snapshot)
        if row.number("n_dead_tup") >= DEAD
        and tables.due(snapshot, row)
        and tables.had_time(snapshot, tables.cleaned(snapshot, row))
    ]
    if most and len(workers) >= (most.number or 3) and len(due) > len(workers):
        yield found(
            "vacuum/not-keeping-up",
            thing(snapshot),
            WARNING,
            0.8,
            f"All {len(workers)} autovacuum workers are busy and"
            f" {counted(len(due), 'table waits', 'tables wait')} for one.",
            most,
            *workers[:2],
            *due[:3],
            remedy=by_hand(
                "ALTER SYSTEM SET autovacuum_vacuum_cost_limit = 2000; SELECT pg_reload_conf();"
                " more autovacuum_max_workers share that limit and need a restart before 18."
            ),
            explains=frozenset(f"{relation(snapshot, row)}#vacuum/bloat" for row in due),
        )


def stale(snapshot: Snapshot) -> Iterator[Finding]:
    """The planner's statistics of a large table are missing, or most of its rows are newer."""
    for row in _tables(snapshot):
        changed, live = row.number("n_mod_since_analyze"), row.number("n_live_tup")
        if changed < DEAD or changed < HALF * live or not tables.due_to_analyze(snapshot, row):
            continue
        last = tables.analyzed(snapshot, row)
        bad = tables.had_time(snapshot, last)
        said = f"analyzed {span(last)} ago" if last is not None else "never analyzed"
        yield found(
            "planner/stale-statistics",
            relation(snapshot, row),
            WARNING if bad else INFO,
            0.75 if bad else 0.5,
            f"{full_name(row)} was {said}; {changed:.0f} rows changed since, of {live:.0f}:"
            " plans are made for a table that is no more.",
            row,
            remedy=call(
                snapshot,
                "Analyze it.",
                "run_vacuum",
                table=_as_argument(row),
                analyze=True,
            ),
        )


def _tables(snapshot: Snapshot) -> tuple[Fact, ...]:
    return snapshot.of_view("pg_stat_user_tables")


def _as_argument(row: Fact) -> str:
    return f"{quoted(row.text('schemaname') or 'public')}.{quoted(row.text('relname'))}"


RULES = (switched_off, excluded, held_back, bloat, behind, stale)
