"""Looks at the server's configuration."""

from __future__ import annotations

from pydantic import Field

from agents.database.connect import Row, Session
from agents.database.reading import MOST_ROWS, reads
from agents.database.report import Table, counted, report
from agents.database.targets import TargetArguments
from agents.runtime.tool import Tool, ToolResult

IMPORTANT = (
    "max_connections",
    "shared_buffers",
    "effective_cache_size",
    "work_mem",
    "maintenance_work_mem",
    "wal_level",
    "max_wal_size",
    "checkpoint_timeout",
    "checkpoint_completion_target",
    "random_page_cost",
    "autovacuum",
    "max_worker_processes",
    "max_parallel_workers_per_gather",
    "statement_timeout",
    "log_min_duration_statement",
)
MOST_SETTINGS = 400

_COLUMNS = """
SELECT name, CASE WHEN source = 'session' THEN reset_val ELSE setting END AS setting, unit,
       category, short_desc AS description, context, vartype AS type,
       boot_val AS default_setting, source, sourcefile AS file, sourceline AS line, pending_restart
FROM pg_settings
"""
_BY_NAME = _COLUMNS + "WHERE name = ANY(%s) ORDER BY array_position(%s, name)"
# Compared as plain text: in a search for `log_` the underscore means itself.
_BY_PART = _COLUMNS + "WHERE strpos(name, lower(%s)) > 0 ORDER BY name LIMIT %s"
_CHANGED = (
    _COLUMNS
    + """
WHERE (strpos(lower(category), lower(%s)) > 0 OR strpos(name, lower(%s)) > 0)
  AND (%s OR pending_restart OR source NOT IN ('default', 'override', 'client', 'session')
       AND setting IS DISTINCT FROM boot_val)
ORDER BY category, name LIMIT %s
"""
)
_CATEGORIES = "SELECT DISTINCT category FROM pg_settings ORDER BY 1"
OURS = "default_transaction_read_only"
SHOWN = ("name", "setting", "unit", "description")


class ParameterArguments(TargetArguments):
    parameter_name: str = Field(
        default="",
        max_length=100,
        description="Part of the names wanted, e.g. `wal`; empty: the 15 that matter most",
    )


class SettingsArguments(TargetArguments):
    category: str = Field(
        default="",
        max_length=100,
        description="Part of a category or name, e.g. `vacuum`; empty: all",
    )
    show_all: bool = Field(
        default=False, description="Also settings that have their default, up to 400"
    )


def tools() -> list[Tool]:
    return [
        reads(
            "get_config_parameter",
            _parameters,
            "Settings whose name contains a text, with unit and description.",
            ParameterArguments,
            tags=("configuration",),
            examples=("What is work_mem on orders?",),
        ),
        reads(
            "get_pg_settings",
            _settings,
            "Settings that differ from their default, where they were set, and what waits for a"
            " restart; all of a category with show_all.",
            SettingsArguments,
            title="Get PostgreSQL Settings",
            tags=("configuration",),
            examples=("Which settings of orders were changed?",),
        ),
    ]


def _parameters(db: Session, arguments: ParameterArguments) -> ToolResult:
    wanted = arguments.parameter_name.strip()
    if wanted:
        found = db.rows(_BY_PART, [wanted, MOST_ROWS])
    else:
        found = db.rows(_BY_NAME, [list(IMPORTANT), list(IMPORTANT)])
    ours = any(row["name"] == OURS and row["source"] == "client" for row in found)
    return report(
        Table("", found, SHOWN, empty=f"No setting has {wanted!r} in its name."),
        _restart(found),
        f"{OURS} is that of Aura's own session, which only reads." if ours else "",
        parameters=found,
        count=len(found),
    )


def _settings(db: Session, arguments: SettingsArguments) -> ToolResult:
    category = arguments.category.strip()
    found = db.rows(_CHANGED, [category, category, arguments.show_all, MOST_SETTINGS])
    what = "setting" if arguments.show_all else "setting differs from its default"
    many = "settings" if arguments.show_all else "settings differ from their defaults"
    of = f" with {category!r} in category or name" if category else ""
    return report(
        f"{counted(len(found), what, many)}{of}.",
        Table("", found, ("name", "setting", "unit", "default_setting", "source", "category")),
        _restart(found),
        _known_categories(db) if category and not found and arguments.show_all else "",
        settings=found,
        count=len(found),
    )


def _known_categories(db: Session) -> str:
    return f"Categories are: {'; '.join(row['category'] for row in db.rows(_CATEGORIES))}."


def _restart(found: list[Row]) -> str:
    waiting = [row["name"] for row in found if row["pending_restart"]]
    return (
        f"Changed in the file, and in force after a restart: {', '.join(waiting)}."
        if waiting
        else ""
    )
