"""What is stored: room on the disk, damaged blocks, sequences at their end."""

from __future__ import annotations

from collections.abc import Iterator

from agents.database.report import size
from agents.database.triage.making import CRITICAL, INFO, WARNING, by_hand, found, quoted, thing
from agents.database.triage.snapshot import Snapshot
from agents.triage.findings import Finding

USED, USED_MOST = 0.85, 0.95  # of a file system
SEQUENCE, SEQUENCE_MOST, SEQUENCE_END = 0.5, 0.8, 0.95


def disk(snapshot: Snapshot) -> Iterator[Finding]:
    """A file system of the server is nearly full, where that is known."""
    for row in snapshot.of_view("disk"):
        whole = row.number("total_bytes")
        free = row.maybe("free_bytes")
        used = 1 - free / whole if whole and free is not None else row.number("used_pct") / 100
        if used < USED:
            continue
        full = used >= USED_MOST
        room = f", {size(free)} are free" if free is not None else ""
        yield found(
            "storage/disk-full" if full else "storage/disk-nearly-full",
            thing(snapshot, "disk", row.text("mount") or "data"),
            CRITICAL if full else WARNING,
            0.95,
            f"{used:.0%} of the disk is used{room}.",
            row,
            next_checks=("get_disk_usage",),
            remedy=by_hand("Enlarge the volume; see get_disk_usage for what takes the room."),
        )


def checksums(snapshot: Snapshot) -> Iterator[Finding]:
    """Blocks failed their checksum."""
    for row in snapshot.of_view("pg_stat_database"):
        if row.number("checksum_failures"):
            yield found(
                "storage/checksum-failures",
                thing(snapshot),
                CRITICAL,
                0.97,
                f"{row.count('checksum_failures')} blocks of"
                f" {row.text('datname') or 'the shared catalogue'} failed their checksum.",
                row,
                next_checks=('read_pg_log(filter="page verification")',),
                remedy=by_hand(
                    "Fail over to a standby or restore from a backup; check the storage. VACUUM and"
                    " pg_dump tell which relations are damaged."
                ),
            )


def sequences(snapshot: Snapshot) -> Iterator[Finding]:
    """A sequence is near the end of itself or of its column's type."""
    for row in snapshot.of_view("pg_sequences"):
        last = row.maybe("last_value")
        most = min(filter(None, (row.number("max_value"), row.number("column_max"))), default=0.0)
        first = row.maybe("start_value") or 0.0
        if last is None or not most or row.truth("cycle") or row.number("increment_by") < 0:
            continue
        used = (last - min(first, 0)) / most
        if used < SEQUENCE:
            continue
        name = ".".join(filter(None, (row.text("schemaname"), row.text("sequencename"))))
        table, column = row.text("column_table"), row.text("column_name")
        owner = f" of {table}.{column}" if table else ""
        yield found(
            "storage/sequence-exhausted",
            thing(snapshot, "sequence", name),
            CRITICAL if used >= SEQUENCE_END else WARNING if used >= SEQUENCE_MOST else INFO,
            0.95,
            f"Sequence {name}{owner} has used {used:.1%} of {most:.0f} values; then no row can be"
            " added.",
            row,
            remedy=by_hand(
                (f"ALTER TABLE {table} ALTER COLUMN {column} TYPE bigint; " if table else "")
                + f"ALTER SEQUENCE {quoted(name)} AS bigint NO MAXVALUE; (changing the column's"
                " type rewrites the table)"
            ),
        )


RULES = (disk, checksums, sequences)
