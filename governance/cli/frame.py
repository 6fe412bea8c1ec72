"""What the tools share: options anywhere on the line, failures as one sentence, exit codes."""

from __future__ import annotations

import argparse
import getpass
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from governance.cli.environment import TOKEN, TOKEN_FILE, variable

DEFAULT_FILE = Path("~/.config/aura/token")
OTHERS = 0o077  # what of a file's mode lets others in
INTERRUPTED = 130  # as a shell has it
YES = frozenset({"y", "yes"})


class Failure(Exception):
    """The tool cannot do what was asked; the text says why, and what to do."""


class Parser(argparse.ArgumentParser):
    """Complains with the exit code of its tool: 2 means something else to some of them."""

    failed = 1

    def __init__(self, **given: Any) -> None:
        super().__init__(allow_abbrev=False, **given)

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(self.failed, f"{self.prog}: {message}\n")


def of_connection(parser: argparse.ArgumentParser) -> None:
    """Adds the options that every tool has, also behind a verb: what is not given says nothing."""
    ask = parser.add_argument_group("connection")
    unset = argparse.SUPPRESS
    ask.add_argument("--token", default=unset, help=f"bearer token; better {TOKEN} or a file")
    ask.add_argument(
        "--token-file",
        type=Path,
        default=unset,
        help=f"file that holds it, mode 0600; else {TOKEN_FILE}, else {DEFAULT_FILE}",
    )
    parser.add_argument("--json", action="store_true", default=unset, help="for machines")


def token_of(said: argparse.Namespace) -> str:
    """The token: of an option, else of the environment, else of the usual file; empty: none.

    Raises `Failure` for a file that others may read.
    """
    if given := getattr(said, "token", ""):
        return str(given)
    named = getattr(said, "token_file", None)
    if named is None and (token := variable(TOKEN)):
        return token
    if named is None and (path := variable(TOKEN_FILE)):
        named = Path(path)
    if named is not None:
        return _in_file(named.expanduser())
    usual = DEFAULT_FILE.expanduser()
    return _in_file(usual) if usual.exists() else ""


def _in_file(path: Path) -> str:
    try:
        if path.stat().st_mode & OTHERS:
            raise Failure(f"{path} may be read by others: chmod 600 {path}")
        token = path.read_text(encoding="ascii").strip()
    except OSError as error:
        raise Failure(f"the token file {path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise Failure(f"the token file {path} holds no token") from None
    return token


def who() -> str:
    """The name of whoever is at the keyboard, for where no credential says it."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user id without a name
        return "operator"


def run(
    parser: Parser, work: Callable[[argparse.Namespace], int], arguments: Sequence[str] | None
) -> int:
    """Parse and do; the exit code. What fails is told in one sentence on standard error."""
    for stream in (sys.stdout, sys.stderr):
        _tolerant(stream)
    try:
        return work(parser.parse_args(arguments))
    except Failure as failure:
        say(f"{parser.prog}: {failure}", error=True)
        return parser.failed
    except BrokenPipeError:  # `| head` has seen enough
        sys.stderr.close()
        return parser.failed
    except KeyboardInterrupt:
        return INTERRUPTED


def say(text: str, *, error: bool = False) -> None:
    """Print a line, now: somebody may be reading it through a pipe."""
    print(text, file=sys.stderr if error else sys.stdout, flush=True)


def typed(prompt: str) -> str:
    """One line of the person at the keyboard. Raises `Failure` when nothing is typed."""
    sys.stderr.write(prompt)
    sys.stderr.flush()
    line = sys.stdin.readline().strip()
    if not line:
        raise Failure("nothing was said, and nothing was done")
    return line


def _tolerant(stream: Any) -> None:
    """A terminal that cannot show a letter shows another one."""
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(errors="replace")
