"""The frame of every description: who the object is first, its events last."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from agents.kubernetes.kinds import Object
from agents.kubernetes.reading import (
    age_of,
    conditions,
    name_of,
    namespace_of,
    owner_of,
    part,
    text,
)
from agents.kubernetes.shown import notes_of
from agents.kubernetes.words import cell, listed, pairs, table

MOST: Final = 30  # lines of one section


def fields(rows: Iterable[tuple[str, object]]) -> str:
    """`Name:   value` lines, the values below each other; what is empty is left out."""
    shown = [(f"{key}:", cell(value)) for key, value in rows if value not in (None, "", [], {})]
    width = max((len(key) for key, _ in shown), default=0)
    return "\n".join(f"{key.ljust(width)}  {value}" for key, value in shown)


def head(obj: Object, *rows: tuple[str, object]) -> str:
    """The first section: identity, then `rows`."""
    owner = owner_of(obj)
    deleting = text(obj, "metadata", "deletionTimestamp")
    finalizers = part(obj, "metadata").get("finalizers") if deleting else None
    return fields(
        [
            ("Kind", text(obj, "kind")),
            ("Name", name_of(obj)),
            ("Namespace", namespace_of(obj)),
            ("Age", age_of(obj)),
            ("Being deleted", f"since {deleting}" if deleting else ""),
            ("Finalizers", listed(finalizers) if finalizers else ""),
            ("Controlled by", "/".join(owner) if owner else ""),
            ("Labels", pairs(labels) if (labels := part(obj, "metadata", "labels")) else ""),
            ("Annotations", pairs(notes) if (notes := notes_of(obj)) else ""),
            *rows,
        ]
    )


def conditions_section(obj: Object) -> str:
    rows = list(conditions(obj))
    return f"Conditions:\n{table(('TYPE', 'STATUS', 'WHY'), rows)}" if rows else ""


def bullets(title: str, lines: Iterable[str], *, most: int = MOST) -> str:
    """A titled section of lines; empty without any."""
    every = list(lines)
    if not every:
        return ""
    more = [f"  … and {len(every) - most} more"] if len(every) > most else []
    return "\n".join([f"{title}:", *(f"  {line}" for line in every[:most]), *more])


def joined(*sections: str) -> str:
    """Sections with a blank line between them; empty ones are left out."""
    return "\n\n".join(filter(None, sections))
