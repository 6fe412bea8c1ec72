"""One panel of the dashboard."""

from __future__ import annotations

from dataclasses import dataclass

from tickets.admin.dashboard.charts import Chart


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """A chart (or none), and the same as a table. Without rows there is nothing to show yet."""

    key: str
    title: str
    note: str
    head: tuple[str, ...]
    rows: list[tuple[str, ...]]
    chart: Chart | None = None
    empty: str = "Nothing yet."
    parts: tuple[str, str] = ("", "")  # what the two colours of columns mean
    bad: bool = False  # the first of them is
