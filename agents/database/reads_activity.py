"""Looks at what the server has done: slow statements, checkpoints, its log."""

from __future__ import annotations

from psycopg import errors, sql
from pydantic import Field

from agents.database.connect import Row, Session
from agents.database.reading import Limited, reads
from agents.database.report import Table, counted, masked, one_line, report
from agents.database.targets import TargetArguments
from agents.runtime.tool import Tool, ToolFailure, ToolResult

LOG_BYTES = 1 << 20  # of the end of the log are looked at
LONGEST_LINE = 500
FEW_CHECKPOINTS = 5  # below, their kinds say nothing

_STATEMENTS = """
SELECT n.nspname AS schema, e.extversion AS version
FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
WHERE e.extname = 'pg_stat_statements'
"""
_SLOW = """
SELECT d.datname AS database, pg_get_userbyid(s.userid) AS "user", s.calls,
       round(s.total_exec_time)::int8 AS total_ms,
       round(s.mean_exec_time::numeric, 2)::float8 AS mean_ms,
       round(s.max_exec_time::numeric, 2)::float8 AS max_ms, s.rows,
       round(100.0 * s.shared_blks_hit / nullif(s.shared_blks_hit + s.shared_blks_read, 0), 1)
           ::float8 AS hit_pct,
       s.temp_blks_written AS temp_blocks, left(s.query, 2000) AS query
FROM {} s LEFT JOIN pg_database d ON d.oid = s.dbid
ORDER BY s.total_exec_time DESC LIMIT %s
"""
NOT_INSTALLED = (
    "pg_stat_statements is not installed in this database, so nothing is known of past statements."
    " A superuser installs it: add it to shared_preload_libraries, restart, then CREATE EXTENSION"
    " pg_stat_statements. get_active_connections shows what runs now."
)
NOT_LOADED = (
    "pg_stat_statements is installed but not loaded: add it to shared_preload_libraries and restart"
    " the server. get_active_connections shows what runs now."
)
# Which columns there are depends on the version (13 to 18): all of them, as they are.
_BACKGROUND = "SELECT to_jsonb(b) AS b FROM pg_stat_bgwriter b"
_CHECKPOINTER = "SELECT to_jsonb(c) AS c FROM pg_stat_checkpointer c"
_BACKENDS = """
SELECT sum(writes)::int8 AS buffers_written, sum(fsyncs)::int8 AS fsyncs FROM pg_stat_io
WHERE backend_type = 'client backend' AND object = 'relation'
"""
_PACE = """
SELECT current_setting('checkpoint_timeout') AS checkpoint_timeout,
       current_setting('max_wal_size') AS max_wal_size,
       current_setting('bgwriter_lru_maxpages')::int AS bgwriter_lru_maxpages
"""
_LOG_FILE = """
SELECT current_setting('logging_collector') AS collector,
       has_function_privilege('pg_current_logfile()', 'EXECUTE') AS may_name,
       has_function_privilege('pg_read_binary_file(text,bigint,bigint,boolean)', 'EXECUTE')
           AND has_function_privilege('pg_stat_file(text)', 'EXECUTE') AS may_read,
       to_regprocedure('aura.log_tail(integer)') IS NOT NULL AS has_tail
"""
_FILE = "SELECT pg_current_logfile() AS name"
_FILE_SIZE = "SELECT (pg_stat_file(pg_current_logfile())).size"
_READ = "SELECT pg_read_binary_file(pg_current_logfile(), %s, %s, true)"
_TAIL = "SELECT aura.log_tail(%s)"
HOW_TO_READ = (
    "The log cannot be read by this role. A superuser makes it readable with the function"
    " aura.log_tail of deploy/sql/aura_readonly.sql; else read it on the machine itself."
)
NO_LOG_FILE = (
    "The server keeps no log file of its own (logging_collector is off): read its log where its"
    " service manager keeps it (journalctl -u postgresql, docker logs, kubectl logs)."
)


class LogArguments(TargetArguments):
    lines: int = Field(default=100, ge=1, le=500, description="How many of the last lines")
    filter: str = Field(
        default="", max_length=200, description="Only lines that contain this text, in any case"
    )


def tools() -> list[Tool]:
    return [
        reads(
            "get_slow_queries",
            _slow,
            "Statements that took most time altogether, from pg_stat_statements.",
            Limited,
            tags=("performance",),
            examples=("Which queries of orders are slow?",),
        ),
        reads(
            "get_bgwriter_stats",
            _writers,
            "Checkpoints and who writes dirty buffers: checkpointer, background writer, backends.",
            TargetArguments,
            title="Get Background Writer Stats",
            tags=("performance", "statistics"),
            examples=("Does orders checkpoint too often?",),
        ),
        reads(
            "read_pg_log",
            _log,
            "The last lines of the server's log, where it can be read by SQL.",
            LogArguments,
            title="Read PostgreSQL Log",
            tags=("inspection",),
            examples=("What does the log of orders say?",),
        ),
    ]


