"""`manage.py policy …`: everything about the policy that is done at a console. docs/policy.md"""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError

from aura.kernel.errors import Problem
from governance.inventory import InventoryRefused
from governance.models import PolicyVersion
from governance.policy import activation, cases, current, deciders, words
from governance.policy.checking import checked, known
from governance.policy.comparison import compare
from governance.policy.diff import Change
from governance.policy.engine import CompiledPolicy
from governance.policy.loader import load
from governance.policy.nodes import PolicyRefused
from governance.policy.question import Question, listed
from governance.policy.replay import Replayed, days_ago, replay
from governance.policy.trial import trial
from governance.policy.types import Effect
from governance.types import ActionClass, ActorKind, Impact, Principal

FINE, FOUND, LOOSENS, UNUSABLE = 0, 1, 2, 3
EXIT_OF = {Effect.ALLOW: 0, Effect.DENY: 1, Effect.REQUIRE_APPROVAL: 2}
NOBODY = "nobody has the role approver or admin yet: give it in the console, People"
WHAT = "a policy file, the first digits of a kept version, `current` or `built-in`"


class Command(BaseCommand):
    help = (
        "Look at, check, compare and activate policies. Exit codes: 0 all is well; 1 something"
        " was found (lint, test), differs (diff, shadow) or waits (activate); 2 it loosens (diff);"
        " 3 it cannot be used. `explain`: 0 allow, 1 deny, 2 require_approval."
    )
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        show = verbs.add_parser("show", help="the policy in force, and what waits")
        show.add_argument("--text", action="store_true", help="its document")
        check = verbs.add_parser("lint", help="rules that never decide, words that look misspelt")
        check.add_argument("what", nargs="?", default="current", help=WHAT)
        check.add_argument("--waive", action="append", default=[], metavar="POLICY#RULE|tickets")
        compare = verbs.add_parser("diff", help="what another document would decide otherwise")
        compare.add_argument("what", help=WHAT)
        compare.add_argument("--against", default="current", help=WHAT)
        compare.add_argument("--replay", type=float, metavar="DAYS", help="over recorded decisions")
        test = verbs.add_parser("test", help="the cases in FILE.tests.yaml beside the file")
        test.add_argument("file", type=Path)
        test.add_argument("--partial", action="store_true", help="rules without a case are fine")
        self._explain_arguments(verbs.add_parser("explain", help="one decision, and why"))
        activate = verbs.add_parser("activate", help="bring a document into force")
        activate.add_argument("what", help=WHAT)
        activate.add_argument("--by", metavar="NAME", help="who proposes it")
        activate.add_argument("--confirm", metavar="NAME", help="the second person, who confirms")
        activate.add_argument(
            "--lost-key", action="store_true", help="the server's former AURA_SECRET_KEY is gone"
        )
        no = verbs.add_parser("refuse", help="a proposal waits no more")
        no.add_argument("what", help="the first digits of the version that waits")
        no.add_argument("--by", metavar="NAME", required=True)
        no.add_argument("--reason", required=True)
        shade = verbs.add_parser("shadow", help="judge a candidate next to the policy in force")
        shade.add_argument("what", nargs="?", help=f"{WHAT}; left out: how the candidate does")
        shade.add_argument("--by", metavar="NAME")
        shade.add_argument("--end", action="store_true", help="no candidate any more")

    def _explain_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--resource", required=True, metavar="TYPE:NAME")
        parser.add_argument(
            "--action", required=True, choices=["read", "write", "destructive", "unknown"]
        )
        parser.add_argument("--policy", default="current", help=WHAT)
        parser.add_argument("--tags", metavar="A,B", help="instead of those of the inventory")
        parser.add_argument("--sensitivity", default="", metavar="A,B")
        for name in ("tool", "user", "service", "role", "purpose", "namespace"):
            parser.add_argument(f"--{name}", default="")
        for name in ("rows", "pods", "xact-age-secs"):
            parser.add_argument(f"--{name}", type=int)
        parser.add_argument("--at", type=cases.moment, metavar="2026-03-06T17:00:00+01:00")
        parser.add_argument("--json", action="store_true")

    def handle(self, *_args: Any, **options: Any) -> None:
        verb: Callable[..., int] = getattr(self, f"_{options['verb']}")
        try:
            code = verb(options)
        except (PolicyRefused, InventoryRefused) as refusal:
            self.stderr.write(str(refusal))
            code = UNUSABLE
        except Problem as problem:
            self.stderr.write(problem.message)
            code = UNUSABLE
        if code:
            sys.exit(code)

    # --- verbs ---

    def _show(self, options: dict[str, Any]) -> int:
        policy = current.policy()
        if options["text"]:
            self.stdout.write(current.text())
            return FINE
        for line in words.status(policy):
            self.stdout.write(line)
        return FINE

    def _lint(self, options: dict[str, Any]) -> int:
        source, text = self._read(options["what"])
        seen = checked(text, source, inventory=known())
        document = seen.document
        if document is None:
            raise PolicyRefused(source, seen.faults)
        found = [f for f in seen.findings if f.name not in options["waive"]]
        for finding in found:
            self.stdout.write(f"{source}:{finding.line}:{finding.column}: {finding.message}")
        rules = sum(len(policy.rules) for policy in document.policies)
        self.stdout.write(
            f"{len(document.policies)} policies, {rules} rules, {len(found)} findings"
        )
        return FOUND if found else FINE

    def _diff(self, options: dict[str, Any]) -> int:
        old, new = self._compiled(options["against"]), self._compiled(options["what"])
        if options["replay"] is not None:
            seen, changes = replay(old, new, since=days_ago(options["replay"]))
            self.stdout.write(f"{seen} recorded decisions were asked again")
            self._told(changes)
            self.stdout.write("At all:")
        compared = compare(old.document, new.document)  # what was recorded is among it
        if compared.unknown:
            self.stderr.write(words.UNKNOWN)
            return LOOSENS
        return self._told(compared.changes)

    def _told(self, changes: Sequence[Change | Replayed]) -> int:
        for change in changes:
            for line in words.changed(change):
                self.stdout.write(line)
        if not changes:
            self.stdout.write(words.ALIKE)
            return FINE
        return LOOSENS if any(change.loosens for change in changes) else FOUND

    def _test(self, options: dict[str, Any]) -> int:
        file: Path = options["file"]
        policy = self._compiled(str(file))
        beside = cases.beside(file)
        results = list(cases.run(policy, cases.load_cases(_text(beside), str(beside))))
        wrong = [result for result in results if result.wrong]
        for result in wrong:
            self.stdout.write(f"{beside}:{result.case.line}: {result.case.name}: {result.wrong}")
        missing = cases.uncovered(policy, results)
        for name, index in missing:
            self.stdout.write(f"no case is decided by {name} rule {index}")
        self.stdout.write(
            f"{len(results)} cases, {len(wrong)} wrong, {len(missing)} rules without a case"
        )
        return FOUND if wrong or (missing and not options["partial"]) else FINE

    def _explain(self, options: dict[str, Any]) -> int:
        trace = current.explain(self._compiled(options["policy"]), _question(options).request())
        said = json.dumps(trace, indent=2) if options["json"] else trace["explanation"]
        self.stdout.write(said)
        return EXIT_OF[trace["decision"]["effect"]]

    def _activate(self, options: dict[str, Any]) -> int:
        if not options["by"] and not options["confirm"]:
            raise CommandError("name who proposes it (--by NAME) or who confirms it (--confirm)")
        by = _person(options["by"]) if options["by"] else None
        second = _person(options["confirm"]) if options["confirm"] else None
        version = self._version(options["what"], by)
        if by is not None:
            done = activation.propose(version, by=by, lost_key=options["lost_key"])
            for change in done.changes:
                for line in words.changed(change):
                    self.stdout.write(line)
            if done.active:
                self.stdout.write(f"{version} is in force.")
                return FINE
        if second is not None:
            activation.confirm(version, by=second)
            self.stdout.write(f"{version} is in force.")
            return FINE
        self.stdout.write(words.waits(version))
        return FOUND

    def _refuse(self, options: dict[str, Any]) -> int:
        version = _row(options["what"])
        activation.refuse(version, by=_person(options["by"]), reason=options["reason"])
        self.stdout.write(f"{version} waits no more.")
        return FINE

    def _shadow(self, options: dict[str, Any]) -> int:
        if options["what"] is None and not options["end"]:
            return self._shadow_report()
        if not options["by"]:
            raise CommandError("name who does it: --by NAME")
        by = _person(options["by"])
        version = None if options["end"] else self._version(options["what"], by)
        activation.shadow(version, by=by)
        self.stdout.write(f"{version} is the candidate." if version else "There is no candidate.")
        return FINE

    def _shadow_report(self) -> int:
        how = trial()
        if how is None:
            self.stdout.write("There is no candidate.")
            return FINE
        self.stdout.write(str(how))
        return self._told(how.changes)

    # --- what they work on ---

    def _read(self, what: str) -> tuple[str, str]:
        """(source, text) of what is meant."""
        if what == "built-in":
            return current.BUILT_IN, current.built_in_text()
        if what == "current":
            policy = current.policy()
            return policy.source, current.text()
        if Path(what).is_file():
            return what, _text(Path(what))
        row = _row(what)
        return row.source, row.text

    def _compiled(self, what: str) -> CompiledPolicy:
        if what == "current":
            return current.policy()
        source, text = self._read(what)
        document = load(text, source, inventory=known() if Path(what).is_file() else None)
        return CompiledPolicy(document, source=source, options=current.configured())

    def _version(self, what: str, by: User | None) -> PolicyVersion:
        if what == "built-in" or Path(what).is_file():
            source, text = self._read(what)
            person = by.get_username() if by else "nobody"
            keeper = Principal(kind=ActorKind.USER, name=person)
            return activation.keep(text, source=source, by=keeper, inventory=known())
        return _row(what)


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{file} cannot be read: {error}", returncode=UNUSABLE) from None


