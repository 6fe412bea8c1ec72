"""Starting, sharing and stopping the embedded services of one data directory.

Every process that uses them holds a shared file lock; whoever leaves last stops them. Locks end
with their process, so a `kill -9` leaves services that the next start finds and takes over.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from aura.config import Settings
from aura.embedded.places import Places
from aura.embedded.postgres import SUPERUSER, Postgres
from aura.embedded.process import make_directory, make_private, usable
from aura.embedded.redis import Redis


class Embedded:
    """The services of `data` (absolute) that this process wants running.

    `durable=False` trades the database's safety in a crash for speed: for tests alone.
    """

    def __init__(
        self, data: Path, *, postgres: bool = True, redis: bool = True, durable: bool = True
    ) -> None:
        self.places = Places(data)
        self.services: list[Postgres | Redis] = []
        if postgres:
            self.services.append(Postgres(self.places, durable=durable))
        if redis:
            self.services.append(Redis(self.places))
        self._use: int | None = None

    def own_postgres(self) -> Places | None:
        """Where the database server lies; None when it is not ours."""
        ours = any(isinstance(service, Postgres) for service in self.services)
        return self.places if ours else None

    def admin_url(self) -> str:
        """libpq URL of the superuser on our database; empty when the server is not ours."""
        return self.places.database_url(role=SUPERUSER) if self.own_postgres() else ""

    @classmethod
    def of(cls, settings: Settings) -> Embedded:
        """Those services for which no URL is configured."""
        return cls(settings.data, postgres=not settings.database_url, redis=not settings.redis_url)

    def start(self) -> None:
        """Start what does not run yet and wait until it answers. Raises `ServiceError`."""
        if not self.services:
            return
        make_directory(self.places.data)
        make_private(self.places.logs)
        with self._alone():
            if self._use is None:
                self._use = _open(self.places.data / "services.lock")
            # Taken before the first launch: a start that is interrupted can still be stopped.
            fcntl.flock(self._use, fcntl.LOCK_SH)
            self._launch_missing()

    def heal(self) -> list[str]:
        """Start again what has died; its names."""
        if all(service.answers() for service in self.services):
            return []
        with self._alone():
            return self._launch_missing()

    def stop(self) -> bool:
        """Stop the services unless another process uses them. True when they were stopped."""
        if self._use is None:
            return False
        return self.stop_unused()

    def stop_unused(self) -> bool:
        """The same without having started them: for what a killed process left behind."""
        with self._alone():
            use = self._use or _open(self.places.data / "services.lock")
            self._use = None
            try:
                fcntl.flock(use, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            else:
                for service in reversed(self.services):
                    service.stop()
                return True
            finally:
                os.close(use)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self.stop()

    def _launch_missing(self) -> list[str]:
        missing = [service for service in self.services if not service.answers()]
        if missing:
            make_private(self.places.sockets, self.services[0].owner)
        for service in missing:
            service.launch()
        for service in self.services:
            service.wait_ready()
        return [service.name for service in missing]

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """No other process starts or stops the services of this directory meanwhile."""
        handle = _open(self.places.data / "services.start")
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)


def _open(path: Path) -> int:
    with usable(path.parent):
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
