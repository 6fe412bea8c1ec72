"""Tools for SQL of the caller's own: run one statement, or see how PostgreSQL would run it."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

from pydantic import AliasChoices, Field

from agents.database.connect import Session, session
from agents.database.effects import changed, commit, estimate, held
from agents.database.report import Table, counted, masked, report
from agents.database.shadows import shadows
from agents.database.statement import Answer, Value, change, look
from agents.database.targets import Target, TargetArguments, resource_of, target_of
from agents.database.verdict import Verdict
from agents.runtime.tool import CallContext, Inspection, Tool, ToolFailure, ToolResult
from governance.types import ActionClass, Impact

LONGEST = 20_000  # characters of a query
CHANGES = frozenset({"INSERT", "UPDATE", "DELETE", "MERGE"})


Param: TypeAlias = Annotated[str, Field(max_length=10_000)] | int | float | bool | None


class SqlArguments(TargetArguments):
    query: str = Field(
        min_length=1,
        max_length=LONGEST,
        validation_alias=AliasChoices("query", "sql"),
        description="One SQL statement. Values may stand as $1, $2 … and be given in params.",
    )
    params: tuple[Param, ...] = Field(
        default=(), max_length=100, description="Values for $1, $2 … of the query, in order"
    )


class QueryArguments(SqlArguments):
    max_rows: int = Field(
        default=100, ge=1, le=1000, description="How many rows of the result at most"
    )


class ExplainArguments(SqlArguments):
    allow_dml: bool = Field(
        default=False,
        description="Also plan INSERT, UPDATE, DELETE and MERGE; they are never run for it",
    )
    analyze: bool = Field(
        default=False,
        description="Run the statement and measure it; only for what is proven to only read",
    )


def sql_tools() -> list[Tool]:
    return [
        Tool(
            name="run_query",
            title="Run Query",
            description=(
                "Runs one SQL statement. What is proven to only read runs in a READ ONLY"
                " transaction; anything else is a change: its rows are counted before it is"
                " committed, and it is rolled back when they are more than may be."
            ),
            action_class=_query_class,
            parameters=QueryArguments,
            run=_run_query,
            resource=resource_of,
            check=_check_query,
            inspect=_inspect_query,
            tags=("postgresql", "sql", "query"),
            examples=("How many orders were placed today? SELECT count(*) FROM orders …",),
        ),
        Tool(
            name="explain_query",
            title="Explain Query",
            description="How PostgreSQL would run a statement: its plan, costs and expected rows.",
            action_class=ActionClass.READ,
            parameters=ExplainArguments,
            run=_explain,
            resource=resource_of,
            idempotent=True,
            check=_check_explain,
            tags=("postgresql", "sql", "performance"),
            examples=("Why is this query slow? SELECT …",),
        ),
    ]


# --- run_query ------------------------------------------------------------------------------------


def _query_class(arguments: QueryArguments) -> ActionClass:
    return _judged(arguments.query).action_class


def _check_query(arguments: QueryArguments) -> None:
    verdict = _judged(arguments.query)
    if verdict.action_class is ActionClass.UNKNOWN:
        raise ToolFailure(f"This is not run: {verdict.why}.")
    if verdict.verb == "EXPLAIN" and verdict.action_class is not ActionClass.READ:
        raise ToolFailure(
            f"EXPLAIN ANALYZE would do it ({verdict.why}): leave ANALYZE out, or use explain_query."
        )


def _run_query(arguments: QueryArguments, context: CallContext) -> ToolResult:
    _check_query(arguments)
    target, verdict = target_of(arguments), _judged(arguments.query)
    if verdict.action_class is ActionClass.READ:
        return _looked(target, arguments)
    with session(target, "run_query", mode="write", reuse=False) as db:
        before = changed(db)
        lost = sum(held(db, relation) for relation in verdict.relations)
        answer = change(
            db,
            arguments.query,
            arguments.params,
            most=arguments.max_rows,
            returns=verdict.returns,
        )
        db.execute("SET CONSTRAINTS ALL IMMEDIATE")  # deferred triggers change rows too
        written = answer.changed if verdict.verb in CHANGES else 0
        rows = max(changed(db) - before, written, lost)
        context.permits(Impact(rows=rows))
        commit(db, target, "run_query")
    return report(
        f"{verdict.verb}: {counted(rows, 'row')} changed, committed.",
        *_shown(answer),
        **_plain(answer),
        rows_affected=rows,
        committed=True,
    )


def _looked(target: Target, arguments: QueryArguments) -> ToolResult:
    with session(target, "run_query", reuse=False) as db:
        _refuse_shadows(db, arguments.query)
        answer = look(db, arguments.query, arguments.params, most=arguments.max_rows)
        more = " (the first, there are more)" if answer.more else ""
        return report(
            f"{counted(len(answer.rows), 'row')}{more}.", *_shown(answer), **_plain(answer)
        )


def _inspect_query(arguments: QueryArguments, _: CallContext) -> Inspection:
    """What the change would touch, in a READ ONLY transaction of the role that would make it."""
    target, verdict = target_of(arguments), _judged(arguments.query)
    with session(target, "run_query", mode="write", reuse=False) as db:
        db.execute("SET TRANSACTION READ ONLY")
        rows, plan = _foreseen(db, arguments)
    why = f" ({verdict.why})" if verdict.why else ""
    expected = "" if rows is None else f"Rows it is expected to change: about {rows}.\n"
    text = (
        f"{verdict.verb} on {target.label}{why}\n\n{masked(arguments.query)}\n\n{expected}{plan}\n"
        "Its rows are counted before it is committed; a limit that they pass rolls it back."
    )
    return Inspection(impact=Impact(rows=rows), plan=text)


def _foreseen(db: Session, arguments: QueryArguments) -> tuple[int | None, str]:
    verdict = _judged(arguments.query)
    if verdict.relations:
        return sum(held(db, relation) for relation in verdict.relations), ""
    if not verdict.plannable:
        return None, "PostgreSQL cannot say beforehand what it touches.\n"
    if found := shadows(db, verdict.names):
        return None, f"It is not planned, for it may call {', '.join(found)}.\n"
    rows, plan = estimate(db, arguments.query, arguments.params)
    return rows, f"{masked(plan)}\n"


# --- explain_query --------------------------------------------------------------------------------


def _check_explain(arguments: ExplainArguments) -> None:
    verdict = _judged(arguments.query)
    if verdict.action_class is ActionClass.UNKNOWN:
        raise ToolFailure(f"This is not planned: {verdict.why}.")
    if verdict.verb in {"EXPLAIN", "VARIABLE SHOW"}:
        raise ToolFailure("Give the statement itself, without EXPLAIN.")
    if verdict.action_class is ActionClass.READ:
        return
    if arguments.analyze:
        raise ToolFailure(
            f"It is not run to be measured, for it is not proven to only read: {verdict.why}."
            " Leave analyze out."
        )
    if not verdict.plannable:
        raise ToolFailure(f"It is not planned, for the planner may run a part: {verdict.why}.")
    if not arguments.allow_dml:
        raise ToolFailure(f"{verdict.why}: to have it planned, and not run, set allow_dml.")


def _explain(arguments: ExplainArguments, _: CallContext) -> ToolResult:
    _check_explain(arguments)
    target = target_of(arguments)
    options = "ANALYZE, BUFFERS" if arguments.analyze else "COSTS"
    with session(target, "explain_query", reuse=False) as db:
        _refuse_shadows(db, arguments.query)
        statement = f"EXPLAIN ({options}) {arguments.query}"
        lines = look(db, statement, arguments.params, most=1000).rows
        plan = masked("\n".join(str(line) for [line] in lines))
        return report(
            f"Plan on {target.label}{', as it ran' if arguments.analyze else ', not run'}:",
            plan,
            plan=plan,
            analyzed=arguments.analyze,
        )


# --- both -----------------------------------------------------------------------------------------


def _judged(query: str) -> Verdict:
    from agents.database.sqlguard import judge  # noqa: PLC0415 - the web process needs no parser

    return judge(query)


def _refuse_shadows(db: Session, query: str) -> None:
    if found := shadows(db, _judged(query).names):
        raise ToolFailure(
            f"It is not proven to only read, for it may call {', '.join(found)}. Name PostgreSQL's"
            " own by their schema: pg_catalog.lower(x), a OPERATOR(pg_catalog.=) b."
        )


def _shown(answer: Answer) -> list[Table]:
    if not answer.columns:
        return []
    return [Table("", _dicts(answer), answer.columns, empty="No rows.")]


def _dicts(answer: Answer) -> list[dict[str, Value]]:
    return [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]


def _plain(answer: Answer) -> dict[str, Any]:
    """Rows are lists in the order of `columns`: two columns may have the same name."""
    return {
        "columns": list(answer.columns),
        "rows": [list(row) for row in answer.rows],
        "row_count": len(answer.rows),
        "truncated": answer.more,
    }
