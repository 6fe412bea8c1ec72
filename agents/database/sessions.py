"""What one session is and does: looked at before it is ended, shown to who approves it, and after.

Source: pg_stat_activity and pg_locks. Row locks are in neither, so nobody counts locked rows here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from agents.database.connect import Session
from agents.database.report import counted, masked, span
from agents.runtime.tool import Inspection, NeedsPerson, ToolFailure
from governance.types import Impact

MOST_TABLES = 20
MOST_WAITERS = 50
CLIENT = "client backend"
ACTIVE = "active"

# Moments as exact numbers: they tell one session, transaction or statement from the next.
_SESSION = """
SELECT a.pid, a.usename AS "user", a.datname AS database, a.application_name AS application,
       coalesce(host(a.client_addr), 'local') AS client, a.backend_type, a.state,
       nullif(concat_ws(':', a.wait_event_type, a.wait_event), '') AS wait,
       extract(epoch FROM a.backend_start)::text AS backend_start,
       extract(epoch FROM a.xact_start)::text AS transaction_start,
       extract(epoch FROM a.query_start)::text AS query_start,
       extract(epoch FROM clock_timestamp() - a.backend_start)::float8 AS connected_s,
       extract(epoch FROM clock_timestamp() - a.xact_start)::float8 AS transaction_s,
       extract(epoch FROM clock_timestamp() - a.state_change)::float8 AS state_s,
       a.backend_xid::text AS xid, left(a.query, 2000) AS query,
       pg_blocking_pids(a.pid) AS waits_for,
       coalesce((SELECT r.rolsuper FROM pg_roles r WHERE r.oid = a.usesysid), false) AS superuser,
       a.pid = pg_backend_pid() AS own
FROM pg_stat_activity a WHERE a.pid = %s
"""
_LOCKS = "SELECT count(*)::int FROM pg_locks WHERE pid = %s AND granted"
# Tables only: indexes are locked with them and tell nothing more.
_TABLES = """
SELECT c.oid::regclass::text AS "table", array_agg(DISTINCT l.mode ORDER BY l.mode) AS modes
FROM pg_locks l JOIN pg_class c ON c.oid = l.relation AND c.relkind IN ('r', 'p', 'm', 'f')
WHERE l.pid = %s AND l.granted AND c.relnamespace <> 'pg_catalog'::regnamespace
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
GROUP BY c.oid ORDER BY 1 LIMIT %s
"""
_WAITERS = """
SELECT pid FROM pg_stat_activity
WHERE wait_event_type = 'Lock' AND %s = ANY (pg_blocking_pids(pid)) ORDER BY pid LIMIT %s
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One session at one moment. `facts` are the columns of `_SESSION`."""

    facts: Mapping[str, Any]
    locks: int = 0
    tables: Mapping[str, list[str]]
    waiters: tuple[int, ...] = ()

    @property
    def pid(self) -> int:
        return int(self.facts["pid"])

    @property
    def active(self) -> bool:
        return bool(self.facts["state"] == ACTIVE)

    @property
    def has_xid(self) -> bool:
        """Not the same as having written: a bare LOCK TABLE in a strong mode takes one, too."""
        return self.facts["xid"] is not None

    def same_as(self, preconditions: Mapping[str, Any]) -> bool:
        """Whether it is the session that was looked at: a pid is given to another one some day."""
        return bool(self.facts["backend_start"] == preconditions.get("backendStart"))

    def preconditions(self) -> dict[str, Any]:
        """What must still hold when it is ended: this session, in this transaction."""
        return {
            "backendStart": self.facts["backend_start"],
            "transactionStart": self.facts["transaction_start"],
        }

    def statement(self) -> dict[str, Any]:
        """What must still hold when its statement is cancelled: it is still that one."""
        return {**self.preconditions(), "queryStart": self.facts["query_start"]}

    def inspection(self, plan: str, preconditions: Mapping[str, Any]) -> Inspection:
        """The age of the transaction counts where ending it may roll something back."""
        age = self.facts["transaction_s"]
        impact = Impact(xact_age_s=int(age)) if self.has_xid and age is not None else Impact()
        return Inspection(impact=impact, plan=plan, preconditions=preconditions)


def find(db: Session, pid: int) -> Seen | None:
    """The session with this pid; None where there is none (any more)."""
    facts = db.row(_SESSION, [pid])
    if not facts:
        return None
    if facts["backend_type"] is None or (facts["backend_type"] == CLIENT and not _visible(facts)):
        raise NeedsPerson(
            f"Session {pid} is another role's, and what it does is hidden from the role that Aura"
            " logs in as: grant it pg_monitor (docs/databases.md). Nothing was done."
        )
    return Seen(
        facts={**facts, "query": masked(facts["query"])},
        locks=int(db.value(_LOCKS, [pid]) or 0),
        tables={row["table"]: row["modes"] for row in db.rows(_TABLES, [pid, MOST_TABLES])},
        waiters=tuple(row["pid"] for row in db.rows(_WAITERS, [pid, MOST_WAITERS])),
    )


def _visible(facts: Mapping[str, Any]) -> bool:
    return facts["backend_start"] is not None


def refuse_special(seen: Seen) -> None:
    """Sessions that are not anybody's queries are left alone. Raises `ToolFailure`."""
    facts = seen.facts
    if facts["own"]:
        raise ToolFailure(f"Session {seen.pid} is the one that Aura asks with: it is not ended.")
    if facts["backend_type"] != CLIENT:
        raise ToolFailure(
            f"Process {seen.pid} is no client session but PostgreSQL's own {facts['backend_type']}:"
            " it is not ended from here. Ending a walsender stops a standby from following, ending"
            " an autovacuum worker leaves its table as it is."
        )
    if facts["superuser"]:
        raise ToolFailure(
            f"Session {seen.pid} belongs to the superuser {facts['user']}: only a person with that"
            " right may end it."
        )


