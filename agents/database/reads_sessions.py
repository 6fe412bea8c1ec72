"""Looks at what sessions do: who is there, what they wait for, who blocks whom."""

from __future__ import annotations

from pydantic import Field

from agents.database.blocking import Chain, chains
from agents.database.connect import Row, Session
from agents.database.reading import reads
from agents.database.report import Table, counted, masked, report, span
from agents.database.targets import TargetArguments
from agents.runtime.tool import Tool, ToolResult

MOST_SESSIONS = 50
HIDDEN = (
    "This role lacks pg_read_all_stats: what sessions of other roles run is hidden from it"
    " (docs/databases.md, pg_monitor)."
)

_SEES_ALL = "SELECT pg_has_role(current_user, 'pg_read_all_stats', 'USAGE')"
_ACTIVE = """
SELECT pid, usename AS "user", datname AS database, application_name AS application,
       host(client_addr) AS client, state, wait_event_type, wait_event,
       CASE WHEN state = 'active' THEN
           round(extract(epoch FROM clock_timestamp() - query_start), 1)::float8 END AS query_s,
       round(extract(epoch FROM clock_timestamp() - state_change), 1)::float8 AS state_s,
       round(extract(epoch FROM clock_timestamp() - xact_start), 1)::float8 AS transaction_s,
       left(query, 2000) AS query
FROM pg_stat_activity
WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
  AND (NOT %s OR state = 'active')
ORDER BY state = 'active' DESC, xact_start ASC NULLS LAST, state_change ASC
LIMIT %s
"""
_COUNTS = """
SELECT coalesce(datname, '-') AS database, count(*) AS total,
       count(*) FILTER (WHERE state = 'active') AS active,
       count(*) FILTER (WHERE state = 'idle') AS idle,
       count(*) FILTER (WHERE state LIKE 'idle in transaction%') AS idle_in_transaction,
       count(*) FILTER (WHERE wait_event_type = 'Lock') AS waiting_on_lock
FROM pg_stat_activity WHERE backend_type = 'client backend'
GROUP BY 1 ORDER BY 2 DESC LIMIT 100
"""
_ROOM = """
SELECT current_setting('max_connections')::int AS max_connections,
       current_setting('superuser_reserved_connections')::int AS reserved
"""
_WAITS = """
SELECT coalesce(wait_event_type, 'none') AS type, coalesce(wait_event, 'on CPU') AS event,
       count(*) AS sessions, count(*) FILTER (WHERE backend_type = 'client backend') AS clients,
       (array_agg(pid ORDER BY query_start))[1:5] AS pids,
       round(extract(epoch FROM max(clock_timestamp() - query_start)), 1)::float8 AS longest_s
FROM pg_stat_activity
WHERE pid <> pg_backend_pid() AND (state = 'active' OR state IS NULL AND wait_event IS NOT NULL)
  AND wait_event_type IS DISTINCT FROM 'Activity'
GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT 100
"""
_MEANINGS = "SELECT type, name, description FROM pg_wait_events WHERE name = ANY(%s)"
# A session may wait for several, and those ahead of it in the queue count too.
_BLOCKED = """
SELECT b.pid, pg_blocking_pids(b.pid) AS blockers
FROM pg_stat_activity b WHERE b.wait_event_type = 'Lock' LIMIT 200
"""
_INVOLVED = """
SELECT a.pid, a.usename AS "user", a.datname AS database, a.application_name AS application,
       host(a.client_addr) AS client, a.state, left(a.query, 2000) AS query,
       round(extract(epoch FROM clock_timestamp() - a.xact_start), 1)::float8 AS transaction_s,
       round(extract(epoch FROM clock_timestamp() - a.state_change), 1)::float8 AS state_s,
       w.mode, w.locktype, w.relation
FROM pg_stat_activity a
LEFT JOIN LATERAL (
    SELECT l.mode, l.locktype,
           CASE WHEN l.relation IS NOT NULL AND d.oid = l.database
                THEN l.relation::regclass::text END AS relation
    FROM pg_locks l LEFT JOIN pg_database d ON d.datname = current_database()
    WHERE l.pid = a.pid AND NOT l.granted LIMIT 1
) w ON true
WHERE a.pid = ANY(%s)
"""
_PREPARED = """
SELECT gid, owner, database, round(extract(epoch FROM clock_timestamp() - prepared))::int8 AS age_s
FROM pg_prepared_xacts ORDER BY prepared LIMIT 20
"""


