"""`aura`: tickets from a shell. Without a verb: the live screen. Exits 0, or 1 on failure."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from governance.cli import frame, show
from governance.cli.environment import API_URL, variable
from governance.cli.frame import Failure, Parser, say, token_of
from governance.cli.service import Service
from tickets.cli import completion, deciding, following, happening, telling
from tickets.cli.desk import Desk, path_of

API = "http://localhost:3000"
PRIORITIES = ("low", "medium", "high", "critical")
STATUSES = (
    *("draft", "planning", "pending_plan_approval", "executing", "pending_approval"),
    *("pending_input", "observing", "paused", "resolved", "failed", "cancelled"),
)
MOST_NUMBER = 200
ENDED = "an ID is a ticket's, or its first characters, 4 or more; completion: aura completion bash"


def main(arguments: Sequence[str] | None = None) -> int:
    return frame.run(parser(), _work, arguments)


def parser() -> Parser:
    whole = Parser(prog="aura", description=(__doc__ or "").split("\n", 1)[0], epilog=ENDED)
    _common(whole)
    verbs = whole.add_subparsers(dest="verb", metavar="VERB")

    def verb(name: str, what: str, *, of_one: bool = True) -> argparse.ArgumentParser:
        made = verbs.add_parser(name, help=what, description=what, epilog=ENDED)
        _common(made)
        if of_one:
            made.add_argument("id", metavar="ID", help="of the ticket")
        return made

    _reading(verb)
    _deciding(verb)
    _opening(verb)
    return whole


def _reading(verb: Any) -> None:
    verb("screen", "the live screen: inbox, tickets, decisions", of_one=False)
    verb("inbox", "tickets that wait for a person, the most urgent first", of_one=False)
    listing = verb("list", "tickets, newest first", of_one=False)
    listing.add_argument("--status", choices=STATUSES, action="append", help="several: all those")
    listing.add_argument("--limit", type=_number, default=20, help="at most 200; 20")
    verb("ticket", "everything about one ticket")
    log = verb("log", "what happened to one ticket, oldest first")
    log.add_argument("-f", "--follow", action="store_true", help="go on as it happens")
    watch = verb("watch", "what happens from now on, to all tickets or one", of_one=False)
    watch.add_argument("id", metavar="ID", nargs="?", default="", help="of the ticket")


def _deciding(verb: Any) -> None:
    approve = verb("approve", "say yes to the plan or the action that waits; shows it first")
    approve.add_argument("--reason", default="", help="why; of actions alone")
    deny = verb("deny", "say no; the agent goes on from the reason")
    deny.add_argument("--reason", type=_some_words, required=True, help="why")
    for each in (approve, deny):
        each.add_argument(
            "--yes",
            metavar="APPROVAL",
            type=_some_words,
            help="do not ask: decide on this one, by its id, and on no other",
        )
    answer = verb("answer", "answer the question that waits; without TEXT it is shown first")
    answer.add_argument("text", metavar="TEXT", type=_some_words, nargs="?")


def _opening(verb: Any) -> None:
    new = verb("new", "open a ticket; nothing happens before it is run", of_one=False)
    new.add_argument("title", metavar="TITLE", type=_some_words)
    new.add_argument("description", metavar="DESCRIPTION", type=_some_words)
    new.add_argument("--priority", choices=PRIORITIES)
    new.add_argument("--run", action="store_true", help="let the agent begin at once")
    verb("run", "let the agent begin, or try again what failed")
    cancel = verb("cancel", "end a ticket; asks first")
    cancel.add_argument("--reason", default="", help="why")
    cancel.add_argument("--yes", action="store_true", help="do not ask")
    resume = verb("resume", "go on after a pause")
    resume.add_argument("--turns", type=_number, default=0, help="so many more are granted")
    made = verb("completion", "what makes a shell complete verbs and ids", of_one=False)
    made.add_argument("shell", choices=sorted(completion.SCRIPTS))
    verb("ids", "ids of tickets, newest first: for completion", of_one=False)


def _common(into: argparse.ArgumentParser) -> None:
    frame.of_connection(into)
    into.add_argument("--url", default=argparse.SUPPRESS, help=f"of the API; else {API_URL}")


def _work(said: argparse.Namespace) -> int:
    if said.verb == "completion":
        say(completion.SCRIPTS[said.shell])
        return 0
    url = getattr(said, "url", "") or variable(API_URL) or API
    service = Service(url, token=token_of(said), name="the API", option=f"--url or {API_URL}")
    machine = getattr(said, "json", False)
    if getattr(said, "id", ""):
        said.id = Desk(service).id_of(said.id)
    match said.verb:
        case None | "screen":
            _screen(service, machine=machine)
        case "log" | "watch":
            _happened(service, said, machine=machine)
        case "inbox" | "list" | "ids" | "ticket":
            _read(Desk(service), said, machine=machine)
        case _:
            done = CHANGES[said.verb](Desk(service), said)
            _tell(done, [telling.headline(done)], machine=machine)
    return 0


def _read(desk: Desk, said: argparse.Namespace, *, machine: bool) -> None:
    match said.verb:
        case "inbox":
            found, total = desk.inbox()
            _tell_many(found, total, nothing="Nothing waits.", machine=machine)
        case "list":
            found, total = desk.listed(status=",".join(said.status or ()), limit=said.limit)
            _tell_many(found, total, nothing="No tickets.", machine=machine)
        case "ids":
            _tell_ids(desk)
        case _:
            ticket = desk.get(said.id)
            _tell(ticket, telling.whole(ticket, width=show.room()), machine=machine)


def _tell_ids(desk: Desk) -> None:
    for ticket in desk.listed()[0]:
        say(show.clean(ticket.get("id")))


def _screen(service: Service, *, machine: bool) -> None:
    if machine or not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise Failure("the live screen needs a terminal; here: aura inbox, aura --help")
    if variable("TERM") in {"", "dumb"}:
        raise Failure("this terminal cannot show the live screen (TERM); here: aura inbox")
    try:
        from tickets.cli.screen import app  # noqa: PLC0415 - Textual takes a second to import
    except ImportError as error:
        raise Failure(f"the live screen needs a package that is not here: {error}") from None
    app.show(service)


def _happened(service: Service, said: argparse.Namespace, *, machine: bool) -> None:
    if said.verb == "log" and not said.follow:
        entries = list(Desk(service).log(said.id))
        shown = (one for one in entries if one.get("type") not in happening.DULL)
        _tell(entries, map(happening.line, shown), machine=machine)
        return
    path = f"{path_of(said.id)}/stream" if said.id else "/api/stream"
    after = following.BEGINNING if said.verb == "log" else ""
    feed = following.Feed(service, path, after=after)
    following.follow(feed, machine=machine, with_ticket=not said.id)


def _opened(desk: Desk, said: argparse.Namespace) -> dict[str, Any]:
    made = desk.new(title=said.title, description=said.description, priority=said.priority)
    return {**made, **desk.run(str(made.get("id")))} if said.run else made


# What changes something, and the API's answer to it.
CHANGES: Mapping[str, Callable[[Desk, argparse.Namespace], dict[str, Any]]] = {
    "approve": lambda desk, said: deciding.approve(desk, said.id, said.reason, sure=said.yes),
    "deny": lambda desk, said: deciding.deny(desk, said.id, said.reason, sure=said.yes),
    "answer": lambda desk, said: deciding.answer(desk, said.id, said.text),
    "new": _opened,
    "run": lambda desk, said: desk.run(said.id),
    "cancel": lambda desk, said: deciding.cancel(desk, said.id, said.reason, sure=said.yes),
    "resume": lambda desk, said: desk.resume(said.id, said.turns),
}


def _tell_many(found: list[dict[str, Any]], total: int, *, nothing: str, machine: bool) -> None:
    _tell(found, telling.listing(found, width=show.room()) if found else [nothing], machine=machine)
    if total > len(found):
        say(f"{total - len(found)} more are not shown.", error=True)


def _tell(found: Any, lines: Iterable[str], *, machine: bool) -> None:
    if machine:
        say(show.as_json(found))
        return
    for line in lines:
        say(line)


def _number(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= MOST_NUMBER:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 to {MOST_NUMBER}")
    return int(text)


def _some_words(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("say something")
    return text.strip()


if __name__ == "__main__":
    sys.exit(main())
