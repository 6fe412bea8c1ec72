"""Yes, no and answers from a shell: first what is asked is shown, then a person says so."""

from __future__ import annotations

import getpass
import sys
from typing import Any

from governance.cli import show
from governance.cli.frame import YES, Failure, say, typed
from tickets.cli import telling
from tickets.cli.desk import Asked, Desk

ID_CHARS = 4  # of an approval's id, the fewest that name it


def approve(desk: Desk, key: str, reason: str, *, sure: str | None) -> dict[str, Any]:
    """`sure`: the id of the approval that was read, else a person is asked here."""
    asked = desk.asked(key)
    if reason and asked.is_plan:
        raise Failure("a plan is approved without a reason; leave --reason out")
    if sure:
        _is_meant(asked, sure)
    else:
        _confirm(asked, "Approve exactly this?", instead=f"say --yes {asked.id}")
    return desk.approve(asked, reason)


def deny(desk: Desk, key: str, reason: str, *, sure: str | None) -> dict[str, Any]:
    """Nothing is released by a no, so nobody is asked; `sure` binds it to what was read."""
    asked = desk.asked(key)
    if sure:
        _is_meant(asked, sure)
    return desk.deny(asked, reason)


def answer(desk: Desk, key: str, text: str | None) -> dict[str, Any]:
    """Answer the question that waits; without a text it is shown, and the answer is typed."""
    asked = desk.get(key).get("pendingQuestion")
    if not isinstance(asked, dict):
        raise Failure("no question waits for an answer")
    if not text:
        for line in telling.question(asked, width=show.room()):
            say(line, error=True)
        if isinstance(secret := asked.get("secret"), dict):
            return desk.give_values(key, secret, _typed_values(secret))
        text = chosen(asked, typed("Answer: "))
    return desk.answer(key, text, question=str(asked.get("id", "")))


def cancel(desk: Desk, key: str, reason: str, *, sure: bool) -> dict[str, Any]:
    if not sure:
        ticket = desk.get(key)
        for line in (show.clean(ticket.get("title")), telling.state(ticket)):
            say(line, error=True)
        _ask("Cancel this ticket?", instead="say --yes")
    return desk.cancel(key, reason)


def chosen(asked: dict[str, Any], said: str) -> str:
    """What was typed; of a question with options also their number."""
    options = asked.get("options") or []
    if said.isdecimal() and 1 <= int(said) <= len(options):
        return str(options[int(said) - 1])
    return said


def _is_meant(asked: Asked, sure: str) -> None:
    if len(sure) < ID_CHARS or not asked.id.startswith(sure.lower()):
        raise Failure(f"approval {show.clean(sure)} does not wait; {asked.id} does: read it first")


def _confirm(asked: Asked, question: str, *, instead: str) -> None:
    """Show what would be decided, and let a person type yes. Raises `Failure`."""
    for line in telling.request(asked, width=show.room()):
        say(line, error=True)
    _ask(question, instead=instead)


def _ask(question: str, *, instead: str) -> None:
    if not sys.stdin.isatty():
        raise Failure(f"nobody is here to confirm it: read it, then {instead}")
    if typed(f"{question} [y/N] ").lower() not in YES:
        raise Failure("nothing was done")


def _typed_values(secret: dict[str, Any]) -> dict[str, str]:
    """Values that nobody sees, typed one after another."""
    if not sys.stdin.isatty():
        raise Failure("values are typed at a terminal, so that no shell keeps them")
    keys = [str(key) for key in secret.get("keys") or []]
    return {key: getpass.getpass(f"{show.clean(key)}: ") for key in keys}
