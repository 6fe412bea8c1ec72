"""A text while it is being read, and the pieces of patterns that all readers share."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from agents.offline.intent import Fault, Slot
from agents.offline.vocabulary import words

CUT = " | "  # stands where something was cut out; ends a phrase, as punctuation does
# "the image OF WEB to …": the name in the middle of a value stays in the text.
OF = (
    r"(?P<keep>\s+(?:of|for|on|in)\s+(?:the\s+|our\s+)?[a-z][\w-]*"
    r"(?:\s+(?:app|application|service|deployment))?)?"
)
TO = r"\s*(?:count\s*)?(?:should be|must be|set to|to|of|at|is|=|:)?\s*"
FROM = r"(?:from\s+\S+\s+to\s+)?"
# Left of "=" or ":" these are values of ours, not names of environment variables or images.
RESERVED = words(
    "replicas replica port image namespace ns host hostname domain name app application service"
    " version tag environment cpu memory ram mem instances pods count"
)


@dataclass(slots=True)
class Scan:
    """A text being read: `rest` is what nobody has understood yet of `text`.

    `known` are the names of existing applications, `environments` those of existing overlays,
    `refused` is what the text asks not to do. `values` holds fields of an `Intent` by name, `said`
    the values of which there can be only one.
    """

    text: str
    rest: str
    known: frozenset[str] = frozenset()
    environments: frozenset[str] = frozenset()
    values: dict[str, Any] = field(default_factory=dict)
    said: dict[Slot, list[Any]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    unmet: list[str] = field(default_factory=list)
    without: set[Slot] = field(default_factory=set)
    refused: str = ""

    def cut(self, match: re.Match[str], *, end: int = -1) -> None:
        """Take a match out of the text up to `end`; its group `keep`, if there is one, stays."""
        kept = match.groupdict().get("keep") or ""
        end = match.end() if end < 0 else end
        # A kept beginning still belongs to what stands before it: "when we | scale web |" would
        # hide that nobody asks for it.
        before = "" if kept and match.start("keep") == match.start() else CUT
        self.rest = f"{self.rest[: match.start()]}{before}{kept}{CUT}{self.rest[end:]}"

    def take(self, pattern: str) -> re.Match[str] | None:
        """Cut the first match out."""
        match = re.search(pattern, self.rest, re.IGNORECASE)
        if match:
            self.cut(match)
        return match

    def take_all(self, pattern: str, keep: Callable[[re.Match[str]], None]) -> None:
        """Cut every match out and hand it to `keep`."""
        for _ in range(50):
            match = self.take(pattern)
            if match is None:
                return
            keep(match)

    def drop(self, pattern: str) -> bool:
        """Cut every match out; True when there was one."""
        self.rest, count = re.subn(pattern, CUT, self.rest, flags=re.IGNORECASE)
        return count > 0

    def say(self, slot: Slot, value: Any) -> None:
        """The text states `value`; two different ones for a slot are a fault."""
        self.said.setdefault(slot, []).append(value)

    def wrong(self, slot: Slot, why: str) -> None:
        self.faults.append(Fault(slot, why))

    def settle(self) -> None:
        """What was said once becomes a value; what was said twice differently is asked about."""
        for slot, candidates in self.said.items():
            distinct = list(dict.fromkeys(candidates))
            if len(distinct) == 1:
                self.values[slot.value] = distinct[0]
            else:
                listed = ", ".join(str(value) for value in distinct[:5])
                self.wrong(slot, f"the text names several values for {slot.value}: {listed}")