def gone(pid: int, label: str) -> ToolFailure:
    return ToolFailure(
        f"There is no session {pid} on {label}, or no longer: get_active_connections lists them."
    )


# --- in words -------------------------------------------------------------------------------------


def plan(seen: Seen, label: str) -> str:
    """The session for people, as it is shown before it is ended."""
    return "\n".join(_lines(seen, label))


def _lines(seen: Seen, label: str) -> Iterator[str]:
    facts = seen.facts
    yield f"Session {seen.pid} on {label}"
    yield (
        f"  {facts['user'] or '-'} in {facts['database'] or '-'}, application"
        f" {facts['application'] or '-'}, from {facts['client']}, connected for"
        f" {span(facts['connected_s'])}"
    )
    wait = f", waits for {facts['wait']}" if facts["wait"] and seen.active else ""
    yield f"  state: {facts['state'] or facts['backend_type']} for {span(facts['state_s'])}{wait}"
    yield from _transaction(seen)
    tables = ", ".join(f"{name} ({', '.join(modes)})" for name, modes in seen.tables.items())
    yield f"  locks: {seen.locks}; tables: {tables or 'none'}"
    if seen.has_xid:
        yield "  rows it has locked are in no view of PostgreSQL and are not counted"
    if seen.facts["waits_for"]:
        yield f"  waits for sessions {_pids(seen.facts['waits_for'])}"
    if seen.waiters:
        yield f"  {counted(len(seen.waiters), 'session')} waiting for it: {_pids(seen.waiters)}"
    yield f"  last query: {facts['query'] or '-'}"


def _transaction(seen: Seen) -> Iterator[str]:
    age = seen.facts["transaction_s"]
    if age is None:
        yield "  no transaction is open"
        return
    yield f"  a transaction is open for {span(age)}"
    if seen.has_xid:
        shortest, longest = rollback_s(seen)
        yield (
            f"  it has an xid ({seen.facts['xid']}): it has written something, or taken a lock that"
            f" standbys are told of; undoing it may take {span(shortest)} to {span(longest)}"
        )
    else:
        yield "  it has no xid: it has written nothing so far, and there is nothing to undo"


def rollback_s(seen: Seen) -> tuple[float, float]:
    """Seconds that undoing its transaction may take: half to twice the time it was open."""
    age = float(seen.facts["transaction_s"] or 0)
    return age / 2, age * 2


def _pids(pids: Any) -> str:
    return ", ".join(map(str, pids))


def as_data(seen: Seen) -> dict[str, Any]:
    """The session as data."""
    shortest, longest = rollback_s(seen) if seen.has_xid else (None, None)
    return {
        **seen.facts,
        "has_xid": seen.has_xid,
        "lock_count": seen.locks,
        "locked_tables": dict(seen.tables),
        "waiters": list(seen.waiters),
        "rollback_min_s": shortest,
        "rollback_max_s": longest,
    }
