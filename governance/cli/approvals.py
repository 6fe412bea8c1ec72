"""`approvals`: what waits for a person, and what that person says to it. Exits 0, or 1 on failure.

`wait` exits 0 only when the request was approved. Documented: aihelpdesk-behaviour §3.5.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from typing import Any

from governance.cli import frame, show, spans, watching
from governance.cli.desk import ICONS, Desk, headline, resource, status, summary
from governance.cli.environment import AUDIT_URL
from governance.cli.frame import Failure, Parser, say
from governance.cli.service import auditd

HEAD = ("ID", "STATUS", "ACTION", "TOOL", "RESOURCE", "AGENT", "REQUESTED", "EXPIRES")
POLL_S = 60  # of one long poll; the server allows 120


def main(arguments: Sequence[str] | None = None) -> int:
    return frame.run(parser(), _work, arguments)


def parser() -> Parser:
    whole = Parser(prog="approvals", description=(__doc__ or "").split("\n", 1)[0])
    _common(whole)
    verbs = whole.add_subparsers(dest="verb", required=True, metavar="VERB")

    def verb(name: str, what: str, *, of_one: bool = True) -> argparse.ArgumentParser:
        made = verbs.add_parser(name, help=what, description=what)
        _common(made)
        if of_one:
            made.add_argument("id", metavar="ID", help="apr_…")
        return made

    listing = verb("list", "requests, newest first", of_one=False)
    listing.add_argument("--status", choices=sorted(ICONS), default="")
    listing.add_argument("--agent", default="")
    listing.add_argument("--trace-id", default="")
    listing.add_argument("--requested-by", default="")
    listing.add_argument("--limit", type=_positive, default=20)
    verb("pending", "requests that wait", of_one=False)
    verb("show", "everything about one request")
    approve = verb("approve", "say yes")
    approve.add_argument("--reason", default="", help="why")
    approve.add_argument(
        "--valid-for", type=_positive, metavar="MIN", help="may be repeated so long"
    )
    approve.add_argument("--yes", action="store_true", help="do not show it and ask first")
    deny = verb("deny", "say no; it needs a reason")
    deny.add_argument("--reason", type=_some_words, required=True, help="the agent goes on from it")
    cancel = verb("cancel", "withdraw a request")
    cancel.add_argument("--reason", default="", help="why")
    wait = verb("wait", "wait until a request is decided; 0 when it was approved")
    wait.add_argument("--timeout", type=spans.seconds, default=None, help="e.g. 90s, 10m; for ever")
    watch = verb(
        "watch", "show requests as they come; type `ID [reason]` or `!ID reason`", of_one=False
    )
    watch.add_argument("--interval", type=spans.seconds, default=5.0, help="between looks; 5s")
    return whole


def _common(into: argparse.ArgumentParser) -> None:
    unset = argparse.SUPPRESS
    frame.of_connection(into)
    into.add_argument("--url", default=unset, help=f"of auditd; else {AUDIT_URL}")
    into.add_argument("--user", default=unset, help="your name, where no credential says it")


def _work(said: argparse.Namespace) -> int:
    service, machine = auditd(said), getattr(said, "json", False)
    desk = Desk(service, name=getattr(said, "user", "") or frame.who())
    match said.verb:
        case "list" | "pending":
            _tell_many(_listed(desk, said), machine=machine)
        case "show":
            _tell(desk.get(said.id), machine=machine)
        case "approve":
            _decided(_approved(desk, said), machine=machine)
        case "deny":
            _decided(desk.deny(said.id, said.reason), machine=machine)
        case "cancel":
            _decided(desk.cancel(said.id, said.reason), machine=machine)
        case "wait":
            return _wait(desk, said, machine=machine)
        case _:
            watching.requests(desk, every_s=said.interval, machine=machine)
    return 0


def _listed(desk: Desk, said: argparse.Namespace) -> list[dict[str, Any]]:
    if said.verb == "pending":
        return desk.pending()
    return desk.listed(
        status=said.status,
        agent=said.agent,
        trace_id=said.trace_id,
        requested_by=said.requested_by,
        limit=said.limit,
    )


def _approved(desk: Desk, said: argparse.Namespace) -> dict[str, Any]:
    """A person at a terminal is shown it first, and decides on what was shown; elsewhere the id
    says what is meant: what it stands for never changes.
    """
    seen = ""
    if sys.stdin.isatty() and not (said.yes or getattr(said, "json", False)):
        approval = desk.get(said.id)
        seen = str(approval.get("fingerprint", ""))
        _tell(approval, machine=False)
        if frame.typed("Approve exactly this? [y/N] ").lower() not in frame.YES:
            raise Failure("nothing was done")
    return desk.approve(said.id, said.reason, valid_for=said.valid_for, seen=seen)


def _wait(desk: Desk, said: argparse.Namespace, *, machine: bool) -> int:
    clock = watching.Countdown(said.timeout)
    with show.patience(f"waiting for {show.clean(said.id)}"):
        while True:
            ask = partial(desk.wait, said.id, clock.next_s(POLL_S))
            approval = watching.until_back(ask, clock=clock)
            if approval.get("status") != "pending" or clock.over():
                break
    _decided(approval, machine=machine)
    return 0 if approval.get("status") == "approved" else 1


def _tell_many(found: list[dict[str, Any]], *, machine: bool) -> None:
    if machine:
        say(show.as_json(found))
    elif not found:
        say("No requests.")
    else:
        _tell_table(found)


def _tell_table(found: list[dict[str, Any]]) -> None:
    """A row each, and below it what is asked for."""
    width = show.room()
    head, *rows = show.table(HEAD, [_row(approval) for approval in found], width=width)
    say(head)
    for row, approval in zip(rows, found, strict=True):
        say(row)
        if said := " ".join(summary(approval).split()):
            for line in show.wrapped(said, width=width, indent="    "):
                say(line)


def _row(approval: dict[str, Any]) -> list[Any]:
    return [
        approval.get("approval_id"),
        status(approval),
        approval.get("action_class"),
        approval.get("tool_name"),
        resource(approval),
        approval.get("agent_name"),
        show.moment(approval.get("requested_at") or ""),
        show.moment(approval.get("expires_at") or ""),
    ]


def _tell(approval: dict[str, Any], *, machine: bool) -> None:
    if machine:
        say(show.as_json(approval))
        return
    context = approval.get("request_context") or {}
    preview = context.get("preview") if isinstance(context, dict) else None
    if isinstance(preview, str):
        asked = {key: value for key, value in context.items() if key != "preview"}
        approval = {**approval, "request_context": asked}
    for line in show.fields(approval):
        say(line)
    if isinstance(preview, str):
        say("what it would touch, as whoever asks found out:")
        say("\n".join(f"  {line}" for line in show.lines(preview).splitlines()))


def _decided(approval: dict[str, Any], *, machine: bool) -> None:
    if machine:
        say(show.as_json(approval))
        return
    say(headline(approval))
    if approval.get("status") == "pending":
        say("It still waits: for somebody else's word, or for anybody's.", error=True)
    elif reason := approval.get("resolution_reason"):
        say(f"  {show.clean(reason)}")


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no number above 0")
    return int(text)


def _some_words(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("say why: the agent goes on from it")
    return text.strip()


if __name__ == "__main__":
    sys.exit(main())
