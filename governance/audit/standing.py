"""How far the log is: linked, signed, verified. A few looks into indexes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from governance.audit import verified

ASKED = """
SELECT (SELECT max(seq) FROM governance_auditlink),
       (SELECT count(*) FROM governance_auditpending), kept.size, kept.signed_at
FROM (SELECT 1) AS one LEFT JOIN LATERAL (
    SELECT size, signed_at FROM governance_checkpoint ORDER BY size DESC LIMIT 1
) AS kept ON true
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """`linked` events have a place, `waiting` get theirs soon; `signed` are under a checkpoint.

    `verified`: up to there the log was looked at on this machine, and held.
    """

    linked: int
    waiting: int
    signed: int
    signed_at: datetime | None
    verified: int

    @property
    def events(self) -> int:
        return self.linked + self.waiting


def read() -> Standing:
    """As it is now."""
    with connection.cursor() as cursor:
        cursor.execute(ASKED)
        linked, waiting, signed, signed_at = cursor.fetchone()
    before = verified.load()
    return Standing(
        linked=linked or 0,
        waiting=waiting,
        signed=signed or 0,
        signed_at=signed_at,
        verified=before.size if before else 0,
    )
