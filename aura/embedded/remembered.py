"""Which settings an `up` runs with, so that a shell with others can be told. No value is kept."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
from pathlib import Path
from typing import Final

from aura.config import Settings, environment_name

NOTE: Final = "up-settings.json"
# What a shell may have otherwise without meaning anything else.
OF_THE_PROCESS: Final = frozenset(
    {"ci", "data_dir", "demo_approve", "logging_format", "logging_level"}
)


def keep(data: Path, config: Settings) -> None:
    """Note them in the data directory, as keyed digests (0600)."""
    salt = secrets.token_hex(16)
    draft = data / f"{NOTE}.{os.getpid()}"
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as file:
        json.dump({"salt": salt, "settings": _digests(config, salt)}, file)
    draft.replace(data / NOTE)


def differing(data: Path, config: Settings) -> list[str]:
    """Names of settings that are not those of the `up` on this directory, if it noted them."""
    try:
        said = json.loads((data / NOTE).read_text())
        theirs, ours = said["settings"], _digests(config, said["salt"])
    except (OSError, ValueError, KeyError, TypeError):
        return []
    return sorted(environment_name(name) for name in ours if ours[name] != theirs.get(name))


def _digests(config: Settings, salt: str) -> dict[str, str]:
    values = config.model_dump(mode="python", exclude=set(OF_THE_PROCESS))
    return {
        name: hmac.new(salt.encode(), _text(value).encode(), hashlib.sha256).hexdigest()[:16]
        for name, value in values.items()
    }


def _text(value: object) -> str:
    """The same for equal values in every process: sets have no order."""
    return repr(sorted(map(repr, value)) if isinstance(value, set | frozenset) else value)
