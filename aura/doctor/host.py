"""This machine and its settings: nothing here asks another process."""

from __future__ import annotations

import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from aura.config import Settings, unknown_names
from aura.doctor.findings import Finding, fail, graded, ok, warn
from aura.embedded import remembered
from aura.embedded.instance import holder
from governance.inventory import InventoryRefused, configured, remarks

SHORT_KEY = 32  # characters
LITTLE, TOO_LITTLE = 2 * 1024**3, 256 * 1024**2  # bytes
MINE_ALONE = stat.S_IRWXG | stat.S_IRWXO


def settings_known(_config: Settings) -> Iterator[Finding]:
    """Names that look like settings and are none."""
    unknown = unknown_names()
    for sentence in unknown:
        yield warn("settings", sentence, "correct the name, or remove it")
    if not unknown:
        yield ok("settings", "every AURA_ name in the environment is a setting")


def secret_key(config: Settings) -> Iterator[Finding]:
    """Signs sessions: who has it may be anybody."""
    made = config.data / "secret.key"
    if not config.secret_key:
        yield from _made_key(made)
    elif len(config.secret_key) < SHORT_KEY:
        text = f"AURA_SECRET_KEY has {len(config.secret_key)} characters"
        yield warn("secret key", text, "take a random one of 50; `openssl rand -base64 48`")
    else:
        yield ok("secret key", "AURA_SECRET_KEY is set")


def _made_key(made: Path) -> Iterator[Finding]:
    if not made.is_file():
        yield ok("secret key", "made at the first start")
    elif made.stat().st_mode & MINE_ALONE:
        yield fail("secret key", f"others can read {made}", f"chmod 600 {made}, and restart")
    else:
        yield ok("secret key", f"made for this data directory ({made})")


def inventory(config: Settings) -> Iterator[Finding]:
    """What the helpdesk may look at."""
    mend = "mend the file of HELPDESK_INFRA_CONFIG; docs/databases.md shows what it may say"
    try:
        found, strange = configured(config.inventory), remarks(config.inventory)
    except InventoryRefused as refused:
        for line in str(refused).splitlines():
            yield fail("inventory", line, mend)
        return
    for line in strange:
        yield warn("inventory", line, mend)
    parts = (found.db_servers, "database"), (found.k8s_clusters, "cluster"), (found.vms, "machine")
    counts = ", ".join(f"{len(there)} {word}{'s'[: len(there) != 1]}" for there, word in parts)
    if not strange:
        yield ok("inventory", counts)


def exposure(config: Settings) -> Iterator[Finding]:
    """Who can reach the ports, and must they say who they are?"""
    where = f"bound to {config.server_host}"
    if config.auth == "off":
        mend = "AURA_AUTH=on before anybody else uses this machine"
        yield warn("access", f"{where}; no token is asked for (AURA_AUTH=off)", mend)
    elif config.loopback or config.tls:
        yield ok("access", f"{where}; a login or a token is required")
    else:
        mend = "put a TLS proxy before it and set AURA_PUBLIC_URL=https://…"
        yield warn("access", f"{where}; tokens travel over plain HTTP", mend)


def disk(config: Settings) -> Iterator[Finding]:
    """Room for the database, the clone and the logs."""
    place = next(p for p in (config.data, *config.data.parents) if p.exists())
    free = shutil.disk_usage(place).free
    text = f"{free / 1024**3:.1f} GiB free for {config.data}"
    mend = "free space, or move AURA_DATA_DIR; an embedded database stops when it is full"
    yield graded("disk", text, mend, fails=free < TOO_LITTLE, warns=free < LITTLE)


def instance(config: Settings) -> Iterator[Finding]:
    """Is there an `up` on this data directory?"""
    pid = holder(config.data)
    if pid:
        said = f"`manage.py up` (process {pid}) runs on {config.data}"
        if others := remembered.differing(config.data, config):
            text = f"{said} with other settings than this shell: {', '.join(others)}"
            mend = "what is said here is about this shell's; set them here as they are there"
            yield warn("instance", text, mend)
        else:
            yield ok("instance", f"{said} with the settings of this shell")
    elif config.database_url and config.redis_url:
        yield ok("instance", "no `manage.py up` here; database and Redis are elsewhere")
    else:
        mend = "start it: make up (with the same AURA_DATA_DIR)"
        yield fail("instance", f"`manage.py up` does not run on {config.data}", mend)
