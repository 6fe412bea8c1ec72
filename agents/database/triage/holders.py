"""What vacuum must keep dead rows for, the oldest first (25.1.4 and 27 of the documentation)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from agents.database.triage.facts import Fact
from agents.database.triage.making import by_hand, call, session, thing
from agents.database.triage.snapshot import Snapshot
from agents.triage.findings import Remedy


@dataclass(frozen=True, slots=True)
class Holder:
    """`age`: in transactions. `since_s`: how long it has been there, where that is known."""

    where: str
    age: float
    since_s: float | None
    row: Fact
    remedy: Remedy | None = None

    @property
    def name(self) -> str:
        """`session/42`."""
        return self.where.split("/", 2)[2]


def holders(snapshot: Snapshot) -> list[Holder]:
    found = (*_sessions(snapshot), *_slots(snapshot), *_prepared(snapshot), *_replicas(snapshot))
    return sorted(found, key=lambda it: -it.age)


def _sessions(snapshot: Snapshot) -> Iterator[Holder]:
    for row in snapshot.of_view("pg_stat_activity"):
        since = snapshot.age(row, "xact_start")
        if row.maybe("xmin_age") is None or since is None:
            continue
        pid, client = row.count("pid"), row.text("backend_type") in ("", "client backend")
        end = call(snapshot, f"End session {pid}.", "terminate_connection", pid=pid)
        where = session(snapshot, pid)
        yield Holder(where, row.number("xmin_age"), since, row, end if client else None)


def _slots(snapshot: Snapshot) -> Iterator[Holder]:
    for row in snapshot.of_view("pg_replication_slots"):
        age = max(row.number("xmin_age"), row.number("catalog_xmin_age"))
        if not age:
            continue
        name, unused = row.text("slot_name"), row.truth("active") is False
        text = f"Drop slot {name}, if nobody needs it."
        drop = call(snapshot, text, "drop_replication_slot", slot_name=name)
        since = snapshot.age(row, "inactive_since")
        yield Holder(thing(snapshot, "slot", name), age, since, row, drop if unused else None)


def _prepared(snapshot: Snapshot) -> Iterator[Holder]:
    for row in snapshot.of_view("pg_prepared_xacts"):
        where = thing(snapshot, "prepared", row.text("gid"))
        yield Holder(where, row.number("xid_age"), snapshot.age(row, "prepared"), row)


def _replicas(snapshot: Snapshot) -> Iterator[Holder]:
    for row in snapshot.of_view("pg_stat_replication"):
        if age := row.number("xmin_age"):
            where = thing(snapshot, "replica", row.text("application_name"))
            text = "End the long query on the standby: its hot_standby_feedback is on."
            yield Holder(where, age, None, row, by_hand(text))
