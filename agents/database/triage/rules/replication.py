"""Replication, from the primary's side and from the standby's."""

from __future__ import annotations

import re
from collections.abc import Iterator

from agents.database.report import size, span
from agents.database.triage.facts import Fact, Setting
from agents.database.triage.making import (
    CRITICAL,
    INFO,
    WARNING,
    by_hand,
    call,
    found,
    session,
    setting_remedy,
    thing,
)
from agents.database.triage.snapshot import Snapshot
from agents.triage.findings import Finding

# Behind by this much a read is old news; ten times more, a failover loses or waits minutes.
LAG_S, LAG_LONG_S = 60.0, 600.0
LAG_BYTES, LAG_MANY_BYTES = 100 << 20, 10 << 30
CONFLICTS = 10


def paused(snapshot: Snapshot) -> Iterator[Finding]:
    """A standby was told to pause replay."""
    row = snapshot.one("recovery")
    if row.truth("replay_paused") or row.text("pause_state") in ("paused", "pause requested"):
        lag = row.number("replay_lag_bytes")
        yield found(
            "replication/replay-paused",
            thing(snapshot),
            CRITICAL if lag >= LAG_BYTES else WARNING,
            0.97,
            f"Replay is paused; {size(lag)} were received and are not applied.",
            row,
            remedy=call(snapshot, "Let replay go on.", "resume_wal_replay"),
            explains=frozenset({f"{thing(snapshot)}#replication/lagging"}),
        )


def standby_lag(snapshot: Snapshot) -> Iterator[Finding]:
    """A standby has received more than it has applied, for a minute or 100 MB."""
    row = snapshot.one("recovery")
    lag = row.number("replay_lag_bytes")
    age = snapshot.age(row, "last_replayed_at") or 0 if lag else 0.0
    if row.truth("in_recovery") and lag and (lag >= LAG_BYTES or age >= LAG_S):
        delay = snapshot.setting("recovery_min_apply_delay")
        wanted = (delay.seconds if delay else None) or 0
        yield found(
            "replication/lagging",
            thing(snapshot),
            INFO
            if wanted >= age > 0
            else CRITICAL
            if lag >= LAG_MANY_BYTES or age >= LAG_LONG_S
            else WARNING,
            0.8,
            f"This standby is {size(lag)} and {span(age)} behind what it has received.",
            row,
            delay if wanted else None,
            next_checks=("get_replication_status", "get_active_connections"),
        )


def cut_off(snapshot: Snapshot) -> Iterator[Finding]:
    """A standby that should stream has no WAL receiver, or one that does not stream."""
    row = snapshot.one("recovery")
    if not row.truth("in_recovery") or "pg_stat_wal_receiver" not in snapshot.facts:
        return
    receiver = snapshot.one("pg_stat_wal_receiver")
    primary = snapshot.setting("primary_conninfo")
    if receiver.text("status") == "streaming" or (receiver.row and not receiver.text("status")):
        return
    if primary is not None and not primary.value:
        return  # it follows an archive
    yield found(
        "replication/disconnected",
        thing(snapshot),
        CRITICAL if receiver.row == {} else WARNING,
        0.9,
        "This standby does not hear of its primary: no WAL receiver is streaming.",
        row,
        receiver if receiver.row else None,
        next_checks=('read_pg_log(filter="primary")', "check_connection of the primary"),
        remedy=by_hand(
            "See that the primary runs, that primary_conninfo is right, and that its pg_hba.conf"
            " lets the replication role in; if its WAL is gone, build the standby anew."
        ),
        explains=frozenset({f"{thing(snapshot)}#replication/lagging"}),
    )


def replica_lag(snapshot: Snapshot) -> Iterator[Finding]:
    """A replica of this primary is a minute or 100 MB behind."""
    for row in snapshot.of_view("pg_stat_replication"):
        if row.text("state") == "backup":
            continue
        lag, age = _behind(snapshot, row), row.seconds("replay_lag") or 0
        if lag < LAG_BYTES and age < LAG_S:
            continue
        where = thing(snapshot, "replica", row.text("application_name") or row.text("client_addr"))
        yield found(
            "replication/lagging",
            where,
            CRITICAL if lag >= LAG_MANY_BYTES or age >= LAG_LONG_S else WARNING,
            0.85,
            f"The replica is {size(lag)} and {span(age)} behind. {_where_it_stops(row)}",
            row,
            next_checks=("triage_database of the standby: is its replay paused?",),
        )


