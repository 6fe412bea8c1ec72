"""Git repositories as Argo CD reads them: a revision is a commit, a commit is files."""

from __future__ import annotations

import hashlib
import io
import os
import re
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

Files = dict[str, bytes]  # path from the root -> content

_TIMEOUT_S = 30.0
_LARGEST = 64 * 1024 * 1024  # bytes of one commit
# Nothing a repository or this machine configures may start a program (as agents/gitops/git.py).
_OPTIONS = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.askPass=",
    "core.attributesFile=/dev/null",
    "core.symlinks=false",
    "credential.helper=",
    "credential.interactive=false",
    "protocol.allow=never",
    "protocol.file.allow=always",
    "protocol.http.allow=always",
    "protocol.https.allow=always",
    "protocol.git.allow=always",
    "submodule.recurse=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "tar.umask=0022",
)
_COMMIT = re.compile(r"[0-9a-f]{40}")
_ENVIRONMENT = {
    "HOME": "/dev/null",
    "PATH": os.defpath,
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "",
    "GIT_OPTIONAL_LOCKS": "0",
    "LC_ALL": "C",
}


class RepositoryError(Exception):
    """Git cannot give what was asked for; the text is what Argo CD would show."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """Who made a commit, and what they said of it."""

    author: str
    date: str  # RFC 3339
    message: str


class Repository:
    """A bare copy of one remote, in a directory of its own."""

    def __init__(self, url: str, cache: Path) -> None:
        self.url = url
        digest = hashlib.sha256(url.encode()).hexdigest()[:20]
        self._directory = cache / digest

    def commit_of(self, revision: str, known: Callable[[str], bool] = lambda _: False) -> str:
        """The commit a branch, tag or commit id means now. Asks the remote; a commit that is
        `known` already is not fetched again.
        """
        if _COMMIT.fullmatch(revision) and known(revision):
            return revision
        said = self._advertised(revision)
        if said and known(said):
            return said
        self._fetch()
        return self._commit(said or revision)

    def _advertised(self, revision: str) -> str:
        """The commit that the remote names for a reference; "" for what is no reference."""
        wanted = [f"refs/heads/{revision}", f"refs/tags/{revision}^{{}}", f"refs/tags/{revision}"]
        if revision in ("", "HEAD"):
            wanted = ["HEAD"]
        done = self._git("ls-remote", "--end-of-options", self.url, *wanted)
        if done.returncode:
            raise RepositoryError(f"failed to list refs of {self.url}: {_said(done)}")
        rows = [line.split("\t") for line in done.stdout.decode(errors="replace").splitlines()]
        found = {name: commit for commit, name in rows}
        return next((found[name] for name in wanted if name in found), "")

    def _commit(self, name: str) -> str:
        found = self._git("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
        if found.returncode:
            raise RepositoryError(f"Unable to resolve '{name}' to a commit SHA")
        return found.stdout.decode().strip()

    def files_of(self, commit: str) -> Files:
        """The regular files of a commit."""
        packed = self._git("archive", "--format=tar", commit)
        if packed.returncode:
            raise RepositoryError(_said(packed))
        if len(packed.stdout) > _LARGEST:
            raise RepositoryError("the repository is too large for the sandbox")
        with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
            members = [each for each in archive.getmembers() if each.isfile()]
            return {each.name: _content(archive, each) for each in members}

    def about(self, commit: str) -> Author:
        found = self._git("show", "--no-patch", "--format=%an <%ae>%n%aI%n%B", commit)
        author, _, rest = found.stdout.decode(errors="replace").partition("\n")
        date, _, message = rest.partition("\n")
        return Author(author=author, date=date, message=message.strip())

    def _fetch(self) -> None:
        if not (self._directory / "HEAD").exists():
            self._directory.mkdir(parents=True, exist_ok=True)
            self._check(self._git("init", "--bare", "--quiet"))
        done = self._git(
            "fetch",
            "--quiet",
            "--prune",
            "--no-recurse-submodules",
            "--end-of-options",
            self.url,
            "+refs/heads/*:refs/heads/*",
            "+refs/tags/*:refs/tags/*",
        )
        self._check(done)

    def _check(self, done: subprocess.CompletedProcess[bytes]) -> None:
        if done.returncode:
            raise RepositoryError(f"failed to fetch {self.url}: {_said(done)}")

    def _git(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        options = [part for option in _OPTIONS for part in ("-c", option)]
        program = shutil.which("git") or "git"
        try:
            return subprocess.run(  # noqa: S603 - fixed commands, values behind --end-of-options
                [program, *options, f"--git-dir={self._directory}", *arguments],
                env=_ENVIRONMENT,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_TIMEOUT_S,
                check=False,
            )
        except FileNotFoundError:
            raise RepositoryError("git is not installed") from None
        except subprocess.TimeoutExpired:
            raise RepositoryError(f"{self.url} did not answer in time") from None


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(member)
    return file.read() if file else b""


def _said(done: subprocess.CompletedProcess[bytes]) -> str:
    return done.stderr.decode(errors="replace").strip()[-300:] or "git failed"