class ActiveArguments(TargetArguments):
    active_only: bool = Field(
        default=False, description="Only sessions that run a statement at this moment"
    )


def tools() -> list[Tool]:
    return [
        reads(
            "get_active_connections",
            _active,
            "Up to 50 client sessions: who, from where, state, wait, how long, and the query.",
            ActiveArguments,
            tags=("performance", "connections"),
            examples=("What is running on orders right now?",),
        ),
        reads(
            "get_connection_stats",
            _counts,
            "Connections of each database by state, and how much room is left.",
            TargetArguments,
            tags=("connections", "statistics"),
            examples=("Is orders running out of connections?",),
        ),
        reads(
            "get_wait_events",
            _waits,
            "What active sessions wait for at this moment, counted by wait event.",
            TargetArguments,
            tags=("performance",),
            examples=("Why is orders slow right now?",),
        ),
        reads(
            "get_lock_info",
            _locks,
            "Pairs of sessions of which one waits for a lock that the other holds.",
            TargetArguments,
            tags=("locks", "contention"),
        ),
        reads(
            "get_blocking_queries",
            _blocking,
            "Chains of blocked sessions, each with the one session at its root.",
            TargetArguments,
            tags=("locks", "contention"),
            examples=("Who blocks the others on orders?",),
        ),
    ]


def _active(db: Session, arguments: ActiveArguments) -> ToolResult:
    found = [_masked(r) for r in db.rows(_ACTIVE, [arguments.active_only, MOST_SESSIONS])]
    shown = [
        {
            **row,
            "wait": f"{row['wait_event_type']}:{row['wait_event']}" if row["wait_event"] else None,
        }
        for row in found
    ]
    columns = ("pid", "user", "database", "client", "state", "wait", "query_s", "transaction_s")
    return report(
        f"{counted(len(found), 'session')}"
        f"{' (the first, there may be more)' if len(found) == MOST_SESSIONS else ''}.",
        Table("", shown, (*columns, "query")),
        visibility(db),
        sessions=found,
        count=len(found),
    )


def _counts(db: Session, _: TargetArguments) -> ToolResult:
    found, room = db.rows(_COUNTS), db.row(_ROOM)
    total, most = sum(row["total"] for row in found), room["max_connections"]
    stuck = sum(row["idle_in_transaction"] for row in found)
    left = max(most - room["reserved"] - total, 0)
    return report(
        f"{total} of {most} connections are in use ({total * 100 // most} %); {left} are left for"
        " ordinary roles.",
        Table("", found),
        f"{counted(stuck, 'session is', 'sessions are')} idle in a transaction." if stuck else "",
        visibility(db),
        databases=found,
        total=total,
        left=left,
        **room,
    )


def _waits(db: Session, _: TargetArguments) -> ToolResult:
    found = db.rows(_WAITS)
    if db.version >= 170000:  # noqa: PLR2004 - the view came with 17
        names = [row["event"] for row in found]
        meanings = {(m["type"], m["name"]): m["description"] for m in db.rows(_MEANINGS, [names])}
        found = [{**r, "meaning": meanings.get((r["type"], r["event"]))} for r in found]
    return report(
        f"{counted(sum(r['sessions'] for r in found), 'session')} at work or waiting right now.",
        Table("", found, empty="No session is at work: nothing waits."),
        visibility(db),
        wait_events=found,
    )