def _behind(snapshot: Snapshot, row: Fact) -> float:
    if (said := row.maybe("replay_lag_bytes")) is not None:
        return said
    here = snapshot.one("recovery").lsn("here") or row.lsn("sent_lsn")
    replayed = row.lsn("replay_lsn")
    return float(here - replayed) if here and replayed else 0.0


def _where_it_stops(row: Fact) -> str:
    sent, flushed, replayed = (row.lsn(f"{it}_lsn") for it in ("sent", "flush", "replay"))
    if not sent or not flushed or not replayed:
        return ""
    if sent - flushed > flushed - replayed:
        return "It receives slowly: the network, or its disk."
    return "It has received nearly all and does not apply it: paused, a long query, or slow."


def synchronous(snapshot: Snapshot) -> Iterator[Finding]:
    """synchronous_standby_names wants more standbys than there are: commits wait."""
    names, commit = snapshot.setting("synchronous_standby_names"), _commit(snapshot)
    if names is None or not names.value.strip():
        return
    rows = snapshot.of_view("pg_stat_replication")
    there = [row for row in rows if row.text("sync_state") in ("sync", "quorum")]
    wanted = int(hit[1]) if (hit := re.match(r"\s*(?:FIRST|ANY)?\s*(\d+)\s*\(", names.value)) else 1
    if len(there) >= wanted or snapshot.standby:
        return
    waiting = [
        row for row in snapshot.of_view("pg_stat_activity") if row.text("wait_event") == "SyncRep"
    ]
    asks = commit is None or commit.value not in ("off", "local")
    yield found(
        "replication/sync-standby-missing",
        thing(snapshot),
        CRITICAL if asks else WARNING,
        0.95 if waiting or asks else 0.6,
        f"{wanted} synchronous standby is wanted and {len(there)} is connected:"
        f" {len(waiting)} commits wait for it.",
        names,
        commit,
        *waiting[:3],
        *rows[:2],
        next_checks=("get_replication_status",),
        remedy=setting_remedy(snapshot, names, "''"),
        explains=frozenset(
            {
                *(session(snapshot, row.count("pid")) for row in waiting),
                f"{thing(snapshot)}#sessions/connections-exhausted",
            }
        ),
    )


def _commit(snapshot: Snapshot) -> Setting | None:
    return snapshot.setting("synchronous_commit")


def conflicts(snapshot: Snapshot) -> Iterator[Finding]:
    """Statements on a standby were ended because they stood in the way of replay."""
    for row in snapshot.of_view("pg_stat_database_conflicts"):
        number = sum(row.count(name) for name in row.row if name.startswith("confl_"))
        if number:
            yield found(
                "replication/recovery-conflicts",
                thing(snapshot),
                WARNING if number >= CONFLICTS else INFO,
                0.6,
                f"{number} statements in {row.text('datname')} were ended for replay.",
                row,
                remedy=by_hand(
                    "ALTER SYSTEM SET max_standby_streaming_delay = '5min' on the standby, or"
                    " hot_standby_feedback = on (which lets dead rows stay on the primary)."
                ),
            )


def subscriptions(snapshot: Snapshot) -> Iterator[Finding]:
    """A subscription is enabled and no worker applies it, or applying has failed."""
    for row in snapshot.of_view("pg_subscription"):
        idle = row.truth("subenabled") and not row.count("pid")
        errors = row.count("apply_error_count") + row.count("sync_error_count")
        if idle or errors:
            yield found(
                "replication/subscription-failing",
                thing(snapshot, "subscription", row.text("subname")),
                WARNING if idle else INFO,
                0.8,
                f"Subscription {row.text('subname')} {'has no worker' if idle else 'failed'}"
                f"{f', {errors} times' if errors else ''}.",
                row,
                next_checks=('read_pg_log(filter="subscription")',),
            )


def in_recovery(snapshot: Snapshot) -> Iterator[Finding]:
    """The server is a standby: it takes no writes."""
    row = snapshot.one("recovery")
    if row.truth("in_recovery"):
        yield found(
            "server/in-recovery",
            thing(snapshot),
            INFO,
            0.5,
            "The server is a standby in recovery: reads only, writes belong to its primary.",
            row,
        )


RULES = (
    paused,
    standby_lag,
    cut_off,
    replica_lag,
    synchronous,
    conflicts,
    subscriptions,
    in_recovery,
)
