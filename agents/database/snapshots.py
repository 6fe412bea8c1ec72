"""What a database is like now, kept to compare later looks with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from agents.database.connect import Session, session
from agents.database.reading import TAG, Limited
from agents.database.reads_summary import figures
from agents.database.report import Table, counted, plain, report, size
from agents.database.targets import Target, TargetArguments, resource_of, target_of
from agents.models import DatabaseSnapshot
from agents.runtime.tool import CallContext, Tool, ToolResult
from aura.kernel.secrets import redact_value
from governance.types import ActionClass

KEPT = 100  # snapshots of one database; older ones are removed
MOST_TABLES = 50
COMPARED = (
    "version",
    "role",
    "connections",
    "idle_in_transaction",
    "blocked",
    "cache_hit_pct",
    "deadlocks",
    "temp_bytes",
    "xid_age",
    "database_bytes",
    "replicas",
    "max_lag_bytes",
)

_SETTINGS = """
SELECT name, setting FROM pg_settings
WHERE source NOT IN ('default', 'override', 'client', 'session')
  AND setting IS DISTINCT FROM boot_val
"""
_EXTENSIONS = "SELECT extname AS name, extversion AS version FROM pg_extension"
# relpages and reltuples are estimates that need no lock on the tables.
_TABLES = """
SELECT n.nspname || '.' || c.relname AS name,
       c.relpages::int8 * current_setting('block_size')::int8 AS bytes,
       coalesce(s.n_live_tup, 0) AS live_rows, coalesce(s.n_dead_tup, 0) AS dead_rows
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_stat_user_tables s ON s.relid = c.oid
WHERE c.relkind IN ('r', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
  AND n.nspname !~ '^pg_(toast|temp)'
ORDER BY c.relpages DESC, 1 LIMIT %s
"""


class BaselineArguments(TargetArguments):
    save: bool = Field(
        default=False,
        description="Keep what is found as the new baseline; the first one is kept anyway",
    )


def tools() -> list[Tool]:
    """They also ask Aura's own database, so they are not of the kind that `reads` makes."""
    return [
        _tool(
            "get_baseline",
            _baseline,
            BaselineArguments,
            "Figures, changed settings, extensions and table sizes, compared with the baseline that"
            " was saved before. Changes nothing in the database.",
            ("What has changed on orders since the baseline?",),
        ),
        _tool(
            "get_saved_snapshots",
            _saved,
            Limited,
            "Baselines saved before, newest first. Does not connect to the database.",
            (),
        ),
    ]


def _tool(
    name: str, run: Any, parameters: type[TargetArguments], description: str, examples: Any
) -> Tool:
    return Tool(
        name=name,
        title=name.replace("_", " ").title(),
        description=description,
        action_class=ActionClass.READ,
        parameters=parameters,
        run=run,
        resource=resource_of,
        idempotent=True,
        tags=(TAG, "statistics"),
        examples=examples,
    )


def _baseline(arguments: BaselineArguments, context: CallContext) -> ToolResult:
    target = target_of(arguments)
    with session(target, "get_baseline") as db:
        now = redact_value(plain(_taken(db)))
    before = DatabaseSnapshot.objects.filter(target=_name(target)).first()
    kept = _keep(target, now, context) if arguments.save or before is None else None
    if before is None:
        return report(
            f"This is the first baseline of {target.label}: {_told(now)}",
            baseline=now,
            compared_with=None,
            differences=[],
        )
    found = differences(before.figures, now)
    return report(
        f"Compared with the baseline of {before.taken_at:%Y-%m-%d %H:%M} UTC:",
        Table("", found, empty="Nothing of what is compared has changed."),
        "Saved as the new baseline." if kept else "",
        baseline=now,
        compared_with=before.taken_at,
        differences=found,
    )


def _saved(arguments: Limited, _: CallContext) -> ToolResult:
    target = target_of(arguments)
    rows = DatabaseSnapshot.objects.filter(target=_name(target))[: arguments.limit]
    found = [
        {
            "taken_at": row.taken_at,
            "taken_by": row.taken_by,
            "version": row.figures.get("figures", {}).get("version"),
            "database_bytes": row.figures.get("figures", {}).get("database_bytes"),
            "connections": row.figures.get("figures", {}).get("connections"),
            "figures": row.figures,
        }
        for row in rows
    ]
    columns = ("taken_at", "taken_by", "version", "size", "connections")
    shown = [{**row, "size": size(row["database_bytes"])} for row in found]
    nothing = f"No baseline of {target.label} was saved yet; get_baseline saves the first."
    return report(Table("", shown, columns, empty=nothing), snapshots=found, count=len(found))


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What has changed between two snapshots: rows of what, name, before, now."""
    figures_ = [
        _difference("figure", name, before["figures"].get(name), now["figures"].get(name))
        for name in COMPARED
    ]
    named = [
        _difference(kind, name, before[part].get(name), now[part].get(name))
        for kind, part in (("setting", "settings"), ("extension", "extensions"))
        for name in sorted({*before[part], *now[part]})
    ]
    tables = [
        _difference(
            "table bytes", name, *(it["tables"].get(name, {}).get("bytes") for it in (before, now))
        )
        for name in sorted({*before["tables"], *now["tables"]})
    ]
    return [row for row in (*figures_, *named, *tables) if row["before"] != row["now"]]


def _difference(what: str, name: str, before: Any, now: Any) -> dict[str, Any]:
    return {"what": what, "name": name, "before": before, "now": now}


def _taken(db: Session) -> dict[str, Any]:
    return {
        "figures": figures(db),
        "settings": {row["name"]: row["setting"] for row in db.rows(_SETTINGS)},
        "extensions": {row["name"]: row["version"] for row in db.rows(_EXTENSIONS)},
        "tables": {row.pop("name"): row for row in db.rows(_TABLES, [MOST_TABLES])},
    }


def _keep(target: Target, now: dict[str, Any], context: CallContext) -> DatabaseSnapshot:
    mine = DatabaseSnapshot.objects.filter(target=_name(target))
    kept = DatabaseSnapshot.objects.create(
        target=_name(target), taken_by=context.principal.name[:150], figures=now
    )
    mine.filter(pk__lte=kept.pk).exclude(
        pk__in=list(mine.values_list("pk", flat=True)[:KEPT])
    ).delete()
    return kept


def _name(target: Target) -> str:
    return (target.id or target.label)[:200]


def _told(now: Mapping[str, Any]) -> str:
    tables = counted(len(now["tables"]), "table")
    settings = counted(len(now["settings"]), "changed setting")
    bytes_ = size(now["figures"]["database_bytes"])
    return f"{bytes_}, {tables}, {settings}. Later calls are compared with it."
