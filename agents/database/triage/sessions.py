"""Client sessions of a snapshot, and who of them waits for whom."""

from __future__ import annotations

from collections.abc import Mapping

from agents.database.blocking import Chain, chains
from agents.database.triage.clients import is_client
from agents.database.triage.facts import Fact
from agents.database.triage.snapshot import Snapshot


def clients(snapshot: Snapshot) -> list[Fact]:
    """Sessions of clients. A recording without backend_type has them by their database."""
    return [row for row in snapshot.of_view("pg_stat_activity") if is_client(row)]


def blocking(snapshot: Snapshot) -> list[Chain]:
    """The chains of waiting sessions."""
    waits = {
        row.count("pid"): pids
        for row in snapshot.of_view("pg_stat_activity")
        if (pids := [int(pid) for pid in row.listed("blocked_by") if pid.lstrip("-").isdigit()])
    }
    return chains(waits or _by_locks(snapshot))


def _by_locks(snapshot: Snapshot) -> Mapping[int, list[int]]:
    """Of a recorded pg_locks: who waits for what others were granted, as far as it tells."""
    rows = snapshot.of_view("pg_locks")
    granted: dict[tuple[str, ...], list[int]] = {}
    for row in rows:
        if row.truth("granted") and (key := _locked(row)):
            granted.setdefault(key, []).append(row.count("pid"))
    waits: dict[int, list[int]] = {}
    for row in rows:
        if row.truth("granted") is False:
            ahead = [pid for pid in granted.get(_locked(row), ()) if pid != row.count("pid")]
            waits.setdefault(row.count("pid"), []).extend(ahead)
    return {pid: ahead for pid, ahead in waits.items() if ahead}


def _locked(row: Fact) -> tuple[str, ...]:
    kind = row.text("locktype")
    parts = {"relation": ("database", "relation"), "transactionid": ("transactionid",)}
    if kind == "tuple":
        return ("tuple", *(row.text(name) for name in ("relation", "page", "tuple")))
    key = tuple(row.text(name) for name in parts.get(kind, ()))
    return (kind, *key) if any(key) else ()
