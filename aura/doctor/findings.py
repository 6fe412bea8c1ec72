"""What a check finds. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from aura.kernel.secrets import redact


class Level(StrEnum):
    """`warn`: it works, and somebody should know; `FAIL`: something does not work."""

    OK = "ok"
    WARN = "warn"
    FAIL = "FAIL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of the report; `mend` says what a person can do."""

    name: str
    level: Level
    text: str
    mend: str = ""

    def line(self) -> str:
        """`FAIL  redis       it does not answer: …` and the advice below it."""
        advice = f"\n{'':18}{self.mend}" if self.mend and self.level is not Level.OK else ""
        return f"{self.level.value:<5} {self.name:<11} {self.text}{advice}"


def ok(name: str, text: str) -> Finding:
    return Finding(name=name, level=Level.OK, text=text)


def warn(name: str, text: str, mend: str) -> Finding:
    return Finding(name=name, level=Level.WARN, text=text, mend=mend)


def fail(name: str, text: str, mend: str) -> Finding:
    return Finding(name=name, level=Level.FAIL, text=text, mend=mend)


def graded(name: str, text: str, mend: str, *, fails: bool, warns: bool) -> Finding:
    """The worst of what holds; `mend` is for both."""
    if fails:
        return fail(name, text, mend)
    return warn(name, text, mend) if warns else ok(name, text)


def reason(said: object, *, most: int | None = None) -> str:
    """What somebody else said (an error, a note), as part of one line and without credentials."""
    return redact(" ".join(str(said).split()))[:most]


def unchecked(name: str, because: str) -> Finding:
    """Something else has to be mended first."""
    return warn(name, f"not checked: {because}", "mend that first")
