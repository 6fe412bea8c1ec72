"""Dropping a replication slot that nobody uses and that keeps WAL on the disk."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from agents.database.connect import Row, session
from agents.database.report import size
from agents.database.targets import Target, TargetArguments, resource_of, target_of
from agents.database.upkeep_kinds import TAGS, outcome
from agents.database.verifying import Finding, Status, verified
from agents.runtime.tool import CallContext, Inspection, Tool, ToolFailure, ToolResult
from governance.types import ActionClass

NAME = "drop_replication_slot"

# Its position stands still while nobody uses it: another slot of the same name has another one.
_SLOT = """
SELECT slot_name::text AS name, slot_type, database, active, active_pid, temporary, wal_status,
       restart_lsn::text AS position,
       pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()
                            ELSE pg_current_wal_lsn() END, restart_lsn)::float8 AS kept_bytes
FROM pg_replication_slots WHERE slot_name = %s
"""
_DROP = """
SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots
WHERE slot_name = %s AND NOT active AND restart_lsn::text IS NOT DISTINCT FROM %s
"""


class SlotArguments(TargetArguments):
    slot_name: str = Field(
        min_length=1,
        max_length=63,
        pattern=r"^[a-z0-9_]+$",
        description="Name of the slot, as get_replication_status lists it",
    )


def tool() -> Tool:
    return Tool(
        name=NAME,
        title="Drop Replication Slot",
        description=(
            "Drops a replication slot that is not in use, which lets the server remove the WAL it"
            " kept. A standby that still needs it must be built anew."
        ),
        action_class=ActionClass.DESTRUCTIVE,
        parameters=SlotArguments,
        run=_run,
        resource=resource_of,
        inspect=_inspect,
        probe=_probe,
        tags=TAGS,
        examples=("Drop the unused slot standby_2 on orders",),
    )


def _find(target: Target, name: str) -> Row:
    """The slot; an empty row when there is none."""
    with session(target, NAME) as db:
        return db.row(_SLOT, [name])


def _unused(target: Target, name: str) -> Row:
    slot = _find(target, name)
    if not slot:
        raise ToolFailure(f"There is no replication slot {name} on {target.label}.")
    if slot["active"]:
        raise ToolFailure(
            f"Slot {name} is in use by process {slot['active_pid']}: it is not dropped. Stop what"
            " uses it first."
        )
    if slot["temporary"]:
        raise ToolFailure(f"Slot {name} is temporary: it goes with its session.")
    return slot


def _identity(slot: Row) -> dict[str, Any]:
    return {key: slot[key] for key in ("slot_type", "database", "position")}


def _inspect(arguments: SlotArguments, _: CallContext) -> Inspection:
    target = target_of(arguments)
    slot = _unused(target, arguments.slot_name)
    kept = size(slot["kept_bytes"]) if slot["kept_bytes"] is not None else "no"
    return Inspection(
        plan=(
            f"The {slot['slot_type']} replication slot {slot['name']} on {target.label} would be"
            f" dropped. Nobody uses it; it keeps {kept} of WAL ({slot['wal_status'] or '-'})."
            " A standby or subscriber that still needs it must be built anew."
        ),
        preconditions=_identity(slot),
    )


def _run(arguments: SlotArguments, context: CallContext) -> ToolResult:
    target = target_of(arguments)
    slot = _unused(target, arguments.slot_name)
    if context.preconditions and dict(context.preconditions) != _identity(slot):
        raise ToolFailure(
            f"Slot {slot['name']} is not as it was when it was looked at: somebody uses it, or made"
            " it anew. Nothing was done."
        )
    with session(target, NAME, mode="autocommit") as db:
        db.execute(_DROP, [slot["name"], slot["position"]])
    found, retries = verified(lambda: _dropped(_find(target, slot["name"]), slot["name"]))
    return outcome(found, retries, slot_name=slot["name"], freed_bytes=slot["kept_bytes"])


def _dropped(slot: Row, name: str) -> Finding:
    if slot:
        return Finding(status=Status.ESCALATION, text=f"slot {name} is still there")
    return Finding(status=Status.OK, text=f"Replication slot {name} is gone.")


def _probe(arguments: SlotArguments, context: CallContext) -> ToolResult | None:
    slot = _find(target_of(arguments), arguments.slot_name)
    if slot and dict(context.preconditions) == _identity(slot):
        return None
    if slot:
        raise ToolFailure(f"there is a slot {arguments.slot_name}, and it is not known which")
    return outcome(_dropped({}, arguments.slot_name), 0, slot_name=arguments.slot_name)
