"""`python -m agents.triage.causes`: the vocabulary as the tables of docs/triage.md."""

from __future__ import annotations

import itertools
import sys

from agents.triage.causes import CAUSES


def tables() -> str:
    """One table a category."""
    parts = []
    for category, group in itertools.groupby(
        CAUSES.values(), key=lambda it: it.name.partition("/")[0]
    ):
        rows = [f"| `{it.name}` | {it.about} |" for it in group]
        parts.append(
            "\n".join([f"### {category}", "| cause | what it means |", "|---|---|", *rows])
        )
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    sys.stdout.write(tables())
