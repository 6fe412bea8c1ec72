"""VACUUM of one table, without FULL: readers and writers go on meanwhile."""

from __future__ import annotations

from psycopg import sql
from pydantic import Field

from agents.database.connect import Limits, Row, session
from agents.database.failures import told
from agents.database.report import counted, size
from agents.database.targets import Target, TargetArguments, resource_of, target_of
from agents.database.upkeep_kinds import TAGS, outcome
from agents.database.verifying import Finding, Status, verified
from agents.runtime.tool import CallContext, Inspection, NeedsPerson, Tool, ToolFailure, ToolResult
from governance.types import ActionClass

NAME = "run_vacuum"
LIMITS = Limits(statement_s=540.0, session_s=570.0)  # a large table takes its time
KINDS = frozenset("rmp")  # tables, materialized views, partitioned tables
STUCK_ROWS = 1000  # dead rows that stayed are worth a warning from here on

_TABLE = """
SELECT n.nspname AS schema, c.relname AS name, c.relkind::text AS kind,
       pg_total_relation_size(c.oid) AS bytes, coalesce(s.n_live_tup, 0) AS live,
       coalesce(s.n_dead_tup, 0) AS dead, coalesce(s.vacuum_count, 0) AS vacuums,
       coalesce(s.analyze_count, 0) AS analyzes
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_stat_all_tables s ON s.relid = c.oid
WHERE c.oid = to_regclass(%s)
"""


class VacuumArguments(TargetArguments):
    table: str = Field(
        min_length=1,
        max_length=200,
        description="Table, as schema.table or table; in double quotes where its name needs them",
    )
    analyze: bool = Field(default=True, description="Also renew the planner's statistics of it")


def tool() -> Tool:
    return Tool(
        name=NAME,
        title="Run Vacuum",
        description="Vacuums one table, which makes room of its dead rows; never VACUUM FULL.",
        action_class=ActionClass.WRITE,
        parameters=VacuumArguments,
        run=_run,
        resource=resource_of,
        idempotent=True,
        inspect=_inspect,
        tags=TAGS,
        examples=("Vacuum public.events on orders",),
    )


def _table(target: Target, arguments: VacuumArguments) -> Row:
    with session(target, NAME, reuse=False) as db:  # the name is looked up as its users do
        found = db.row(_TABLE, [arguments.table])
    if not found:
        raise ToolFailure(f"There is no table {arguments.table} on {target.label}.")
    if found["kind"] not in KINDS:
        raise ToolFailure(f"{arguments.table} is no table, so there is nothing to vacuum.")
    return found


def _inspect(arguments: VacuumArguments, _: CallContext) -> Inspection:
    target = target_of(arguments)
    table = _table(target, arguments)
    what = "VACUUM and ANALYZE" if arguments.analyze else "VACUUM"
    return Inspection(
        plan=(
            f"{what} of {table['schema']}.{table['name']} on {target.label}:"
            f" {size(table['bytes'])}, about {counted(table['live'], 'row')} and"
            f" {counted(table['dead'], 'dead row')}. Readers and writers go on meanwhile."
        )
    )


def _run(arguments: VacuumArguments, _: CallContext) -> ToolResult:
    target = target_of(arguments)
    before = _table(target, arguments)
    name = sql.Identifier(before["schema"], before["name"])
    options = sql.SQL("VACUUM (ANALYZE) {}" if arguments.analyze else "VACUUM {}")
    with session(target, NAME, mode="autocommit", limits=LIMITS) as db:
        db.connection.execute(options.format(name))
        remarks = db.notices()
    skipped = [remark for remark in remarks if "skipping" in remark]
    if skipped:  # the server says so in a warning only, and reports success
        plain = "VACUUM was skipped: the role that Aura makes repairs with may not vacuum it."
        raise NeedsPerson(told(NAME, target.label, plain, "; ".join(skipped)))
    found, retries = verified(lambda: _done(before, _table(target, arguments)))
    after = _table(target, arguments)
    return outcome(
        found,
        retries,
        table=f"{before['schema']}.{before['name']}",
        analyzed=arguments.analyze,
        dead_before=before["dead"],
        dead_after=after["dead"],
        bytes_before=before["bytes"],
        bytes_after=after["bytes"],
        remarks=remarks,
    )


def _done(before: Row, now: Row) -> Finding:
    name = f"{now['schema']}.{now['name']}"
    if now["vacuums"] == before["vacuums"] and now["kind"] != "p":
        return Finding(status=Status.ESCALATION, text=f"no vacuum of {name} is on record")
    if now["dead"] >= STUCK_ROWS and now["dead"] * 2 > before["dead"]:
        return Finding(
            status=Status.WARNING,
            final=True,
            text=f"{name} was vacuumed, yet {now['dead']} of its {before['dead']} dead rows stayed:"
            " a long transaction, a prepared one or a replication slot holds them.",
        )
    return Finding(
        status=Status.OK,
        text=f"{name} was vacuumed: {before['dead']} dead rows, now {now['dead']}.",
    )
