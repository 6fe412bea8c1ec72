"""`python -m aura.serving.child ARGS…`: Celery with ARGS, ending when the process above is gone.

Standard input is a pipe that only `manage.py up` holds open: it ends with `up`, however `up`
ends, also by `kill -9`. Works on every Unix and costs no polling.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

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
    from celery.__main__ import main as celery  # noqa: PLC0415 - the watch comes first

    sys.argv[0] = "celery"
    celery()


if __name__ == "__main__":
    main()
