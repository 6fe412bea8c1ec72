"""Commands on the embedded services of one data directory.

python -m aura.embedded stop DIR                    end what a killed `up` left in DIR
python -m aura.embedded run DIR pg_dump …           a PostgreSQL client on the database of DIR
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from aura.embedded.lifecycle import Embedded
from aura.embedded.places import DATABASE, ROLE
from aura.embedded.postgres import binary
from aura.embedded.process import ServiceError

USAGE = "usage: python -m aura.embedded stop DIR | run DIR TOOL [ARGUMENT …]\n"


def main(arguments: list[str]) -> int:
    match arguments:
        case ["stop", directory]:
            return _stop(Path(directory).absolute())
        case ["run", directory, tool, *rest]:
            return _run(Path(directory).absolute(), tool, rest)
    sys.stderr.write(USAGE)
    return 2


def _stop(data: Path) -> int:
    if not data.is_dir() or Embedded(data).stop_unused():
        return 0
    sys.stderr.write(f"Aura still runs on {data}: end it first (Ctrl-C there).\n")
    return 1


def _run(data: Path, tool: str, arguments: list[str]) -> int:
    """The client finds the server by itself; a server that does not run does so meanwhile."""
    try:
        with Embedded(data, redis=False) as services:
            where = {"PGHOST": str(services.places.sockets), "PGUSER": ROLE, "PGDATABASE": DATABASE}
            environment = os.environ | where  # noqa: TID251 - handed on: pager, locale, PGOPTIONS
            command = [str(binary(tool)), *arguments]
            return subprocess.run(command, env=environment, check=False).returncode  # noqa: S603
    except ServiceError as error:
        sys.stderr.write(f"{error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
