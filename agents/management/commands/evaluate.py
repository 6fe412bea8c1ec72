"""`manage.py evaluate`: how often the triage is right."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from agents.evaluation import chart, recorded, scores, suites
from agents.evaluation.scores import Attempt, Score

TITLE = "Right at the first place, by category"
HEADING = ("category", "cases", "runs", "at 1", "at 3", "pass^k", "alarms", "wrong", "s")


class Command(BaseCommand):
    help = (
        "Break a sandbox and a PostgreSQL of its own, one thing at a time, and see what the triage"
        " says; or judge recorded cases. Exits with 1 where something got worse."
    )
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        add = parser.add_argument
        add("--suite", choices=[*suites.SUITES, "all"], default="all", help="what is broken")
        add("--recorded", type=Path, metavar="DIR", help="judge the cases recorded there instead")
        add("--case", action="append", default=[], metavar="WORD", help="only cases of this name")
        add("--runs", type=int, default=1, help="of each case (default %(default)s)")
        add("--json", type=Path, metavar="FILE", help="write everything there")
        add("--chart", type=Path, metavar="FILE", help="write a bar chart there, as SVG")
        add("--compare", type=Path, metavar="FILE", help="an earlier --json: fail if worse")

    def handle(self, *_args: Any, **options: Any) -> None:
        before = _earlier(options["compare"])
        attempts = []
        for attempt in self._attempts(options):
            attempts.append(attempt)
            self._progress(attempt)
        if not attempts:
            raise CommandError("no case fits")
        self._report(attempts)
        if file := options["json"]:
            file.write_text(json.dumps(scores.as_json(attempts, runs=options["runs"]), indent=1))
        if file := options["chart"]:
            file.write_text(chart.svg(TITLE, scores.by_category(attempts)))
        if worse := scores.regressions(before, attempts):
            raise CommandError("worse than before:\n" + "\n".join(worse))

    def _attempts(self, options: dict[str, Any]) -> Iterator[Attempt]:
        if options["runs"] < 1:
            raise CommandError("--runs must be at least 1")
        words = options["case"]
        if folder := options["recorded"]:
            yield from _recorded(folder, words)
            return
        names = suites.SUITES if options["suite"] == "all" else (options["suite"],)
        for name in names:
            yield from suites.run(name, words, runs=options["runs"])

    def _progress(self, attempt: Attempt) -> None:
        state = (
            "right" if attempt.place == 1 else f"at {attempt.place}" if attempt.place else "WRONG"
        )
        notes = [attempt.error] if attempt.error else []
        notes += [f"found {', '.join(attempt.found) or 'nothing'}"] if attempt.place != 1 else []
        notes += [f"false alarm {', '.join(attempt.false_alarms)}"] if attempt.false_alarms else []
        notes += [f"wrong remedy {attempt.wrong_remedy}"] if attempt.wrong_remedy else []
        told = f"  ({'; '.join(notes)})" if notes else ""
        self.stdout.write(f"{state:7} {attempt.seconds * 1000:6.0f} ms  {attempt.case}{told}")

    def _report(self, attempts: list[Attempt]) -> None:
        rows = [_row(name, found) for name, found in scores.by_category(attempts).items()]
        rows.append(_row("all", scores.score(attempts)))
        widths = [max(map(len, column)) for column in zip(HEADING, *rows, strict=True)]
        for row in (HEADING, *rows):
            cells = [cell.rjust(width) for cell, width in zip(row, widths, strict=True)]
            self.stdout.write("  ".join([row[0].ljust(widths[0]), *cells[1:]]))
        total = scores.score(attempts)
        self.stdout.write(
            f"{total.tool_calls:.0f} tool call an answer, {total.tokens} tokens,"
            f" {total.cost:.2f} USD, {total.errors} attempts without an answer"
        )


def _row(name: str, found: Score) -> tuple[str, ...]:
    return (
        name,
        str(found.cases),
        str(found.attempts),
        f"{found.at_1:.2f}",
        f"{found.at_3:.2f}",
        f"{found.passed_all:.2f}",
        str(found.false_alarms),
        str(found.wrong_remedies),
        f"{found.median_s:.3f}",
    )


def _recorded(folder: Path, words: list[str]) -> Iterator[Attempt]:
    try:
        for case in recorded.cases(folder):
            if suites.fits(str(case), words):
                yield recorded.attempt(case, root=folder)
    except recorded.BadRecording as error:
        raise CommandError(str(error)) from None


def _earlier(file: Path | None) -> list[Attempt]:
    if file is None:
        return []
    try:
        return scores.read(json.loads(file.read_text()))
    except (OSError, ValueError) as error:
        raise CommandError(f"{file} cannot be compared with: {error}") from None