def _slow(db: Session, arguments: Limited) -> ToolResult:
    view = statements_view(db)
    if view is None:
        return report(NOT_INSTALLED, installed=False, queries=[])
    try:
        found = db.rows(sql.SQL(_SLOW).format(view), [arguments.limit])
    except errors.ObjectNotInPrerequisiteState:
        return report(NOT_LOADED, installed=False, queries=[])
    found = [{**row, "query": masked(row["query"])} for row in found]
    columns = ("total_ms", "calls", "mean_ms", "max_ms", "rows", "hit_pct", "database", "query")
    return report(
        f"The {counted(len(found), 'statement')} that took most time since the counters began.",
        Table("", found, columns, empty="No statement was counted yet."),
        installed=True,
        queries=found,
    )


def statements_view(db: Session) -> sql.Identifier | None:
    """The view pg_stat_statements of this database, wherever its extension was put."""
    there = db.row(_STATEMENTS)
    return sql.Identifier(there["schema"], "pg_stat_statements") if there else None


def _writers(db: Session, _: TargetArguments) -> ToolResult:
    found = writers(db)
    checkpoints, pace = found["checkpoints"], db.row(_PACE)
    return report(
        f"Checkpoints: {checkpoints['timed']} by time, {checkpoints['requested']} on request.",
        Table("Buffers written", [found["buffers_written"]]),
        _advice(found, pace),
        **found,
        settings=pace,
    )


def writers(db: Session) -> Row:
    """Checkpoints and writers in one shape, whatever the version calls them."""
    background = db.value(_BACKGROUND)
    if db.version < 170000:  # noqa: PLR2004 - 17 gave the checkpointer a view of its own
        checkpointer = {
            "num_timed": background["checkpoints_timed"],
            "num_requested": background["checkpoints_req"],
            "write_time": background["checkpoint_write_time"],
            "sync_time": background["checkpoint_sync_time"],
            "buffers_written": background["buffers_checkpoint"],
            "stats_reset": background["stats_reset"],
        }
        backends = {"buffers_written": background["buffers_backend"]}
        backends["fsyncs"] = background["buffers_backend_fsync"]
    else:
        checkpointer, backends = db.value(_CHECKPOINTER), db.row(_BACKENDS)
    return {
        "checkpoints": {
            "timed": checkpointer["num_timed"],
            "requested": checkpointer["num_requested"],
            "done": checkpointer.get("num_done"),
            "write_ms": round(checkpointer["write_time"]),
            "sync_ms": round(checkpointer["sync_time"]),
        },
        "buffers_written": {
            "checkpointer": checkpointer["buffers_written"],
            "background_writer": background["buffers_clean"],
            "backends": backends["buffers_written"],
        },
        "backend_fsyncs": backends["fsyncs"],
        "buffers_allocated": background["buffers_alloc"],
        "rounds_cut_short": background["maxwritten_clean"],
        "counted_since": checkpointer["stats_reset"],
    }


def _advice(found: Row, pace: Row) -> list[str]:
    """What the figures say by themselves."""
    checkpoints, said = found["checkpoints"], []
    if checkpoints["requested"] > max(checkpoints["timed"], FEW_CHECKPOINTS):
        said.append(
            "Most checkpoints are requested, not timed: WAL fills max_wal_size"
            f" ({pace['max_wal_size']}) before checkpoint_timeout ({pace['checkpoint_timeout']})."
        )
    if found["backend_fsyncs"]:
        said.append("Backends had to fsync by themselves: the checkpointer's queue was full.")
    return said


def _log(db: Session, arguments: LogArguments) -> ToolResult:
    text = _log_text(db)
    if isinstance(text, ToolResult):
        return text
    wanted = arguments.filter.casefold()
    lines = [line for line in text.splitlines() if wanted in line.casefold()]
    last = [one_line(masked(line), LONGEST_LINE) for line in lines[-arguments.lines :]]
    containing = f" that contain {arguments.filter!r}" if wanted else ""
    return report(
        f"The last {counted(len(last), 'line')}{containing}, of the last"
        f" {len(text)} characters of the log.",
        last,
        lines=last,
        count=len(last),
        readable=True,
    )


def log_text(db: Session, most: int = LOG_BYTES) -> str | None:
    """The last `most` bytes of the log; None where this role cannot read it, or there is no file.

    Raises `ToolFailure` where the server names no file.
    """
    text = _log_text(db, most)
    return text if isinstance(text, str) else None


def _log_text(db: Session, most: int = LOG_BYTES) -> str | ToolResult:
    """The end of the log, or why it cannot be had."""
    how = db.row(_LOG_FILE)
    if how["has_tail"]:
        found = db.value(_TAIL, [most])
        return str(found) if found is not None else report(NO_LOG_FILE, readable=False)
    if how["collector"] != "on":
        return report(NO_LOG_FILE, readable=False)
    if not (how["may_name"] and how["may_read"]):
        return report(HOW_TO_READ, readable=False)
    if not db.value(_FILE):
        raise ToolFailure("The server logs to no file that can be read: see log_destination.")
    whole = db.value(_FILE_SIZE)
    content: bytes = db.value(_READ, [max(whole - most, 0), most]) or b""
    return content.decode(errors="replace")
