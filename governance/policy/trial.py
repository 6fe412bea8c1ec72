"""How the candidate does: what it would have decided otherwise since it is judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from governance.models import PolicyVersion
from governance.policy import current
from governance.policy.replay import Replayed, replay


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """The candidate next to the policy in force: of `seen` decisions, the kinds that differ."""

    version: PolicyVersion
    seen: int
    changes: Sequence[Replayed]

    def __str__(self) -> str:
        since = self.version.shadow_since
        return f"{self.version} since {since:%Y-%m-%d %H:%M} UTC: {self.seen} decisions"


def trial(*, most: int | None = None) -> Trial | None:
    """The recorded decisions asked again, at most the last `most`; None: there is no candidate."""
    row = PolicyVersion.objects.filter(shadow=True).first()
    candidate = current.shadow()
    if row is None or row.shadow_since is None or candidate is None:
        return None
    seen, changes = replay(current.policy(), candidate, since=row.shadow_since, most=most)
    return Trial(version=row, seen=seen, changes=changes)
