"""How rules say what they found: objects, findings and remedies of one snapshot."""

from __future__ import annotations

from typing import Any, TypeAlias

from agents.database.triage.facts import Fact, Setting
from agents.database.triage.snapshot import Snapshot
from agents.triage.findings import Evidence, Finding, Remedy, RemedyKind, Severity

Proof: TypeAlias = Fact | Setting | Evidence | None
INFO, WARNING, CRITICAL = Severity.INFO, Severity.WARNING, Severity.CRITICAL


def thing(snapshot: Snapshot, kind: str = "", name: object = "") -> str:
    """The name of an object: the database itself, or something of it."""
    return f"database/{snapshot.target}/{kind}/{name}" if kind else f"database/{snapshot.target}"


def session(snapshot: Snapshot, pid: int) -> str:
    return thing(snapshot, "session", pid)


def relation(snapshot: Snapshot, row: Fact) -> str:
    return thing(snapshot, "relation", full_name(row))


def full_name(row: Fact) -> str:
    """`schema.table` of a row of a statistics view."""
    return ".".join(filter(None, (row.text("schemaname"), row.text("relname"))))


def quoted(name: str) -> str:
    """An identifier as SQL takes it whatever is in it."""
    return ".".join('"' + part.replace('"', '""') + '"' for part in name.split("."))


def literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def found(
    cause: str,
    where: str,
    severity: Severity,
    confidence: float,
    summary: str,
    *proof: Proof,
    **more: Any,
) -> Finding:
    """A finding; `proof`: rows, settings and lines. Those that are None or empty are left out."""
    lines = (it if isinstance(it, Evidence) else it.evidence for it in proof if it is not None)
    return Finding(
        cause=cause,
        object=where,
        severity=severity,
        confidence=confidence,
        summary=summary,
        evidence=tuple(it for it in lines if it.line),
        **more,
    )


def call(snapshot: Snapshot, text: str, tool: str, **arguments: Any) -> Remedy:
    """A remedy that is a call of one of our tools on this database."""
    return Remedy(
        kind=RemedyKind.TOOL,
        text=text,
        tool=tool,
        arguments={"connection_string": snapshot.target, **arguments},
    )


def by_hand(text: str) -> Remedy:
    return Remedy(kind=RemedyKind.MANUAL, text=text)


def setting_remedy(snapshot: Snapshot, setting: Setting, value: str) -> Remedy:
    """Take back what ALTER SYSTEM set; else say what to set."""
    if setting.by_alter_system:
        text = f"Take back ALTER SYSTEM SET {setting.name} and reload."
        return call(snapshot, text, "reset_pg_setting", name=setting.name)
    return by_hand(f"ALTER SYSTEM SET {setting.name} = {value}; SELECT pg_reload_conf();")
