"""The suites by name: each makes its own target, and takes it away again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from agents.evaluation.running import run as run_cases
from agents.evaluation.scores import Attempt

SUITES: Final = ("kubernetes", "postgresql")


def fits(name: str, words: Sequence[str]) -> bool:
    """Whether a case is asked for: by all where no word is said."""
    return not words or any(word in name for word in words)


def run(suite: str, words: Sequence[str], *, runs: int) -> Iterator[Attempt]:
    """The attempts of a suite, as they come."""
    return {"kubernetes": _kubernetes, "postgresql": _postgresql}[suite](words, runs)


def _kubernetes(words: Sequence[str], runs: int) -> Iterator[Attempt]:
    from agents.evaluation.kubernetes.cases import CASES  # noqa: PLC0415 - only what is run
    from agents.evaluation.kubernetes.target import sandbox  # noqa: PLC0415

    chosen = [case for case in CASES if fits(case.name, words)]
    if chosen:
        with sandbox() as target:
            yield from run_cases(chosen, target, runs=runs)


def _postgresql(words: Sequence[str], runs: int) -> Iterator[Attempt]:
    from agents.evaluation.database import ABILITIES, CASES  # noqa: PLC0415 - only what is run
    from agents.evaluation.database.lab import lab  # noqa: PLC0415
    from aura.embedded.postgres import binary  # noqa: PLC0415

    chosen = [case for case in CASES if fits(case.name, words)]
    if chosen:
        with lab(binary("postgres").parent) as target:
            yield from run_cases(chosen, target, runs=runs, abilities=ABILITIES)
