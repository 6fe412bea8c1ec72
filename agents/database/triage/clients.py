"""Sessions of clients: which they are, and how many each client has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from agents.database.triage.facts import Fact

GROUPED = ("datname", "usename", "application_name", "client_addr")
SESSIONS = "sessions"  # of pg_stat_activity, counted by client


def is_client(row: Fact) -> bool:
    kind = row.text("backend_type")
    return kind == "client backend" if kind else bool(row.text("datname"))


def idle_in_transaction(row: Fact) -> bool:
    return row.text("state").startswith("idle in transaction")


def who(row: Fact) -> str:
    """`user app of application from 10.0.0.1`."""
    parts = [row.text("usename") or "unknown user"]
    if application := row.text("application_name"):
        parts.append(f"with {application}")
    if client := row.text("client_addr"):
        parts.append(f"from {client}")
    return " ".join(parts)


def grouped(rows: Iterable[Fact]) -> list[dict[str, object]]:
    """Rows of the view `sessions`, the largest group first."""
    counts: dict[tuple[str, ...], Counter[str]] = {}
    for row in rows:
        if is_client(row):
            state = "idle in transaction" if idle_in_transaction(row) else row.text("state")
            key = tuple(row.text(name) for name in GROUPED)
            counts.setdefault(key, Counter())[state or "unknown"] += 1
    ordered = sorted(counts.items(), key=lambda item: (-item[1].total(), item[0]))
    return [
        {"sessions": states.total(), **dict(zip(GROUPED, key, strict=True)), **states}
        for key, states in ordered
    ]
