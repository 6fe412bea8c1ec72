"""Tables of phrases: what kubelets, registries, resolvers and programs say, and what it means."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Phrases:
    """Causes in the order in which they are tried, each with what is said of it."""

    rows: tuple[tuple[str, re.Pattern[str]], ...]

    @classmethod
    def of(cls, *rows: tuple[str, ...]) -> Phrases:
        """Of rows (cause, pattern, pattern, …)."""
        return cls(
            tuple((cause, re.compile("|".join(said), re.IGNORECASE)) for cause, *said in rows)
        )

    def read(self, text: str) -> str:
        """The cause that a text tells, or ""."""
        return next((cause for cause, said in self.rows if said.search(text)), "")

    def first(self, lines: Iterable[str]) -> tuple[str, str]:
        """(cause, line) of the row that comes first here and is said in any of the lines."""
        known = list(lines)
        for cause, said in self.rows:
            for line in known:
                if said.search(line):
                    return cause, line
        return "", ""
