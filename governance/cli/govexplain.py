"""`govexplain`: may somebody do something, and why; or why a recorded decision was as it was.

Exits 0 allow, 1 deny, 2 require_approval, 3 when there is no answer. A list exits with its worst: 1
beats 2 beats 0. Documented: aihelpdesk-behaviour §3.5.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from governance.cli import frame, show, spans
from governance.cli.environment import (
    AUDIT_URL,
    GATEWAY_URL,
    INFRA_CONFIG,
    POLICY_FILE,
    variable,
)
from governance.cli.frame import Failure, Parser, say, token_of
from governance.cli.service import Service

GATEWAY = "http://localhost:8080"
EXIT_OF = {"allow": 0, "deny": 1, "require_approval": 2}
BAD_TO_GOOD = (1, 2, 0)
NO_ANSWER = 3
ACTIONS = ("read", "write", "destructive")
HEAD = ("TIME", "EVENT", "EFFECT", "ACTION", "RESOURCE", "POLICY", "TRACE")
LOOKED_AT = 1000  # events: not each of a call was judged, or has the effect that is asked for
# What was asked about at auditd, and the calls of agents, which carry what they were told.
DECIDED = "policy_decision,tool_execution"


class Asking(Parser):
    failed = NO_ANSWER


def main(arguments: Sequence[str] | None = None) -> int:
    return frame.run(parser(), _work, arguments)


def parser() -> Asking:
    whole = Asking(prog="govexplain", description=(__doc__ or "").split("\n", 1)[0])
    frame.of_connection(whole)
    _targets(whole)
    modes = whole.add_mutually_exclusive_group(required=True)
    modes.add_argument("--resource", metavar="TYPE:NAME", help="what would be touched")
    modes.add_argument("--event", metavar="ID", help="a recorded decision")
    modes.add_argument("--list", action="store_true", help="recorded decisions")
    asked = whole.add_argument_group("with --resource")
    asked.add_argument("--action", choices=ACTIONS)
    asked.add_argument("--tags", default="", help="comma-separated; else those of the inventory")
    asked.add_argument("--user", default="", help="on whose behalf")
    asked.add_argument("--role", default="", help="that this user has")
    listed = whole.add_argument_group("with --list")
    listed.add_argument("--since", type=spans.since, help="1h, 7d, 2w, or 2026-11-22T14:00:00Z")
    listed.add_argument("--session", default="")
    listed.add_argument("--trace", default="")
    listed.add_argument("--trace-prefix", default="")
    listed.add_argument("--effect", choices=sorted(EXIT_OF))
    listed.add_argument("--limit", type=_positive, default=20)
    listed.add_argument("--table", action="store_true", help="columns instead of explanations")
    return whole


def _targets(whole: argparse.ArgumentParser) -> None:
    there = whole.add_argument_group("whom to ask, the first that is named")
    there.add_argument("--policy-file", type=Path, help=f"a file, no server; else {POLICY_FILE}")
    there.add_argument("--infra-config", type=Path, help=f"its inventory; else {INFRA_CONFIG}")
    there.add_argument("--auditd", metavar="URL", default="", help=f"else {AUDIT_URL}")
    there.add_argument(
        "--gateway", metavar="URL", default="", help=f"else {GATEWAY_URL}, {GATEWAY}"
    )


def _work(said: argparse.Namespace) -> int:
    if said.resource is None and said.policy_file is not None:
        raise Failure("a policy file has no recorded decisions; leave --policy-file out")
    if said.resource is not None:
        return _hypothetical(said)
    log = _Log(said)
    return _retrospective(log, said) if said.event is not None else _list(log, said)


# --- what would be decided ---


def _hypothetical(said: argparse.Namespace) -> int:
    kind, colon, name = said.resource.partition(":")
    if not (kind and colon and name):
        raise Failure(f"--resource is TYPE:NAME, e.g. database:prod-db, not {said.resource!r}")
    if said.action is None:
        raise Failure(f"--resource needs --action: {', '.join(ACTIONS)}")
    file = said.policy_file or (Path(named) if (named := variable(POLICY_FILE)) else None)
    if file is not None and not (said.auditd or (said.gateway and said.policy_file is None)):
        trace = _decided_here(file, kind, name, said)
    else:
        trace = _Log(said).explained(kind, name, said)
    if _machine(said):
        say(show.as_json(trace))
    else:
        say(_explanation(trace))
    return _exit_of(trace.get("decision"))


def _file(said: argparse.Namespace) -> Path | None:
    """The policy file to ask; what is typed counts before what the environment names."""
    if said.policy_file is not None:
        return Path(said.policy_file)
    named = "" if said.auditd or said.gateway else variable(POLICY_FILE)
    return Path(named) if named else None


def _decided_here(file: Path, kind: str, name: str, said: argparse.Namespace) -> dict[str, Any]:
    from governance.cli import local  # noqa: PLC0415 - the engine is slow to import

    infra = said.infra_config or (Path(named) if (named := variable(INFRA_CONFIG)) else None)
    return local.explain(
        file,
        infra=infra,
        kind=kind,
        name=name,
        action=said.action,
        tags=_tags(said.tags),
        user=said.user,
        role=said.role,
    )


# --- what was decided ---


class _Log:
    """auditd, else the gateway's window to it."""

    def __init__(self, said: argparse.Namespace) -> None:
        auditd = said.auditd or ("" if said.gateway else variable(AUDIT_URL))
        token = token_of(said)
        if auditd:
            self._service = Service(auditd, token=token, option=f"--auditd or {AUDIT_URL}")
            self._events, self._explain = "/v1/events", "/v1/governance/explain"
        else:
            url = said.gateway or variable(GATEWAY_URL) or GATEWAY
            option = f"--gateway or {GATEWAY_URL}"
            self._service = Service(url, token=token, name="the gateway", option=option)
            self._events = "/api/v1/governance/events"
            self._explain = "/api/v1/governance/explain"

    def explained(self, kind: str, name: str, said: argparse.Namespace) -> dict[str, Any]:
        return _object(
            self._service.get(
                self._explain,
                resource_type=kind,
                resource_name=name,
                action=said.action,
                tags=said.tags,
                user_id=said.user,
                role=said.role,
            )
        )

    def event(self, key: str) -> dict[str, Any]:
        return _object(self._service.get(f"{self._events}/{quote(key, safe='')}"))

    def decisions(self, said: argparse.Namespace) -> list[dict[str, Any]]:
        """Newest first, as many as asked for."""
        found = self._service.get(
            self._events,
            event_type=DECIDED,
            since=said.since,
            session_id=said.session,
            trace_id=said.trace,
            trace_id_prefix=said.trace_prefix,
            limit=max(LOOKED_AT, said.limit),
        )
        if not isinstance(found, list):
            _object(found)
            raise Failure("the server answers, but not as auditd does: a list was expected")
        decided = [event for event in found if _decision_of(event).get("effect")]
        kept = [e for e in decided if said.effect in (None, _decision_of(e)["effect"])]
        return kept[: said.limit]


