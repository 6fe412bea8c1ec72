"""`auditor`: does the log hold, and what does it say now. `verify` exits 0 valid, 1 broken,
2 when it could not be checked; `verify --bundle` checks an export, offline.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from governance.cli import following, frame, show, spans
from governance.cli.environment import AUDIT_URL
from governance.cli.frame import Failure, Parser, say
from governance.cli.service import Service, auditd

VALID, BROKEN, UNCHECKED = 0, 1, 2
PATIENCE_S = 1800.0  # a log of many million events is read from its beginning


class Checking(Parser):
    failed = UNCHECKED


def main(arguments: Sequence[str] | None = None) -> int:
    return frame.run(parser(), _work, arguments)


def parser() -> Checking:
    whole = Checking(prog="auditor", description="Does the log hold, and what does it say now.")
    _common(whole)
    verbs = whole.add_subparsers(dest="verb", required=True, metavar="VERB")
    what = "check the log: auditd's, or with --bundle an exported one"
    verify = verbs.add_parser("verify", help=what, description=what)
    _common(verify)
    verify.add_argument("--full", action="store_true", help="from the first event on")
    offline = verify.add_argument_group("without a server")
    offline.add_argument("--bundle", type=Path, help="what `manage.py export_log` wrote")
    offline.add_argument("--key", action="append", default=[], help="the log's public key")
    offline.add_argument("--checkpoint", action="append", default=[], help="file kept elsewhere")
    offline.add_argument("--witness", help="public key of the witness that must have signed")
    what = "show events as they are recorded, and check the log now and then"
    watch = verbs.add_parser("watch", help=what, description=what)
    _common(watch)
    watch.add_argument("--since", type=spans.since, help="begin there instead of now")
    watch.add_argument("--interval", type=spans.seconds, default=5.0, help="between looks; 5s")
    watch.add_argument("--verify-every", type=spans.seconds, default=300.0, help="5m")
    watch.add_argument("--type", action="append", default=[], help="of events; several: all those")
    watch.add_argument("--alerts", action="store_true", help="security alerts alone")
    return whole


def _common(into: argparse.ArgumentParser) -> None:
    frame.of_connection(into)
    into.add_argument("--url", default=argparse.SUPPRESS, help=f"of auditd; else {AUDIT_URL}")


def _work(said: argparse.Namespace) -> int:
    machine = bool(getattr(said, "json", False))
    if said.verb == "watch":
        following.follow(
            auditd(said),
            since=said.since,
            every_s=said.interval,
            verify_every_s=said.verify_every,
            types=frozenset([*said.type, *(following.ALERTS if said.alerts else ())]),
            machine=machine,
        )
        return VALID
    if said.bundle is not None:
        return _verify_bundle(said, machine=machine)
    if said.key or said.checkpoint or said.witness:
        raise Failure("--key, --checkpoint and --witness are for --bundle")
    return _verify(auditd(said), full=said.full, machine=machine)


def _verify(service: Service, *, full: bool, machine: bool) -> int:
    with show.patience("verifying"):
        verdict = service.get("/v1/verify", timeout_s=PATIENCE_S, full="true" if full else "")
    if not isinstance(verdict, dict) or not isinstance(verdict.get("valid"), bool):
        raise Failure("the server answers, but not as auditd does: a verdict was expected")
    if machine:
        say(show.as_json(verdict))
    else:
        for line in verdict_words(verdict):
            say(line)
    return VALID if verdict["valid"] else BROKEN


def verdict_words(verdict: dict[str, Any]) -> list[str]:
    """`VALID` or `INVALID`, and what it was found on."""
    told = {
        "Events": verdict.get("total_events"),
        "Hashed": verdict.get("hashed_events"),
        "Last event": verdict.get("last_event_id"),
        "Last hash": verdict.get("last_hash"),
        "Checked at": show.moment(verdict.get("checked_at") or ""),
    }
    if not verdict["valid"]:
        told |= {"Broken at": verdict.get("broken_at"), "Problem": verdict.get("error")}
    return ["VALID" if verdict["valid"] else "INVALID", *show.fields(told)]


def _verify_bundle(said: argparse.Namespace, *, machine: bool) -> int:
    """By the verifier that lies beside every export; imported, so that both are the same."""
    try:
        from governance.audit.offline import verify_bundle  # noqa: PLC0415 - it needs cryptography
    except ImportError as error:
        raise Failure(f"the offline verifier needs a package that is not here: {error}") from None
    if not said.bundle.exists():
        raise Failure(f"there is no bundle at {said.bundle}")
    arguments = [str(said.bundle)]
    for option, values in (("--key", said.key), ("--checkpoint", said.checkpoint)):
        arguments += [part for value in values for part in (option, value)]
    if said.witness:
        arguments += ["--witness", said.witness]
    heard = io.StringIO()
    with contextlib.redirect_stdout(heard):
        code = verify_bundle.main(arguments)
    told = heard.getvalue().strip()
    if machine:
        say(show.as_json({"valid": code == VALID, "message": told.splitlines()}))
    else:
        say("VALID" if code == VALID else "INVALID")
        say(show.lines(told))
    return VALID if code == VALID else BROKEN


if __name__ == "__main__":
    sys.exit(main())
