"""pytest plugin, loaded by `-p tests.boot` before Django's settings: services and environment.

Without AURA_DATABASE_URL and AURA_REDIS_URL it starts the embedded services under `.aura-test/`,
kept between runs for speed and shared by runs at the same time: each run takes a slot of its own,
which is a database name and a Redis database.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SLOTS = 16  # as many as Redis has databases
GIVEN = ("AURA_DATABASE_URL", "AURA_REDIS_URL")
# Workers of pytest-xdist inherit what the process that started them has set.
IS_WORKER = "PYTEST_XDIST_WORKER" in os.environ  # noqa: TID251 - pytest's own variable


class Boot:
    """What one test run holds."""

    def __init__(self) -> None:
        self.data = Path(tempfile.mkdtemp(prefix="aura-run-"))
        environment = os.environ  # noqa: TID251 - tests decide what the product reads
        given = {name: environment[name] for name in GIVEN if environment.get(name)}
        for name in list(environment):
            if name.startswith(("AURA_", "HELPDESK_")):
                del environment[name]  # a developer's own settings change no result
        environment["AURA_DATA_DIR"] = str(self.data)
        # The documented API has no login: what its document says is tested without one. Tests of
        # logins turn them on themselves (`login_required`).
        environment["AURA_AUTH"] = "off"

        # Imported late: `aura` reads the environment that was just cleared.
        from aura.embedded import Embedded

        self.services = Embedded(
            ROOT / ".aura-test",
            postgres="AURA_DATABASE_URL" not in given,
            redis="AURA_REDIS_URL" not in given,
            durable=False,
        )
        self.services.start()
        self.slot, number = _free_slot(self.services.places.data)
        environment["AURA_DATABASE_URL"] = self.services.places.database_url(f"aura{number}")
        environment["AURA_REDIS_URL"] = self.services.places.redis_url(number)
        environment.update(given)

    def end(self) -> None:
        os.close(self.slot)
        self.services.stop()
        shutil.rmtree(self.data, ignore_errors=True)


def _free_slot(directory: Path) -> tuple[int, int]:
    """(handle that holds it, number) of the first slot no other run has."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    for number in range(SLOTS):
        handle = os.open(directory / f"slot-{number}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
        else:
            return handle, number
    raise pytest.UsageError(f"{SLOTS} test runs hold {directory} already")


# More than half a minute each, most of it waiting: begun last, one alone would keep a worker busy
# when all the others are done.
LONG = (
    "test_rounds.py",
    "test_schemathesis.py",
    "test_look.py",
    "test_points.py",
    "test_faults.py",
)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest files (`--no-loadscope-reorder` keeps them there); order is random."""
    items.sort(key=lambda item: item.path.name not in LONG)


def pytest_unconfigure() -> None:
    if boot is not None:
        boot.end()


def _own_directory() -> None:
    """A data directory for each worker: marks of runs that are worked on must not be shared."""
    environment = os.environ  # noqa: TID251
    data = Path(environment["AURA_DATA_DIR"]) / environment["PYTEST_XDIST_WORKER"]
    data.mkdir(exist_ok=True)
    environment["AURA_DATA_DIR"] = str(data)


if IS_WORKER:
    _own_directory()
boot = None if IS_WORKER else Boot()