def _retrospective(log: _Log, said: argparse.Namespace) -> int:
    event = log.event(said.event)
    decision = _decision_of(event)
    if _machine(said):
        say(show.as_json(event))
    elif decision.get("effect"):
        say(_heading(event, decision))
        say(_explanation(decision))
    if not decision.get("effect"):
        kind = show.clean(event.get("event_type", "something else"))
        raise Failure(f"{show.clean(said.event)} is no policy decision but {kind}")
    return _exit_of(decision)


def _list(log: _Log, said: argparse.Namespace) -> int:
    events = log.decisions(said)
    if _machine(said):
        say(show.as_json(events))
    elif not events:
        say("No decisions.")
    elif said.table:
        for line in show.table(HEAD, [_row(event) for event in events], width=show.room()):
            say(line)
    else:
        for event in events:
            decision = _decision_of(event)
            say(_heading(event, decision))
            say(f"{_explanation(decision)}\n")
    found = {_exit_of(_decision_of(event)) for event in events}
    return next((code for code in BAD_TO_GOOD if code in found), max(found, default=0))


# --- in words ---


def _heading(event: dict[str, Any], decision: dict[str, Any]) -> str:
    when = show.moment(event.get("timestamp", ""))
    effect = decision.get("effect", "?")
    tool = (event.get("tool") or {}).get("name") or ""
    parts = (when, event.get("event_id"), effect, event.get("trace_id"), tool)
    return show.clean("  ".join(str(part) for part in parts if part))


def _explanation(said: dict[str, Any]) -> str:
    """Its own words; for a decision that came without any, what it consists of."""
    inner = said.get("trace") if isinstance(said.get("trace"), dict) else {}
    words = said.get("explanation") or (inner or {}).get("explanation")
    if words:
        return show.lines(str(words))
    decision = said.get("decision") if isinstance(said.get("decision"), dict) else said
    return "\n".join(show.fields(decision or {}))


def _row(event: dict[str, Any]) -> list[Any]:
    decision = _decision_of(event)
    return [
        show.moment(event.get("timestamp", "")),
        event.get("event_id"),
        decision.get("effect"),
        decision.get("action"),
        f"{decision.get('resource_type', '')}:{decision.get('resource_name', '')}",
        decision.get("policy_name"),
        event.get("trace_id"),
    ]


def _decision_of(event: dict[str, Any]) -> dict[str, Any]:
    decision = event.get("policy_decision")
    return decision if isinstance(decision, dict) else {}


def _exit_of(decision: Any) -> int:
    effect = decision.get("effect") if isinstance(decision, dict) else None
    return EXIT_OF.get(str(effect), NO_ANSWER)


def _object(said: Any) -> dict[str, Any]:
    if not isinstance(said, dict):
        raise Failure("the server answers, but not as auditd does: an object was expected")
    if said.get("enabled") is False:
        raise Failure(show.clean(said.get("message") or "governance is not enabled there"))
    return said


def _tags(text: str) -> frozenset[str]:
    return frozenset(part.strip() for part in text.split(",") if part.strip())


def _machine(said: argparse.Namespace) -> bool:
    return bool(getattr(said, "json", False))


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no number above 0")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
