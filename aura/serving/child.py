"""`python -m aura.serving.child ROLE ARGS…`: Celery's worker or beat, ending with its parent.

Standard input is a pipe that only `manage.py up` holds open: it ends with `up`, however `up`
ends, also by `kill -9`. Works on every Unix and costs no polling.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from importlib import import_module

GRACE_S = 10.0


def end_with(pipe: int) -> None:
    """Wait for the other end of `pipe` to close, then end this process and its group."""
    while os.read(pipe, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_S)
    os.killpg(0, signal.SIGKILL)


def main() -> None:
    # Taken away from descriptor 0, so that no tool's subprocess can read from it.
    pipe = os.dup(0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    threading.Thread(target=end_with, args=(pipe,), name="watch-parent", daemon=True).start()
    _celery(*sys.argv[1:])


def _celery(role: str, *arguments: str) -> None:
    """Celery's command `role`. Alone: its front door imports a shell and takes twice as long."""
    from celery.bin.base import CLIContext  # noqa: PLC0415 - the watch comes first

    from aura.celery import app  # noqa: PLC0415 - likewise

    command = getattr(import_module(f"celery.bin.{role}"), role)
    context = CLIContext(app=app, no_color=True, workdir=None, quiet=True)
    command.main(args=list(arguments), prog_name=f"celery {role}", obj=context)


if __name__ == "__main__":
    main()
