"""What each part of a statement says about it: the rules that `sqlguard` walks the tree with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from pglast import ast
from pglast.enums import AlterTableType, DropBehavior, ObjectType

from agents.database import sqlparts
from agents.database.sqltree import (
    DESTRUCTIVE,
    PG_CATALOG,
    UNKNOWN,
    WRITE,
    Findings,
    nodes,
    words,
)

SYSTEM_SCHEMAS = frozenset({PG_CATALOG, "information_schema", "pg_toast"})


def meet(node: Any, found: Findings) -> None:
    handler = _HANDLERS.get(type(node))
    if handler is not None:
        handler(node, found)
    elif type(node).__name__.endswith("Stmt"):
        _statement(node, found)
    elif not isinstance(node, NEUTRAL):
        found.unproven.add(words(node))


# --- statements -----------------------------------------------------------------------------------

PLANNED = (ast.SelectStmt, ast.InsertStmt, ast.UpdateStmt, ast.DeleteStmt, ast.MergeStmt)
CHANGES_ROWS = "it changes rows"
MAKES_OBJECTS = "it changes the schema"
WRITE_STATEMENTS = {
    ast.CreateStmt: MAKES_OBJECTS,
    ast.CreateTableAsStmt: MAKES_OBJECTS,
    ast.CreateSchemaStmt: MAKES_OBJECTS,
    ast.CreateSeqStmt: MAKES_OBJECTS,
    ast.CreateEnumStmt: MAKES_OBJECTS,
    ast.CreateStatsStmt: MAKES_OBJECTS,
    ast.AlterEnumStmt: MAKES_OBJECTS,
    ast.AlterSeqStmt: MAKES_OBJECTS,
    ast.CommentStmt: MAKES_OBJECTS,
    ast.RenameStmt: MAKES_OBJECTS,
    ast.ViewStmt: MAKES_OBJECTS,
    ast.RefreshMatViewStmt: CHANGES_ROWS,
}
NO_TRANSACTIONS = "the transaction is begun and ended for you: send the statement alone"
RIGHTS = "rights and roles are given by a person"
CODE = "it brings code that cannot be judged"
REFUSALS = {
    ast.TransactionStmt: NO_TRANSACTIONS,
    ast.VariableSetStmt: "the session's settings and role are not changed by a query",
    ast.DiscardStmt: "the session's settings and role are not changed by a query",
    ast.CopyStmt: "COPY reaches files and programs; use SELECT or INSERT",
    ast.DoStmt: CODE,
    ast.CallStmt: CODE,
    ast.CreateFunctionStmt: CODE,
    ast.CreateTrigStmt: CODE,
    ast.RuleStmt: CODE,
    ast.LoadStmt: CODE,
    ast.CreateExtensionStmt: CODE,
    ast.PrepareStmt: "prepared statements are not kept between calls: send the statement itself",
    ast.ExecuteStmt: "prepared statements are not kept between calls: send the statement itself",
    ast.DeallocateStmt: "prepared statements are not kept between calls",
    ast.AlterSystemStmt: "use reset_pg_setting",
    ast.ClusterStmt: "it locks a whole table for long; a person does that",
    ast.LockStmt: "a lock of one call protects nothing",
    ast.ListenStmt: "nobody would listen after the call",
    ast.GrantStmt: RIGHTS,
    ast.GrantRoleStmt: RIGHTS,
    ast.CreateRoleStmt: RIGHTS,
    ast.AlterRoleStmt: RIGHTS,
    ast.DropRoleStmt: RIGHTS,
    ast.AlterOwnerStmt: RIGHTS,
    ast.AlterDefaultPrivilegesStmt: RIGHTS,
}
MILD_ALTERATIONS = frozenset(
    {
        AlterTableType.AT_AddColumn,
        AlterTableType.AT_AddConstraint,
        AlterTableType.AT_AddIdentity,
        AlterTableType.AT_ColumnDefault,
        AlterTableType.AT_SetNotNull,
        AlterTableType.AT_SetOptions,
        AlterTableType.AT_SetRelOptions,
        AlterTableType.AT_SetStatistics,
        AlterTableType.AT_ValidateConstraint,
    }
)
EMPTIED_BY_DROP = (ObjectType.OBJECT_TABLE, ObjectType.OBJECT_MATVIEW)


def _statement(node: Any, found: Findings) -> None:
    """Statements without a rule of their own, wherever they stand in the tree."""
    if reason := WRITE_STATEMENTS.get(type(node)):
        found.say(WRITE, reason)
    else:
        why = REFUSALS.get(type(node), "it is not among the statements that are run")
        found.say(UNKNOWN, f"{words(node)}: {why}")


def _select(node: Any, found: Findings) -> None:
    if node.intoClause:
        found.say(WRITE, "SELECT INTO makes a table")


def _change(node: Any, found: Findings) -> None:
    found.say(WRITE, CHANGES_ROWS)
    target = node.relation
    if target.schemaname in SYSTEM_SCHEMAS or target.relname.startswith("pg_"):
        found.say(UNKNOWN, f"{target.relname} is PostgreSQL's own: its rows are not changed")


def _change_by_condition(node: Any, found: Findings) -> None:
    _change(node, found)
    if not any(isinstance(part, ast.ColumnRef) for part in nodes(node.whereClause)):
        found.say(DESTRUCTIVE, f"{words(node)} without a condition on a column: every row")
    if isinstance(node.whereClause, ast.CurrentOfExpr):
        found.say(UNKNOWN, "there is no cursor between calls")


def _merge(node: Any, found: Findings) -> None:
    _change(node, found)
    commands = {when.commandType.name for when in node.mergeWhenClauses}
    if "CMD_DELETE" in commands:
        found.say(DESTRUCTIVE, "MERGE deletes rows")


def _drop(node: Any, found: Findings) -> None:
    found.say(DESTRUCTIVE, "DROP removes an object and what is in it")
    _cascade(node, found)
    if node.concurrent:
        found.say(UNKNOWN, f"CONCURRENTLY: {NO_TRANSACTIONS}")


def _truncate(node: Any, found: Findings) -> None:
    found.say(DESTRUCTIVE, "TRUNCATE removes every row")
    _cascade(node, found)


def _cascade(node: Any, found: Findings) -> None:
    """What it takes with it is in no text and in no count."""
    if node.behavior is DropBehavior.DROP_CASCADE:
        found.say(UNKNOWN, "CASCADE takes what is not named: name everything instead")


def _alter_table(node: Any, found: Findings) -> None:
    found.say(WRITE, MAKES_OBJECTS)
    for command in node.cmds:
        _cascade(command, found)
        if command.subtype not in MILD_ALTERATIONS:
            what = command.subtype.name.removeprefix("AT_")
            found.say(DESTRUCTIVE, f"ALTER … {what} may lose data or a protection")


def _index(node: Any, found: Findings) -> None:
    found.say(WRITE, MAKES_OBJECTS)
    if node.concurrent:
        found.say(UNKNOWN, "CONCURRENTLY cannot run in a transaction; a person does that")


def _vacuum(node: Any, found: Findings) -> None:
    if node.is_vacuumcmd:
        found.say(UNKNOWN, "VACUUM: use run_vacuum")
    else:
        found.say(WRITE, "ANALYZE writes statistics")


def _explain_inside(node: Any, found: Findings) -> None:
    found.say(UNKNOWN, f"{words(node)} inside a statement")


def _show(node: Any, found: Findings) -> None:
    """SHOW reads one setting; a connection string of the server's own may hold a password."""
    if "conninfo" in node.name.lower():
        found.say(UNKNOWN, f"{node.name} may hold a password")


