"""Where the embedded services keep their files. Pure: the same data directory, the same paths."""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

DATABASE = "aura"
ROLE = "aura"
LOOKER = "aura_readonly"  # made by deploy/sql, as on the servers of others
OPERATOR = "aura_operator"
# Linux allows 107 bytes and macOS 103 for the path of a Unix socket.
SOCKET_PATH_LIMIT = 103
POSTGRES_SOCKET = ".s.PGSQL.5432"
REDIS_SOCKET = "redis.sock"


@dataclass(frozen=True, slots=True)
class Places:
    """Paths below one absolute data directory."""

    data: Path

    @property
    def postgres(self) -> Path:
        return self.data / "postgres"

    @property
    def redis(self) -> Path:
        return self.data / "redis"

    @property
    def logs(self) -> Path:
        return self.data / "log"

    @property
    def sockets(self) -> Path:
        """`<data>/run`, or a short directory of the system where that path is too long."""
        near = self.data / "run"
        if len(bytes(near / POSTGRES_SOCKET)) <= SOCKET_PATH_LIMIT:
            return near
        digest = hashlib.sha256(bytes(self.data.resolve())).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"aura-{digest}"

    @property
    def postgres_socket(self) -> Path:
        return self.sockets / POSTGRES_SOCKET

    @property
    def redis_socket(self) -> Path:
        return self.sockets / REDIS_SOCKET

    def cluster_exists(self) -> bool:
        """Was a database server ever made here?"""
        return (self.postgres / "PG_VERSION").exists()

    def database_url(self, name: str = DATABASE, role: str = ROLE) -> str:
        """libpq URL of database `name` on the embedded server."""
        return f"postgresql://{role}@/{name}?host={quote(str(self.sockets))}"

    def redis_url(self, database: int = 0) -> str:
        """redis-py URL of the embedded server."""
        return f"unix://{quote(str(self.redis_socket))}?db={database}"
