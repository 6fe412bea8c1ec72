"""Log files of processes that never reopen them."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

KEEP_BYTES = 10 * 1024 * 1024


def trim(directory: Path) -> None:
    """Move what is in too long a log to `<name>.1`. Its writers append, so none is disturbed."""
    for log in directory.glob("*.log"):
        if log.stat().st_size > KEEP_BYTES:
            shutil.copyfile(log, log.with_name(f"{log.name}.1"))
            os.truncate(log, 0)
