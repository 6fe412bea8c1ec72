"""`python -m aura.embedded stop DIR`: end the services that a killed `up` left in DIR."""

from __future__ import annotations

import sys
from pathlib import Path

from aura.embedded.lifecycle import Embedded


def main(arguments: list[str]) -> int:
    match arguments:
        case ["stop", directory] if Path(directory).is_dir():
            if Embedded(Path(directory).absolute()).stop_unused():
                return 0
            sys.stderr.write(f"Aura still runs on {directory}: end it first (Ctrl-C there).\n")
            return 1
        case ["stop", _]:
            return 0
    sys.stderr.write("usage: python -m aura.embedded stop DIRECTORY\n")
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