def _row(digits: str) -> PolicyVersion:
    rows = list(PolicyVersion.objects.filter(digest__startswith=digits)[:2]) if digits else []
    if len(rows) != 1:
        many = "several versions begin" if rows else "there is no file, and no version begins"
        raise CommandError(f"{many} with {digits!r}", returncode=UNUSABLE)
    return rows[0]


def _person(name: str) -> User:
    person = User.objects.filter(username=name, is_active=True).first()
    if person is None:
        known = ", ".join(deciders.names()[:10])
        who = f"approver or admin are: {known}" if known else NOBODY
        raise CommandError(f"there is no active user {name!r}; {who}", returncode=UNUSABLE)
    return person


def _question(options: dict[str, Any]) -> Question:
    kind, _, name = options["resource"].partition(":")
    if not kind or not name:
        raise CommandError("--resource is TYPE:NAME, e.g. database:orders", returncode=UNUSABLE)
    return Question(
        type=kind,
        name=name,
        action=ActionClass(options["action"]),
        tags=None if options["tags"] is None else listed(options["tags"]),
        sensitivity=listed(options["sensitivity"]),
        roles=listed(options["role"]),
        impact=Impact(
            rows=options["rows"], pods=options["pods"], xact_age_s=options["xact_age_secs"]
        ),
        at=options["at"],
        **{key: options[key] for key in ("tool", "namespace", "user", "service", "purpose")},
    )
