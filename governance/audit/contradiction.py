"""The log is not what was written: no effect begins until a person has said how it goes on.

What was found, by a verification or a witness, is noted twice: in a file, which nobody changes who
has the database alone, and in the log, which every machine reads (`halting` writes both). What
was accepted is an event with our seal, so that nobody makes one who has the database alone.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from django.conf import settings

from aura.kernel import sealing
from governance.models import AuditEvent

HALTED = (
    "the log is not what was written, and no effect begins until it was looked into and an admin"
    " goes on with `manage.py log_accept` (docs/log.md)"
)
LOOKED_EVERY_S = 2.0  # as often as an effect asks whether what it follows is signed
_looked: tuple[float, str] | None = None
FOUND, ACCEPTED = "log_contradicted", "log_accepted"


def contradicted() -> str:
    """What was found and not accepted; empty: nothing. Found elsewhere, it counts soon."""
    global _looked  # noqa: PLW0603 - the one place of the process
    looked, moment = _looked, time.monotonic()
    if looked is None or moment - looked[0] > LOOKED_EVERY_S:
        _looked = looked = (moment, next(iter(problems()), ""))
    return looked[1]


def problems() -> list[str]:
    """All that was found and nobody accepted, each once."""
    found, accepted = dict.fromkeys(_noted()), set[str]()
    for kind, payload in _told():
        if kind == FOUND:
            found[str(payload.get("problem", ""))] = None
        else:
            accepted |= set(_accepted_by(payload))
    return [problem for problem in found if problem and problem not in accepted]


def was_found(problem: str) -> bool:
    """Does the log say so already, whether or not it was accepted?"""
    return any(kind == FOUND and said.get("problem") == problem for kind, said in _told())


def remember(problem: str) -> None:
    """From now on no effect begins on this machine."""
    _look_again()
    if problem not in _noted():
        with _note().open("a") as note:
            note.write(f"{problem}\n")


def settle() -> None:
    """Somebody has decided what counts."""
    _look_again()
    with suppress(FileNotFoundError):
        _note().unlink()


def _look_again() -> None:
    global _looked  # noqa: PLW0603 - as above
    _looked = None


def acceptance(problems: list[str], reason: str) -> dict[str, Any]:
    """The payload of an `ACCEPTED` event."""
    seal = sealing.signature(ACCEPTED, problems)
    return {"problems": problems, "reason": reason, "seal": seal}


def _accepted_by(payload: dict[str, Any]) -> list[str]:
    said = payload.get("problems")
    if isinstance(said, list) and sealing.signed(payload.get("seal"), ACCEPTED, said):
        return [str(problem) for problem in said]
    return []


def _told() -> Iterator[tuple[str, dict[str, Any]]]:
    rows = AuditEvent.objects.filter(type__in=[FOUND, ACCEPTED]).order_by()
    for kind, body in rows.values_list("type", "body"):
        with suppress(ValueError, KeyError, TypeError):
            payload = json.loads(bytes(body))["data"]["payload"]
            if isinstance(payload, dict):
                yield kind, payload


def _noted() -> list[str]:
    try:
        return _note().read_text().splitlines()
    except OSError:
        return []


def _note() -> Path:
    path: Path = settings.AURA.log_contradiction
    return path
