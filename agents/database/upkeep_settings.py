"""Taking back what somebody set by ALTER SYSTEM."""

from __future__ import annotations

from psycopg import sql
from pydantic import Field

from agents.database.connect import Row, session
from agents.database.targets import Target, TargetArguments, resource_of, target_of
from agents.database.upkeep_kinds import TAGS, outcome
from agents.database.verifying import Finding, Status, verified
from agents.runtime.tool import CallContext, Inspection, Tool, ToolFailure, ToolResult
from aura.kernel.secrets import redact
from governance.types import ActionClass

NAME = "reset_pg_setting"
AUTO = "postgresql.auto.conf"

# `sourcefile` is shown to roles with pg_read_all_settings.
_SETTING = """
SELECT name, setting, coalesce(unit, '') AS unit, context, source, boot_val, pending_restart,
       coalesce(sourcefile LIKE '%%' || %s, false) AS in_auto
FROM pg_settings WHERE lower(name) = lower(%s)
"""


class SettingArguments(TargetArguments):
    name: str = Field(
        min_length=1,
        max_length=63,
        pattern=r"^[A-Za-z_][A-Za-z0-9_.]*$",
        description="Name of the setting, e.g. work_mem",
    )


def tool() -> Tool:
    return Tool(
        name=NAME,
        title="Reset PostgreSQL Setting",
        description=(
            "Takes back what was set by ALTER SYSTEM for one setting and reloads the configuration:"
            " postgresql.conf or the default counts again."
        ),
        action_class=ActionClass.WRITE,
        parameters=SettingArguments,
        run=_run,
        resource=resource_of,
        idempotent=True,
        inspect=_inspect,
        tags=TAGS,
        examples=("Reset work_mem on orders",),
    )


def _setting(target: Target, name: str) -> Row:
    with session(target, NAME) as db:
        found = db.row(_SETTING, [AUTO, name])
    if not found:
        raise ToolFailure(f"There is no setting {name} on {target.label}.")
    if found["context"] == "internal":
        raise ToolFailure(f"{found['name']} cannot be set at all: it was built in.")
    return {**found, "setting": redact(found["setting"] or "")}


def _inspect(arguments: SettingArguments, _: CallContext) -> Inspection:
    target = target_of(arguments)
    now = _setting(target, arguments.name)
    source = f"{now['source']} ({AUTO})" if now["in_auto"] else now["source"]
    lines = [
        f"ALTER SYSTEM RESET {now['name']} on {target.label}, and a reload.",
        f"Now it is {_value(now)}, from {source}; the built-in default is {now['boot_val']}.",
    ]
    if now["context"] == "postmaster":
        lines.append("It takes effect at the next restart of the server, which is not done here.")
    return Inspection(plan="\n".join(lines), preconditions={"value": now["setting"]})


def _run(arguments: SettingArguments, _: CallContext) -> ToolResult:
    target = target_of(arguments)
    before = _setting(target, arguments.name)
    name = sql.Identifier(*str(before["name"]).split("."))
    with session(target, NAME, mode="autocommit") as db:
        db.connection.execute(sql.SQL("ALTER SYSTEM RESET {}").format(name))
        db.execute("SELECT pg_reload_conf()")
    found, retries = verified(lambda: _done(_setting(target, arguments.name)))
    after = _setting(target, arguments.name)
    return outcome(found, retries, name=before["name"], before=_value(before), after=_value(after))


def _done(now: Row) -> Finding:
    if now["pending_restart"]:
        return Finding(
            status=Status.WARNING,
            text=f"{now['name']} is reset in the file; it stays {_value(now)} until the server is"
            " restarted.",
        )
    if now["in_auto"]:
        return Finding(
            status=Status.ESCALATION,
            text=f"{now['name']} is {_value(now)} still, as {AUTO} has it: the server did not take"
            " the reload",
        )
    return Finding(status=Status.OK, text=f"{now['name']} is {_value(now)} now.")


def _value(setting: Row) -> str:
    """As people write it: `4096 kB`."""
    return f"{setting['setting']} {setting['unit']}".strip()
