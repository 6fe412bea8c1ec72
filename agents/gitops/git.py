"""The only place that starts git. GitPython runs it; nothing of the machine's or of the
repository's own configuration that could start a program is heard.

Callers give fixed commands; values from outside go behind `--`, through standard input, or through
`revision` first.
"""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE, TimeoutExpired
from typing import Any

from agents.gitops import failures, locks
from agents.gitops.remote import Remote
from agents.gitops.signs import LOCAL, REMOTE, Signs
from agents.runtime.interrupt import current
from agents.runtime.tool import ToolFailure

_OPTIONS = (
    # what would run a program
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.pager=cat",
    "core.askPass=",
    "core.alternateRefsCommand=",
    "credential.helper=",  # an empty value forgets every helper named before
    "credential.interactive=false",
    "diff.external=",
    "protocol.allow=never",
    "protocol.ext.allow=never",
    "commit.gpgSign=false",
    "tag.gpgSign=false",
    "push.gpgSign=false",
    "merge.verifySignatures=false",
    "gc.auto=0",
    "gc.autoDetach=false",
    "maintenance.auto=false",
    "submodule.recurse=false",
    "fetch.recurseSubmodules=false",
    "push.recurseSubmodules=no",
    # what would change files, or make one machine differ from another
    "core.symlinks=false",
    "core.protectHFS=true",
    "core.protectNTFS=true",
    "core.attributesFile=/dev/null",
    "core.excludesFile=/dev/null",
    "core.autocrlf=false",
    "core.quotePath=false",
    "color.ui=false",
    "rerere.enabled=false",
    "merge.autoStash=false",
    "rebase.autoStash=false",
    "rebase.updateRefs=false",
    "advice.detachedHead=false",
    # unreachable objects may be in use by another worker that has no reference yet
    "gc.pruneExpire=never",
    "gc.worktreePruneExpire=never",
    "gc.packRefs=false",
)
# Of our own environment git gets these names alone.
_KEPT = frozenset(
    {
        *("PATH", "TMPDIR", "LD_LIBRARY_PATH", "SSH_AUTH_SOCK"),
        *("SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE"),
        *("http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"),
        *("no_proxy", "NO_PROXY"),
    }
)
_ENVIRONMENT = {
    "HOME": "/dev/null",  # git 2.30 does not know GIT_CONFIG_GLOBAL; .netrc is not read either
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "",
    "SSH_ASKPASS": "",
    "GIT_EDITOR": "true",
    "GIT_SEQUENCE_EDITOR": "true",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_DEFAULT_REF_FORMAT": "files",  # `Clone.commit_of` reads references as files
    "LC_ALL": "C",
}
_GRACE_S = 2.0  # for git to remove its lock files after SIGTERM
_STDERR_SHOWN = 400  # characters

