"""What came of the attempts, in figures. Pure: attempts in, scores out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

DEPTH: Final = 3  # accuracy is told at the first place and within this many
VERSION: Final = 1  # of the JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One case, once.

    `place`: where the right cause stood among the roots, from 1; 0: nowhere within `DEPTH`.
    `found`: the causes of the first roots. `false_alarms`: causes above INFO while all was well.
    `wrong_remedy`: the call that the first root proposes and that does not mend it. `seconds`: of
    one triage. `error`: why there was no answer.
    """

    case: str
    category: str
    place: int
    found: tuple[str, ...] = ()
    false_alarms: tuple[str, ...] = ()
    wrong_remedy: str = ""
    seconds: float = 0.0
    tool_calls: int = 1
    tokens: int = 0
    cost: float = 0.0
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """Of some attempts. `passed_all`: the share of cases that were right in each of their runs
    (pass^k, k the number of runs); `cost` in USD.
    """

    cases: int
    attempts: int
    at_1: float
    at_3: float
    passed_all: float
    false_alarms: int
    wrong_remedies: int
    errors: int
    tool_calls: float
    tokens: int
    cost: float
    median_s: float
    slowest_s: float


def score(attempts: Sequence[Attempt]) -> Score:
    """Raises `ValueError` for none."""
    if not attempts:
        raise ValueError("there is no attempt to score")
    count = len(attempts)
    cases = grouped(attempts, lambda attempt: attempt.case)
    seconds = sorted(attempt.seconds for attempt in attempts)
    return Score(
        cases=len(cases),
        attempts=count,
        at_1=sum(attempt.place == 1 for attempt in attempts) / count,
        at_3=sum(attempt.place > 0 for attempt in attempts) / count,
        passed_all=sum(all(a.place == 1 for a in runs) for runs in cases.values()) / len(cases),
        false_alarms=sum(bool(attempt.false_alarms) for attempt in attempts),
        wrong_remedies=sum(bool(attempt.wrong_remedy) for attempt in attempts),
        errors=sum(bool(attempt.error) for attempt in attempts),
        tool_calls=sum(attempt.tool_calls for attempt in attempts) / count,
        tokens=sum(attempt.tokens for attempt in attempts),
        cost=sum(attempt.cost for attempt in attempts),
        median_s=seconds[count // 2],
        slowest_s=seconds[-1],
    )


def grouped(attempts: Iterable[Attempt], key: Any) -> dict[str, list[Attempt]]:
    """The attempts by a text, in the order in which it first comes."""
    groups: dict[str, list[Attempt]] = {}
    for attempt in attempts:
        groups.setdefault(key(attempt), []).append(attempt)
    return groups


def by_category(attempts: Sequence[Attempt]) -> dict[str, Score]:
    """A score a category, by name."""
    groups = grouped(attempts, lambda attempt: attempt.category)
    return {name: score(groups[name]) for name in sorted(groups)}


def as_json(attempts: Sequence[Attempt], **about: Any) -> dict[str, Any]:
    """Everything of an evaluation; `about`: when and on what it ran."""
    return {
        "version": VERSION,
        **about,
        "total": asdict(score(attempts)),
        "categories": {name: asdict(found) for name, found in by_category(attempts).items()},
        "attempts": [asdict(attempt) for attempt in attempts],
    }


def read(said: Mapping[str, Any]) -> list[Attempt]:
    """The attempts of `as_json`. Raises `ValueError` for what is no evaluation."""
    try:
        if said["version"] != VERSION:
            raise ValueError(f"version {said['version']!r} is unknown")
        rows = [dict(row) for row in said["attempts"]]
        for row in rows:
            row["found"], row["false_alarms"] = tuple(row["found"]), tuple(row["false_alarms"])
        return [Attempt(**row) for row in rows]
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"this is no evaluation: {error!r}") from None


def regressions(before: Sequence[Attempt], after: Sequence[Attempt]) -> list[str]:
    """What was right in every run and is not any more, and every new false alarm or wrong remedy.

    Only cases that are in both are compared.
    """
    old, new = (grouped(each, lambda attempt: attempt.case) for each in (before, after))
    found = []
    for case in (name for name in old if name in new):
        for word, bad in _FAULTS:
            was, now = (sum(map(bad, runs)) for runs in (old[case], new[case]))
            if now and not was:
                seen = next(attempt for attempt in new[case] if bad(attempt))
                found.append(f"{case}: {word} in {now} of {len(new[case])} runs: {_said(seen)}")
    return found


def _missed(attempt: Attempt) -> bool:
    return attempt.place != 1


def _alarmed(attempt: Attempt) -> bool:
    return bool(attempt.false_alarms)


def _wrong(attempt: Attempt) -> bool:
    return bool(attempt.wrong_remedy)


_FAULTS: Final = (("missed", _missed), ("false alarm", _alarmed), ("wrong remedy", _wrong))


def _said(attempt: Attempt) -> str:
    told = attempt.error or attempt.wrong_remedy or ", ".join(attempt.false_alarms or attempt.found)
    return told or "nothing found"
