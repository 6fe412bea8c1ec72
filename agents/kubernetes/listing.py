"""Answers that are lists: a table to read and the same rows as data, both of them bounded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from agents.kubernetes.client import Cluster, Listed
from agents.kubernetes.failures import ClusterError
from agents.kubernetes.kinds import NAMESPACE, Kind, Object
from agents.kubernetes.words import MOST_ROWS, table
from agents.runtime.tool import ToolResult

Row = dict[str, Any]


def answer(
    key: str,
    found: Listed,
    row: Callable[[Object], Row],
    *,
    columns: Mapping[str, Callable[[Row], object] | str],
    empty: str,
    troubled: Callable[[Object], bool] | None = None,
) -> ToolResult:
    """The answer of a tool that lists `key`.

    `columns`: header -> key of a row, or what is computed from it. `troubled` objects come first
    where not all can be shown.
    """
    items = found.items
    bad = [item for item in items if troubled(item)] if troubled else []
    cut = len(items) > MOST_ROWS
    if cut and bad:
        marked = {id(item) for item in bad}
        items = [*bad, *(item for item in items if id(item) not in marked)]
    rows = [row(item) for item in items[:MOST_ROWS]]
    message = _message(key, found, empty, bad_first=bool(bad) and cut)
    data: dict[str, Any] = {key: rows, "count": len(found.items)}
    if message:
        data["message"] = message
    shown = table(list(columns), ([_value(it, how) for how in columns.values()] for it in rows))
    trouble = f"{len(bad)} of {len(found.items)} not healthy" if bad else ""
    text = [shown if rows else "", trouble, message]
    return ToolResult(content="\n".join(filter(None, text)), data=data)


def _value(row: Row, how: Callable[[Row], object] | str) -> object:
    return row.get(how) if isinstance(how, str) else how(row)


def _message(key: str, found: Listed, empty: str, *, bad_first: bool) -> str:
    total = len(found.items)
    if not total:
        return empty
    if total <= MOST_ROWS and not found.more:
        return ""
    of = f"more than {total}" if found.more else str(total)
    order = ", those in trouble first" if bad_first else ""
    return f"{min(total, MOST_ROWS)} of {of} {key} shown{order}; ask more narrowly for others."


def by_columns(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A bounded table that is not the whole answer."""
    every = list(rows)
    more = f"\n… and {len(every) - MOST_ROWS} more" if len(every) > MOST_ROWS else ""
    return table(headers, every[:MOST_ROWS]) + more


def nothing(cluster: Cluster, kind: Kind, namespace: str, *, hint: str = "") -> str:
    """Why a list is empty: also that its namespace is not there, where that can be seen."""
    plural = kind.plural
    if not namespace:
        return f"No {plural} found in the cluster.{hint}"
    try:
        if cluster.find(NAMESPACE, namespace) is None:
            return f"No {plural} found: there is no namespace {namespace!r} in {cluster.context}."
    except ClusterError:
        pass  # may not be looked at
    return f"No {plural} found in namespace {namespace}.{hint}"


def one_or_all(cluster: Cluster, kind: Kind, namespace: str, name: str, labels: str = "") -> Listed:
    """The object of a name, or every one; an object that is not there is none."""
    if not name:
        return cluster.list(kind, namespace, labels=labels)
    if not namespace:
        return cluster.list(kind, fields=f"metadata.name={name}")
    found = cluster.find(kind, name, namespace)
    return Listed(items=[found] if found else [])