_HANDLERS: dict[type, Callable[[Any, Findings], None]] = {
    ast.SelectStmt: _select,
    ast.InsertStmt: _change,
    ast.UpdateStmt: _change_by_condition,
    ast.DeleteStmt: _change_by_condition,
    ast.MergeStmt: _merge,
    ast.DropStmt: _drop,
    ast.TruncateStmt: _truncate,
    ast.AlterTableStmt: _alter_table,
    ast.IndexStmt: _index,
    ast.VacuumStmt: _vacuum,
    ast.ExplainStmt: _explain_inside,
    ast.VariableShowStmt: _show,
    ast.FuncCall: sqlparts.function,
    ast.A_Expr: sqlparts.expression,
    ast.SubLink: sqlparts.sublink,
    ast.SortBy: sqlparts.sort,
    ast.TypeName: sqlparts.type_name,
    ast.RangeTableSample: sqlparts.sample,
    ast.RangeVar: sqlparts.relation,
    ast.ColumnRef: sqlparts.column,
    ast.A_Indirection: sqlparts.indirection,
}
# Parts of a statement that do nothing by themselves. FOR UPDATE is none of them, nor are the
# SQL/JSON and XML constructors: older servers take those for calls of a function of that name.
NEUTRAL = (
    *(ast.A_ArrayExpr, ast.A_Const, ast.A_Indices, ast.A_Star, ast.Alias, ast.BitString),
    *(ast.BoolExpr, ast.Boolean, ast.BooleanTest, ast.CaseExpr, ast.CaseWhen, ast.CoalesceExpr),
    *(ast.CollateClause, ast.ColumnDef, ast.CommonTableExpr, ast.CTECycleClause),
    *(ast.CTESearchClause, ast.CurrentOfExpr, ast.Float, ast.FromExpr, ast.GroupingFunc),
    *(ast.GroupingSet, ast.IndexElem, ast.InferClause, ast.Integer, ast.JoinExpr),
    *(ast.MergeWhenClause, ast.MinMaxExpr, ast.MultiAssignRef, ast.NamedArgExpr, ast.NullTest),
    *(ast.OnConflictClause, ast.ParamRef, ast.RangeFunction, ast.RangeSubselect, ast.ResTarget),
    *(ast.ReturningClause, ast.ReturningOption, ast.RowExpr, ast.SetToDefault),
    *(ast.SQLValueFunction, ast.String, ast.TypeCast, ast.WindowDef, ast.WithClause),
)


def emptied(node: Any) -> Iterator[tuple[str, ...]]:
    """Names of the tables whose rows a TRUNCATE or DROP takes, each as its dotted parts."""
    if isinstance(node, ast.TruncateStmt):
        for relation in node.relations or ():
            yield tuple(filter(None, (relation.schemaname, relation.relname)))
    elif isinstance(node, ast.DropStmt) and node.removeType in EMPTIED_BY_DROP:
        for names in node.objects or ():
            yield tuple(part.sval for part in names)
