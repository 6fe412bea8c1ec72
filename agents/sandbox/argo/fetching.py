"""Reads Git beside the cluster's own thread, and remembers what it read."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from agents.sandbox import clock
from agents.sandbox.argo.repository import Author, Files, Repository, RepositoryError

Deliver = Callable[[Callable[[], None]], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What a revision of a repository was when it was last looked at; `problem` or a commit."""

    commit: str = ""
    files: Files | None = None
    about: Author | None = None
    problem: str = ""
    read: float = 0.0  # seconds since the epoch


class Fetcher:
    """`deliver` hands a call to the cluster's thread; whoever runs the loop sets it."""

    def __init__(self, cache: Path | None) -> None:
        self.deliver: Deliver = lambda call: call()
        self._own = None if cache else tempfile.TemporaryDirectory(prefix="sandbox-git-")
        self._cache = cache or Path(self._own.name if self._own else "")
        self._threads = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sandbox-git")
        self._repositories: dict[str, Repository] = {}
        self._files: dict[tuple[str, str], tuple[Files, Author]] = {}
        self._known: dict[tuple[str, str], Snapshot] = {}
        self._waiting: dict[tuple[str, str], list[Callable[[], None]]] = {}
        self._asked: dict[tuple[str, str], list[Callable[[], None]]] = {}

    def known(self, url: str, revision: str) -> Snapshot | None:
        """What was read last, if anything."""
        return self._known.get((url, revision))

    def look(self, url: str, revision: str, then: Callable[[], None]) -> None:
        """Ask the remote what `revision` is now; `then` is called once it is known.

        Whoever asks while a look is under way gets the next one: the answer is never older than
        the question.
        """
        key = (url, revision)
        if key in self._asked:
            self._waiting.setdefault(key, []).append(then)
            return
        self._asked[key] = [then]
        self._threads.submit(self._work, url, revision)

    def age(self, url: str, revision: str) -> float:
        """Seconds since the remote was asked; infinite when it never was."""
        found = self._known.get((url, revision))
        return clock.now() - found.read if found else float("inf")

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        if self._own:
            self._own.cleanup()

    def _work(self, url: str, revision: str) -> None:
        snapshot = self._read(url, revision)

        def tell() -> None:
            key = (url, revision)
            self._known[key] = snapshot
            for then in self._asked.pop(key, []):
                then()
            waiting = self._waiting.pop(key, [])
            if waiting:
                self._asked[key] = waiting
                self._threads.submit(self._work, url, revision)

        self.deliver(tell)

    def _has(self, url: str) -> Callable[[str], bool]:
        return lambda commit: (url, commit) in self._files

    def _read(self, url: str, revision: str) -> Snapshot:
        try:
            begun = clock.now()
            repository = self._repositories.setdefault(url, Repository(url, self._cache))
            commit = repository.commit_of(revision, known=self._has(url))
            if (url, commit) not in self._files:
                self._files[url, commit] = (repository.files_of(commit), repository.about(commit))
            files, about = self._files[url, commit]
        except (RepositoryError, OSError) as error:
            return Snapshot(problem=str(error), read=clock.now())
        return Snapshot(commit=commit, files=files, about=about, read=begun)
