"""Replication slots that nobody reads."""

from __future__ import annotations

from collections.abc import Iterator

from agents.database.report import size
from agents.database.triage.facts import Fact
from agents.database.triage.making import CRITICAL, INFO, WARNING, call, found, thing
from agents.database.triage.snapshot import Snapshot
from agents.triage.findings import Finding, Remedy, Severity

RETAINED, RETAINED_MANY = 1 << 30, 10 << 30


def inactive(snapshot: Snapshot) -> Iterator[Finding]:
    """Nobody reads a slot, and WAL is kept for it: more than 1 GB, or than max_wal_size."""
    for row in snapshot.of_view("pg_replication_slots"):
        if row.truth("active") is not False or row.truth("temporary") or _lost(row):
            continue
        kept, status = _kept(snapshot, row), row.text("wal_status")
        name = row.text("slot_name")
        severity = _severity(kept, status)
        yield found(
            "replication/slot-inactive",
            thing(snapshot, "slot", name),
            severity,
            0.9 if severity > INFO else 0.5,
            f"Nobody reads slot {name}; {size(kept)} of WAL are kept for it"
            f"{f' ({status})' if status else ''}.",
            row,
            snapshot.setting("max_slot_wal_keep_size"),
            next_checks=("get_replication_status", "get_disk_usage"),
            remedy=_drop(snapshot, name),
            explains=frozenset(
                {
                    f"{thing(snapshot)}#wal/piles-up",
                    f"{thing(snapshot, 'slot', name)}#vacuum/held-back",
                }
                | ({f"{thing(snapshot)}#storage/disk-full"} if severity > INFO else set())
            ),
        )


def lost(snapshot: Snapshot) -> Iterator[Finding]:
    """The WAL of a slot was removed: what used it must be built anew."""
    for row in snapshot.of_view("pg_replication_slots"):
        if _lost(row):
            name = row.text("slot_name")
            yield found(
                "replication/slot-lost",
                thing(snapshot, "slot", name),
                WARNING,
                0.95,
                f"Slot {name} was given up: WAL that it needs is gone.",
                row,
                snapshot.setting("max_slot_wal_keep_size"),
                remedy=_drop(snapshot, name),
            )


def _lost(row: Fact) -> bool:
    return row.text("wal_status") == "lost" or bool(row.text("invalidation_reason"))


def _kept(snapshot: Snapshot, row: Fact) -> float:
    if (said := row.maybe("retained_bytes")) is not None:
        return said
    here, restart = snapshot.one("recovery").lsn("here"), row.lsn("restart_lsn")
    return float(here - restart) if here and restart else 0.0


def _severity(kept: float, status: str) -> Severity:
    """`extended`: more than max_wal_size is kept. `unreserved`: it is about to be lost."""
    if status == "unreserved" or kept >= RETAINED_MANY:
        return CRITICAL
    return WARNING if status == "extended" or kept >= RETAINED else INFO


def _drop(snapshot: Snapshot, name: str) -> Remedy:
    text = f"Drop slot {name}, if what used it is gone for good; else start that again."
    return call(snapshot, text, "drop_replication_slot", slot_name=name)


RULES = (inactive, lost)