_BRANCH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._/+-]{0,199}")
_COMMIT = re.compile(r"[0-9a-f]{7,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """What a git command left: exit status, standard output and error."""

    status: int
    stdout: bytes
    stderr: str

    @property
    def text(self) -> str:
        return self.stdout.decode(errors="replace").strip()

    @property
    def names(self) -> list[str]:
        """The items of a NUL-separated list."""
        return [part for part in self.stdout.decode(errors="replace").split("\0") if part]


@dataclass(frozen=True, slots=True, kw_only=True)
class Git:
    """Runs git commands. `home` is a directory that exists; `author` is (name, email)."""

    remote: Remote
    home: Path
    author: tuple[str, str]
    timeout_s: float

    def run(
        self,
        *arguments: str,
        git_dir: Path | None = None,
        work_tree: Path | None = None,
        stdin: bytes = b"",
        accept: Collection[int] = (0,),
        variables: Mapping[str, str] | None = None,
    ) -> Output:
        """Run a local command. Raises a failure of `failures` for a status not in `accept`."""
        where = _where(git_dir, work_tree)
        output = self._execute([*where, *arguments], stdin, variables or {}, self.timeout_s)
        if output.status not in accept:
            raise self._failure(arguments[0], output, LOCAL)
        return output

    def ask(
        self, command: str, *arguments: str, git_dir: Path, timeout_s: float | None = None
    ) -> Output:
        """Run a command that speaks to the remote; its URL is put before `arguments`, behind `--`.

        Options of the command stand in `command`, separated by blanks.
        """
        limit = timeout_s or self.timeout_s
        words = command.split()
        options = [part for option in self.remote.options() for part in ("-c", option)]
        output = self._execute(
            [*options, *_where(git_dir, None), *words, "--", self.remote.url, *arguments],
            b"",
            self.remote.environment(limit),
            limit,
        )
        if output.status:
            raise self._failure(words[0], output, REMOTE)
        return output

    def _execute(
        self, arguments: list[str], stdin: bytes, variables: Mapping[str, str], timeout_s: float
    ) -> Output:
        prefix = [part for option in _OPTIONS for part in ("-c", option)]
        name, email = self.author
        environment = _ENVIRONMENT | {
            "GIT_AUTHOR_NAME": name,
            "GIT_AUTHOR_EMAIL": email,
            "GIT_COMMITTER_NAME": name,
            "GIT_COMMITTER_EMAIL": email,
            **variables,
        }
        command = [*_only(environment), "git", *prefix, *arguments]
        interrupt = current()
        interrupt.check()
        process = self._start(command, environment)
        try:
            with interrupt.ending_group(process.pid):
                stdout, stderr = process.communicate(stdin, timeout=timeout_s)
        except TimeoutExpired:
            _end(process)
            raise self._too_slow(arguments, timeout_s) from None
        except BaseException:
            _end(process)
            raise
        interrupt.check()
        return Output(
            status=process.returncode, stdout=stdout, stderr=stderr.decode(errors="replace")
        )

    def _start(self, command: list[str], environment: Mapping[str, str]) -> Any:
        """The running process, in a group of its own, with the locks of this thread."""
        try:
            import git  # noqa: PLC0415  starts a git to see whether there is one
        except ImportError:
            raise failures.GitFailure("git is not installed where the workers run") from None
        return git.Git(self.home).execute(
            command,
            as_process=True,
            istream=PIPE,
            env=environment,
            start_new_session=True,
            pass_fds=locks.descriptors(),
        )

    def _too_slow(self, arguments: list[str], timeout_s: float) -> ToolFailure:
        if self.remote.url in arguments:
            return failures.RemoteUnavailable(
                f"the Git remote did not answer within {timeout_s:g} s; try again later"
            )
        return failures.GitBusy(f"git did not finish within {timeout_s:g} s; try again later")

    def _failure(self, command: str, output: Output, table: Signs) -> ToolFailure:
        """The typed failure that the words of git mean."""
        said = self.remote.clean(output.stderr.strip() or output.text)
        tail = said[-_STDERR_SHOWN:].strip()
        for kind, advice, signs in table:
            if any(sign in said for sign in signs):
                return kind(f"{advice} (git {command}: {tail})")
        return failures.GitFailure(f"git {command} failed with status {output.status}: {tail}")


def _where(git_dir: Path | None, work_tree: Path | None) -> list[str]:
    """Says where the repository is instead of letting git look for one."""
    options = [f"--git-dir={git_dir}"] if git_dir else []
    if work_tree:
        options += ["-C", str(work_tree), f"--work-tree={work_tree}"]
    return options


def _only(given: Mapping[str, str]) -> list[str]:
    """`env -u NAME ...` for all but the `given` variables and the few that are kept.

    GitPython always passes our whole environment on, and that holds secrets.
    """
    names = os.environ.keys() - _KEPT - given.keys()  # noqa: TID251  names alone, to drop them
    return ["env", *(part for name in sorted(names) for part in ("-u", name))]


def _end(process: Any) -> None:
    """End git and everything it started (the remote helper, ssh), the stubborn ones too."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(TimeoutExpired):
            process.communicate(timeout=_GRACE_S)


# --- values from outside --------------------------------------------------------------------------


def branch_name(text: str) -> str:
    """`text` when it can only be a branch; `ToolFailure` for options, ranges and the like."""
    bad = ("..", "@{", "//", "/.", "./")
    if (
        _BRANCH.fullmatch(text)
        and not any(part in text for part in bad)
        and not text.endswith((".lock", ".", "/"))
        and text != "HEAD"
    ):
        return text
    raise ToolFailure(f"{text[:100]!r} is not a branch name")


def is_commit(text: str) -> bool:
    """Whether `text` is written like a commit id, whole or shortened to at least 7 digits."""
    return _COMMIT.fullmatch(text) is not None
