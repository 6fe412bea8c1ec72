"""`aura`: tickets from a shell: what waits, decide it, watch. Exits 0, or 1 on failure."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from governance.cli import frame, show
from governance.cli.environment import API_URL, variable
from governance.cli.frame import Failure, Parser, say, token_of
from governance.cli.service import Service
from tickets.cli import following, telling
from tickets.cli.desk import Asked, Desk, path_of

API = "http://localhost:3000"
PRIORITIES = ("low", "medium", "high", "critical")


def main(arguments: Sequence[str] | None = None) -> int:
    return frame.run(parser(), _work, arguments)


def parser() -> Parser:
    whole = Parser(prog="aura", description=(__doc__ or "").split("\n", 1)[0])
    _common(whole)
    verbs = whole.add_subparsers(dest="verb", required=True, metavar="VERB")

    def verb(name: str, what: str, *, of_one: bool = True) -> argparse.ArgumentParser:
        made = verbs.add_parser(name, help=what, description=what)
        _common(made)
        if of_one:
            made.add_argument("id", metavar="ID", help="of the ticket")
        return made

    verb("inbox", "tickets that wait for a person, the most urgent first", of_one=False)
    verb("ticket", "everything about one ticket")
    watch = verb("watch", "what happens, as it happens; to all tickets or one", of_one=False)
    watch.add_argument("id", metavar="ID", nargs="?", default="", help="of the ticket")
    approve = verb("approve", "say yes to the plan or the action that waits")
    approve.add_argument("--reason", default="", help="why; of actions alone")
    approve.add_argument("--yes", action="store_true", help="do not ask again")
    deny = verb("deny", "say no; the agent goes on from the reason")
    deny.add_argument("--reason", type=_some_words, required=True, help="why")
    answer = verb("answer", "answer the question that waits")
    answer.add_argument("text", metavar="TEXT", type=_some_words)
    new = verb("new", "open a ticket; nothing happens before it is run", of_one=False)
    new.add_argument("title", metavar="TITLE", type=_some_words)
    new.add_argument("description", metavar="DESCRIPTION", type=_some_words)
    new.add_argument("--priority", choices=PRIORITIES)
    verb("run", "let the agent begin")
    return whole


def _common(into: argparse.ArgumentParser) -> None:
    frame.of_connection(into)
    into.add_argument("--url", default=argparse.SUPPRESS, help=f"of the API; else {API_URL}")


def _work(said: argparse.Namespace) -> int:
    url = getattr(said, "url", "") or variable(API_URL) or API
    service = Service(url, token=token_of(said), name="the API", option=f"--url or {API_URL}")
    desk, machine = Desk(service), getattr(said, "json", False)
    match said.verb:
        case "inbox":
            _inbox(desk, machine=machine)
        case "ticket":
            found = desk.get(said.id)
            _tell(found, telling.whole(found), machine=machine)
        case "watch":
            path = f"{path_of(said.id)}/stream" if said.id else "/api/stream"
            following.follow(service, path, machine=machine)
        case _:
            done = _done(desk, said)
            _tell(done, [_headline(done)], machine=machine)
    return 0


def _done(desk: Desk, said: argparse.Namespace) -> dict[str, Any]:
    """Carry out a verb that changes something; the API's answer."""
    match said.verb:
        case "approve":
            asked = desk.asked(said.id)
            if not said.yes:
                _confirm(asked)
            return desk.approve(asked, said.reason)
        case "deny":
            return desk.deny(desk.asked(said.id), said.reason)
        case "answer":
            return desk.answer(said.id, said.text)
        case "new":
            return desk.new(title=said.title, description=said.description, priority=said.priority)
    return desk.run(said.id)


def _confirm(asked: Asked) -> None:
    """Show what would be approved, and let a person type yes. Raises `Failure`."""
    for line in telling.request(asked):
        say(line, error=True)
    if not sys.stdin.isatty():
        raise Failure("nobody is here to confirm it: read it, then say --yes")
    say("Approve exactly this? [y/N]", error=True)
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise Failure("not approved")


def _inbox(desk: Desk, *, machine: bool) -> None:
    found, total = desk.inbox()
    _tell(found, telling.inbox(found) if found else ["Nothing waits."], machine=machine)
    if total > len(found):
        say(f"{total - len(found)} more are not shown.", error=True)


def _tell(found: Any, lines: Iterable[str], *, machine: bool) -> None:
    if machine:
        say(show.as_json(found))
        return
    for line in lines:
        say(line)


def _headline(ticket: dict[str, Any]) -> str:
    """A ticket after something was done to it."""
    return show.clean(f"{ticket.get('id')}  {ticket.get('status')}")


def _some_words(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("say something")
    return text.strip()


if __name__ == "__main__":
    sys.exit(main())