def _locks(db: Session, _: TargetArguments) -> ToolResult:
    edges = _edges(db)
    people = _people(db, edges)
    pairs = [
        {
            "blocked_pid": pid,
            "blocked_user": people.get(pid, {}).get("user"),
            "waits_for": _lock(people.get(pid, {})),
            "blocked_query": people.get(pid, {}).get("query"),
            "blocking_pid": blocker,
            "blocking_user": people.get(blocker, {}).get("user"),
            "blocking_state": people.get(blocker, {}).get("state"),
            "blocking_query": people.get(blocker, {}).get("query"),
        }
        for pid, blockers in edges.items()
        for blocker in blockers
    ][:MOST_SESSIONS]
    return report(
        Table("Blocked sessions", pairs, empty="No blocking locks found."),
        visibility(db) if pairs else "",
        blocked=pairs,
        count=len(pairs),
    )


def _blocking(db: Session, _: TargetArguments) -> ToolResult:
    edges = _edges(db)
    people = _people(db, edges)
    found = chains(edges)
    if not found:
        return report("No session blocks another.", chains=[], blocked=0)
    prepared = db.rows(_PREPARED) if any(chain.root == 0 for chain in found) else []
    return report(
        f"{counted(len(edges), 'session is', 'sessions are')} blocked, in"
        f" {counted(len(found), 'chain')}.",
        *[_told(chain, people) for chain in found],
        Table("Prepared transactions (COMMIT PREPARED or ROLLBACK PREPARED ends one)", prepared),
        visibility(db),
        chains=[
            {
                "root": people.get(chain.root, {"pid": chain.root}),
                "blocked": [
                    {**people.get(pid, {"pid": pid}), "behind": behind, "depth": depth}
                    for pid, behind, depth in chain.blocked
                ],
                "deadlock": chain.circular,
            }
            for chain in found
        ],
        blocked=len(edges),
        prepared_transactions=prepared,
    )


def _told(chain: Chain, people: dict[int, Row]) -> list[str]:
    """A chain as indented lines, its root first."""
    root = people.get(chain.root, {})
    if chain.root == 0:
        lines = ["Root: a prepared transaction, which no session holds"]
    else:
        since, open_s = span(root.get("state_s")), span(root.get("transaction_s"))
        who = f"{root.get('user')}, {root.get('state')} for {since}, transaction open for {open_s}"
        lines = [f"Root: pid {chain.root} ({who}): {root.get('query') or 'query not visible'}"]
    if chain.circular:
        lines.append("  (each waits for the other: the server ends one after deadlock_timeout)")
    for pid, behind, depth in chain.blocked:
        row = people.get(pid, {})
        lines.append(
            f"{'  ' * depth}pid {pid} ({row.get('user')}) has waited {span(row.get('state_s'))}"
            f" for {_lock(row)}, behind {behind or 'the prepared transaction'}:"
            f" {row.get('query') or 'query not visible'}"
        )
    return lines


def _edges(db: Session) -> dict[int, list[int]]:
    """Who waits for whom. A parallel query's workers are named like their leader."""
    return {
        row["pid"]: sorted(set(row["blockers"])) for row in db.rows(_BLOCKED) if row["blockers"]
    }


def _people(db: Session, edges: dict[int, list[int]]) -> dict[int, Row]:
    pids = sorted({*edges, *(pid for blockers in edges.values() for pid in blockers)})
    return {row["pid"]: _masked(row) for row in db.rows(_INVOLVED, [pids])} if pids else {}


def _lock(row: Row) -> str:
    mode, kind = row.get("mode"), row.get("relation") or row.get("locktype")
    return f"{mode} on {kind}" if mode else "a lock"


def _masked(row: Row) -> Row:
    return {**row, "query": masked(row["query"])}


def visibility(db: Session) -> str:
    """What a reader must know where the role does not see everything."""
    return "" if db.value(_SEES_ALL) else HIDDEN
