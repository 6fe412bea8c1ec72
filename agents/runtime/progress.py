"""Whether a run gets anywhere, told from what its turns did.

A turn leads nowhere when every call of it failed, when it called nothing, or when it did what one
of the last turns did and got the same answer. A successful effect makes looking again worth while;
the effect itself counts as new only once. Asking again where that is the tool's purpose (`polls`)
counts for neither.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

REMEMBERED = 12  # turns
LOOK, EFFECT = "l", "e"

Verdict = Literal["forward", "nowhere", "polling"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Did:
    """One call of a turn and what came of it."""

    tool: str
    arguments: str
    result: str
    failed: bool
    effect: bool
    polls: bool


def judge(text: str, calls: Sequence[Did], recent: Sequence[str]) -> tuple[Verdict, list[str]]:
    """(where the turn led, what to remember). `recent`: what was remembered before."""
    effects = any(call.effect and not call.failed for call in calls)
    signature = (EFFECT if effects else LOOK) + _digest(text, calls)
    repeated = signature in recent
    worked = any(not call.failed for call in calls)
    if worked and all(call.polls for call in calls):
        return "polling", list(recent)
    forward = worked and not repeated
    # What is looked at after an effect is new; the effects stay remembered.
    kept = [old for old in recent if not (forward and effects) or old.startswith(EFFECT)]
    return "forward" if forward else "nowhere", [*kept, signature][-REMEMBERED:]


def _digest(text: str, calls: Sequence[Did]) -> str:
    said = [f"{c.tool} {c.arguments}\n{'' if c.effect else c.result}" for c in calls] or [text]
    return hashlib.sha256("\0".join(said).encode(errors="replace")).hexdigest()[:16]
