"""Transaction and multixact ids that run out."""

from __future__ import annotations

from collections.abc import Iterator

from agents.database.triage.making import CRITICAL, INFO, WARNING, by_hand, found, thing
from agents.database.triage.snapshot import Snapshot
from agents.triage.findings import Finding

# The server stops at 2^31 less 3 million, vacuum's failsafe is at 1.6 thousand million, and at
# autovacuum_freeze_max_age autovacuum begins by itself: twice that is one that does not get there.
DANGER = 1_600_000_000
HALF = 1_000_000_000
ALL = 2**31


def ids(snapshot: Snapshot) -> Iterator[Finding]:
    """A database's oldest id is far beyond what autovacuum freezes at."""
    for column, cause, name, default in (
        ("xid_age", "vacuum/xid-wraparound", "autovacuum_freeze_max_age", 200e6),
        ("mxid_age", "vacuum/multixact-wraparound", "autovacuum_multixact_freeze_max_age", 400e6),
    ):
        setting = snapshot.setting(name)
        limit = (setting.number if setting else None) or default
        for row in snapshot.of_view("pg_database"):
            age = row.number(column)
            if age < limit * 1.1:
                continue
            bad = age >= min(2 * limit, HALF) and age > limit + 10e6
            database = row.text("datname")
            yield found(
                cause,
                thing(snapshot, "database", database) if database else thing(snapshot),
                CRITICAL if age >= DANGER else WARNING if bad else INFO,
                0.95 if bad else 0.6,
                f"The oldest {'transaction' if column == 'xid_age' else 'multixact'} id of"
                f" {database} is {age:,.0f} old, {age / ALL:.0%} of what there is; autovacuum"
                f" freezes at {limit:,.0f}.",
                row,
                setting,
                next_checks=("get_vacuum_status",),
                remedy=by_hand(
                    f"In database {database}: end what holds vacuum back (get_vacuum_status), then"
                    " VACUUM (FREEZE, INDEX_CLEANUP off); table by table, the oldest first."
                ),
            )


RULES = (ids,)
