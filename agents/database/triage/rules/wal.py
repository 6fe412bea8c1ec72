"""WAL: checkpoints, archiving, and how much of it lies on the disk."""

from __future__ import annotations

from collections.abc import Iterator

from agents.database.report import size, span
from agents.database.triage.making import CRITICAL, WARNING, by_hand, found, thing
from agents.database.triage.snapshot import Snapshot
from agents.triage.findings import Finding

REQUESTED = 5  # checkpoints: fewer are chance, or a backup's
FULL = 0.3  # of max_wal_size written between two: then WAL asked for them, not a person
LONG_S = 3600.0


def checkpoints(snapshot: Snapshot) -> Iterator[Finding]:
    """Most checkpoints are asked for by WAL, in half of checkpoint_timeout or less."""
    row = snapshot.one("pg_stat_checkpointer")
    if not row.row:
        row = snapshot.one("pg_stat_bgwriter")
    requested = row.number("num_requested") or row.number("checkpoints_req")
    timed = row.number("num_timed") or row.number("checkpoints_timed")
    since = snapshot.age(row, "stats_reset") or 0
    limit, pace = snapshot.setting("max_wal_size"), snapshot.setting("checkpoint_timeout")
    if requested < REQUESTED or requested <= 2 * timed or not limit:
        return
    interval = since / requested
    if interval >= ((pace.seconds if pace else None) or 300.0) / 2:
        return
    wal = snapshot.one("pg_stat_wal")
    rate = wal.number("wal_bytes") / max(snapshot.age(wal, "stats_reset") or 0, 1.0)
    largest = _in_megabytes(limit.bytes)
    if wal.row and rate * interval < FULL * largest:
        return  # somebody runs CHECKPOINT: little was written
    yield found(
        "wal/checkpoints-too-frequent",
        thing(snapshot),
        WARNING,
        0.8,
        f"{requested:.0f} of {requested + timed:.0f} checkpoints were asked for, one in"
        f" {span(interval)}: WAL fills max_wal_size ({size(largest)}).",
        row,
        limit,
        pace,
        wal if wal.row else None,
        next_checks=("get_bgwriter_stats",),
        remedy=by_hand(
            f"ALTER SYSTEM SET max_wal_size = '{max(largest * 4, 4 << 30) / 2**20:.0f}MB';"
            " SELECT pg_reload_conf(); (room for it must be on the disk)"
        ),
    )


def _in_megabytes(said: float | None) -> float:
    """max_wal_size is in MB; a bare number of a recording too."""
    value = said or 1 << 30
    return value if value >= 1 << 20 else value * (1 << 20)


def archiving(snapshot: Snapshot) -> Iterator[Finding]:
    """The last attempt to archive failed, or archiving is on and nothing does it."""
    row = snapshot.one("pg_stat_archiver")
    failed, done = row.moment("last_failed_time"), row.moment("last_archived_time")
    mode, command = snapshot.setting("archive_mode"), snapshot.setting("archive_command")
    on = mode is None or not mode.off
    if row.number("failed_count") and failed and (done is None or failed > done) and on:
        since = snapshot.age(row, "last_archived_time")
        how = f"Since {span(since)} nothing was" if since is not None else "Nothing was ever"
        bad = since is not None and since >= LONG_S
        yield found(
            "wal/archive-failing",
            thing(snapshot),
            CRITICAL if bad else WARNING,
            0.95,
            f"Archiving fails, last with {row.text('last_failed_wal')}. {how} archived, and WAL is"
            " kept until it is.",
            row,
            command,
            next_checks=('read_pg_log(filter="archive")', "get_disk_usage"),
            remedy=by_hand(
                "Run archive_command by hand as the server's user, mend what it says (room,"
                " credentials, path), or correct it: ALTER SYSTEM SET archive_command = '…';"
                " SELECT pg_reload_conf();"
            ),
            explains=frozenset({f"{thing(snapshot)}#wal/piles-up"}),
        )
    elif mode and not mode.off and command and _nothing(snapshot):
        yield found(
            "wal/archive-failing",
            thing(snapshot),
            WARNING,
            0.8,
            "archive_mode is on and there is neither archive_command nor archive_library: WAL is"
            " kept for ever.",
            mode,
            command,
            remedy=by_hand("ALTER SYSTEM SET archive_command = '…'; SELECT pg_reload_conf();"),
            explains=frozenset({f"{thing(snapshot)}#wal/piles-up"}),
        )


def _nothing(snapshot: Snapshot) -> bool:
    command, library = snapshot.setting("archive_command"), snapshot.setting("archive_library")
    empty = ("", "(disabled)")
    return bool(command and command.value in empty and (not library or not library.value))


def piles_up(snapshot: Snapshot) -> Iterator[Finding]:
    """pg_wal is more than twice of what max_wal_size and wal_keep_size allow."""
    row, limit = snapshot.one("pg_wal"), snapshot.setting("max_wal_size")
    keep = snapshot.setting("wal_keep_size")
    if not row.row or not limit:
        return
    allowed = 2 * _in_megabytes(limit.bytes) + ((keep.bytes if keep else None) or 0)
    if row.number("bytes") > allowed:
        yield found(
            "wal/piles-up",
            thing(snapshot),
            WARNING,
            0.7,
            f"pg_wal holds {size(row.number('bytes'))} in {row.count('files')} files;"
            f" max_wal_size is {size(_in_megabytes(limit.bytes))}.",
            row,
            limit,
            next_checks=("get_replication_status", "get_disk_usage"),
            remedy=by_hand(
                "Find what keeps it: a slot, archiving, wal_keep_size. Never delete it."
            ),
        )


RULES = (checkpoints, archiving, piles_up)
