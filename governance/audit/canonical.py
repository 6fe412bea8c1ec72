"""The bytes of an event that are hashed. Pure: values in, bytes out.

Keys sorted, no white space, UTF-8, no NaN. What neither JSON nor PostgreSQL text can carry (lone
surrogates, NUL) is replaced by U+FFFD before hashing, so that stored and hashed never differ.
"""

from __future__ import annotations

import json
import re
from typing import Any

_encoder = json.JSONEncoder(  # json.dumps would make one for each event
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
)
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def storable(value: Any) -> Any:
    """`value` with every string fit for UTF-8 and PostgreSQL, and keys turned into strings."""
    if isinstance(value, str):
        return _UNSTORABLE.sub("�", value)
    if isinstance(value, dict):
        return {storable(str(key)): storable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [storable(item) for item in value]
    return value


def canonical(value: Any) -> bytes:
    """Canonical JSON bytes. Raises ValueError for NaN and infinities, TypeError for non-JSON."""
    return _encoder.encode(storable(value)).encode()
