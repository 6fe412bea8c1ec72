"""Taking the files of a bundle side by side, within its time. What fails is a file that says so."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooSlow
from contextvars import copy_context
from dataclasses import dataclass

from django.db import connections

from agents.incident.commands import CommandFailed
from agents.incident.layers import Item
from agents.runtime.interrupt import Interrupted
from agents.runtime.tool import ToolFailure
from aura.kernel.secrets import redact

THREADS = 6
BUNDLE_S = 90.0
FILE_CHARS = 1 << 20
ERROR_CHARS = 300

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """One file of the bundle without credentials; `error` is empty when it is what was asked."""

    path: str
    text: str
    error: str = ""


def gather(items: Sequence[Item], *, time_s: float = BUNDLE_S) -> list[Taken]:
    """Every item as a file, in their order, after `time_s` seconds at the latest."""
    deadline = time.monotonic() + time_s
    pool = ThreadPoolExecutor(THREADS, thread_name_prefix="bundle")
    try:
        running = [(item, pool.submit(copy_context().run, _take, item)) for item in items]
        return [_taken(item, future, deadline, time_s) for item, future in running]
    finally:
        # A tool that hangs ends by its own limits; the bundle does not wait for it.
        pool.shutdown(wait=False, cancel_futures=True)


def _taken(item: Item, future: Future[Taken], deadline: float, time_s: float) -> Taken:
    try:
        return future.result(max(0.0, deadline - time.monotonic()))
    except TooSlow:
        return _failed(item, f"not there after the {time_s:g} s that a bundle may take")


def _take(item: Item) -> Taken:
    try:
        return Taken(path=item.path, text=_clean(item.take()))
    except Interrupted:
        raise
    except CommandFailed as failure:
        return _failed(item, str(failure), failure.output)
    except ToolFailure as failure:
        return _failed(item, str(failure))
    except Exception:
        logger.exception("the bundle's %s could not be taken", item.path)
        return _failed(item, "failed unexpectedly; its error is in Aura's log")
    finally:
        connections.close_all()


def _failed(item: Item, reason: str, output: str = "") -> Taken:
    """The whole reason is in the file; its first line, which is for people, is the error."""
    whole = _clean(reason.strip())
    plainly = " ".join(whole.partition("\n")[0].split())[:ERROR_CHARS]
    text = f"ERROR: {whole}\n" + (f"\n{_clean(output)}" if output else "")
    return Taken(path=item.path, text=text, error=f"{item.path}: {plainly}")


def _clean(text: str) -> str:
    """The text as it may be kept; what is too long is cut before anything is searched in it."""
    if len(text) > FILE_CHARS:
        text = f"{text[:FILE_CHARS]}\n[cut: {len(text) - FILE_CHARS} more characters]\n"
    return redact(text)
