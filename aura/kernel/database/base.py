"""`ENGINE` of the database, see `aura.settings`. Django wants a module of this name."""

from __future__ import annotations

import select

from django.db.backends.postgresql import base


class DatabaseWrapper(base.DatabaseWrapper):
    """A server that ended a connection has closed it: what waits on it can be read.

    Django would send `SELECT 1` before every request, which takes as long as the request's own
    query. One that only fell silent could not be told from a slow one by that either.
    """

    def is_usable(self) -> bool:
        if self.connection is None or self.errors_occurred:
            return super().is_usable()
        return not self.connection.closed and not _has_input(self.connection.fileno())


def _has_input(descriptor: int) -> bool:
    poll = select.poll()  # select.select() knows no descriptor above 1,023
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))
