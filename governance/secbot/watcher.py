"""The thread of a worker that reads the log. It asks neither Redis nor the agents' threads."""

from __future__ import annotations

import logging
import threading

from django.db import Error, close_old_connections, connections

from governance.secbot import follower

EVERY_S = 1.0
AGAIN_S = 5.0  # after a failure

logger = logging.getLogger(__name__)


class Watcher(threading.Thread):
    """Reads until it is told to stop."""

    def __init__(self) -> None:
        super().__init__(name="secbot", daemon=True)
        self._stopping = threading.Event()

    def stop(self) -> None:
        """End behind the batch that is being read."""
        self._stopping.set()
        self.join()

    def run(self) -> None:
        try:
            while not self._stopping.wait(EVERY_S if self._look() else AGAIN_S):
                pass
        finally:
            connections.close_all()

    def _look(self) -> bool:
        """False: it did not work."""
        close_old_connections()
        try:
            while follower.any_news() and follower.read_on() and not self._stopping.is_set():
                pass
            follower.verify_when_due()
            follower.be_seen()
        except Error as error:
            logger.warning("secbot cannot read the log (%s); trying again", error)
        except Exception:  # a thread that ended would be missed by nobody
            logger.exception("secbot cannot read the log; trying again")
        else:
            return True
        return False
