"""`manage.py doctor`: is everything there that Aura needs, and how is it mended?

`examine` asks in an order in which a cause stands before its consequences. A check never raises:
what it did not expect is a finding too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from django.db import connections

from aura.config import Settings
from aura.doctor import database, host, log, outside, processes, reach, redis
from aura.doctor.findings import Finding, Level, fail, reason, unchecked

Check = Callable[[Settings], Iterable[Finding]]

# (name, check, what must not have failed before it)
CHECKS: tuple[tuple[str, Check, tuple[str, ...]], ...] = (
    ("settings", host.settings_known, ()),
    ("secret key", host.secret_key, ()),
    ("access", host.exposure, ()),
    ("inventory", host.inventory, ()),
    ("disk", host.disk, ()),
    ("instance", host.instance, ()),
    ("database", database.answers, ()),
    ("privileges", database.privileges, ("database",)),
    ("search path", database.search_path, ("database",)),
    ("connections", database.connections_left, ("database",)),
    ("clock", database.clock, ("database",)),
    ("migrations", database.migrations, ("database",)),
    ("redis", redis.answers, ()),
    ("worker", processes.worker, ("redis",)),
    ("beat", processes.beat, ("database", "migrations")),
    ("queue", processes.queue, ("database", "migrations")),
    ("stop switch", processes.stop_switch, ("database", "migrations")),
    ("git", outside.git, ("database", "migrations")),
    ("model", outside.model, ("database", "migrations")),
    ("notices", outside.notices, ("database", "migrations")),
    ("databases", reach.databases, ("inventory",)),
    ("clusters", reach.clusters, ("inventory",)),
    ("argocd", reach.argocd, ()),
    ("log", log.tail, ("database", "migrations")),
    ("events", log.pending, ("database", "migrations")),
    ("signature", log.signature, ("database", "migrations")),
    ("policy", log.policy, ("database", "migrations")),
    ("protection", log.protection, ("database", "migrations")),
)


def examine(config: Settings) -> Iterator[Finding]:
    """Every finding, as soon as it is known."""
    failed: set[str] = set()
    try:
        for name, check, needs in CHECKS:
            missing = next((need for need in needs if need in failed), None)
            found = (
                [unchecked(name, f"see {missing}")] if missing else _carefully(name, check, config)
            )
            for finding in found:
                if finding.level is Level.FAIL:
                    failed.add(name)
                yield finding
    finally:
        connections.close_all()


def _carefully(name: str, check: Check, config: Settings) -> list[Finding]:
    try:
        return list(check(config))
    except Exception as error:  # noqa: BLE001 - a doctor does not faint
        said = reason(f"{type(error).__name__}: {error}", most=300)
        return [fail(name, f"the check itself failed: {said}", "please report this")]
