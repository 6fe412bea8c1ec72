"""`ENGINE` of the database, see `aura.settings`. Django wants a module of this name."""

from __future__ import annotations

import select

from django.db.backends.postgresql import base

# What is set for each connection, unless the database's address sets it by its `options`.
SETTINGS = {
    # Where names are looked for. `pg_temp` is last: it would be the first where it is not named.
    "search_path": "public, pg_temp",
    # Ours are short questions, and to start workers for one takes longer than it does: a search
    # in the inbox took PostgreSQL half as much again with them.
    "max_parallel_workers_per_gather": "0",
}


class DatabaseWrapper(base.DatabaseWrapper):
    """Names mean our tables, whatever was set for the role: it may change that by itself.

    A server that ended a connection has closed it: what waits on it can be read.

    Django would send `SELECT 1` before every request, which takes as long as the request's own
    query. One that only fell silent could not be told from a slow one by that either.
    """

    def init_connection_state(self) -> None:
        super().init_connection_state()
        given = str(self.settings_dict["OPTIONS"].get("options", ""))
        own = [f"SET {name} = {value}" for name, value in SETTINGS.items() if name not in given]
        if own:
            self.connection.execute("; ".join(own))

    def is_usable(self) -> bool:
        if self.connection is None or self.errors_occurred:
            return super().is_usable()
        return not self.connection.closed and not has_input(self.connection.fileno())


def has_input(descriptor: int) -> bool:
    """Whether something can be read from it; of an idle connection: whether it has ended."""
    poll = select.poll()  # select.select() knows no descriptor above 1,023
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))
