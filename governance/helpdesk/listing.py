"""Pages that end early where what they hold is large: a thousand of the largest would be 128 MB."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

BYTES_MOST: Final = 8 * 1024 * 1024
AT_ONCE: Final = 100  # rows read from the database


@dataclass(slots=True)
class Listing:
    """What a page shows. `cut`: there is more that was asked for, and no room for it."""

    limit: int
    items: list[dict[str, Any]] = field(default_factory=list)
    cut: bool = False
    spent: int = 0

    def take(self, item: dict[str, Any], size: int) -> bool:
        """Add it, `size` bytes about. False: nothing more is to be looked for."""
        if self.items and self.spent + size > BYTES_MOST:
            self.cut = True
            return False
        self.items.append(item)
        self.spent += size
        return len(self.items) < self.limit

    @property
    def headers(self) -> dict[str, str]:
        """What tells a client of it."""
        return {"X-Truncated": "true"} if self.cut else {}
