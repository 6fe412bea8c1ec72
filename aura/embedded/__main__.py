"""Commands on the embedded services of one data directory.

python -m aura.embedded stop DIR                    end what a killed `up` left in DIR
python -m aura.embedded run DIR pg_dump …           a PostgreSQL client on the database of DIR
"""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

from aura.embedded.instance import AlreadyRunning, only_instance
from aura.embedded.lifecycle import Embedded
from aura.embedded.places import DATABASE, ROLE, Places
from aura.embedded.postgres import client
from aura.embedded.process import ServiceError, make_directory

USAGE = "usage: python -m aura.embedded stop DIR | run DIR TOOL [ARGUMENT …]\n"
RESTORE = "pg_restore"
# They take away or replace what a running `up` works on.
ALONE = frozenset({"dropdb", "createdb", RESTORE})


def main(arguments: list[str]) -> int:
    try:
        match arguments:
            case ["stop", directory]:
                return _stop(Path(directory).absolute())
            case ["run", directory, tool, *rest]:
                return _run(Path(directory).absolute(), tool, rest)
    except (ServiceError, AlreadyRunning) as error:
        return _fail(str(error))
    sys.stderr.write(USAGE)
    return 2


def _stop(data: Path) -> int:
    if not data.is_dir() or Embedded(data).stop_unused():
        return 0
    return _fail(f"Aura still runs on {data}: end it first (Ctrl-C there).")


def _run(data: Path, tool: str, arguments: list[str]) -> int:
    """The client finds the server by itself; a server that does not run does so meanwhile."""
    program = client(tool)
    if not Places(data).cluster_exists():
        if tool != RESTORE:
            return _fail(
                f"There is no database in {data}: is that the data directory?"
                " Only pg_restore makes a new one."
            )
        make_directory(data)
    with only_instance(data) if tool in ALONE else nullcontext():
        return _client(data, [str(program), *arguments])


def _client(data: Path, command: list[str]) -> int:
    with Embedded(data, redis=False) as services:
        where = {"PGHOST": str(services.places.sockets), "PGUSER": ROLE, "PGDATABASE": DATABASE}
        environment = os.environ | where  # noqa: TID251 - handed on: pager, locale, PGOPTIONS
        return subprocess.run(command, env=environment, check=False).returncode  # noqa: S603


def _fail(sentence: str) -> int:
    sys.stderr.write(f"{sentence}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
