"""Software that a ticket may name without an image: where it is published and how it behaves.

`tag` is a stable release that existed when this table was written. It is used only where a ticket
names no version, and the plan then says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from agents.offline.values import Image


@dataclass(frozen=True, slots=True, kw_only=True)
class Software:
    """One entry. `uid` is set where every variant of the image runs as that user.

    `credentials` are (variable, key) pairs that the image does not start without; they are read
    from a Secret that somebody else has to seal.
    """

    repository: str
    tag: str
    port: int
    port_name: str = "http"
    memory: str = "256Mi"
    uid: int | None = None
    keeps_data: bool = False
    clusters: bool = False
    credentials: tuple[tuple[str, str], ...] = ()
    caution: str = ""

    @property
    def image(self) -> Image:
        return Image(self.repository, self.tag)


_POSTGRES = Software(
    repository="postgres",
    tag="17.5",
    port=5432,
    port_name="postgres",
    memory="512Mi",
    keeps_data=True,
    clusters=True,
    credentials=(("POSTGRES_PASSWORD", "password"),),
)
_MONGO = Software(
    repository="mongo",
    tag="8.0.9",
    port=27017,
    port_name="mongo",
    memory="512Mi",
    keeps_data=True,
    clusters=True,
    caution="MongoDB starts without a user: anyone who reaches the Service can read and write.",
)
_HTTPD = Software(repository="httpd", tag="2.4.63", port=80)

SOFTWARE: Mapping[str, Software] = {
    "nginx": Software(repository="nginx", tag="1.28.0", port=80),
    "httpd": _HTTPD,
    "apache": _HTTPD,
    "caddy": Software(repository="caddy", tag="2.10.0", port=80),
    "whoami": Software(repository="traefik/whoami", tag="v1.10.3", port=80, memory="64Mi"),
    "podinfo": Software(
        repository="ghcr.io/stefanprodan/podinfo", tag="6.8.0", port=9898, memory="128Mi"
    ),
    "redis": Software(
        repository="redis",
        tag="7.4.2",
        port=6379,
        port_name="redis",
        uid=999,
        keeps_data=True,
        clusters=True,
        caution="Redis starts without a password: anyone who reaches the Service can use it.",
    ),
    "valkey": Software(
        repository="valkey/valkey",
        tag="8.1.1",
        port=6379,
        port_name="valkey",
        keeps_data=True,
        clusters=True,
        caution="Valkey starts without a password: anyone who reaches the Service can use it.",
    ),
    "memcached": Software(
        repository="memcached", tag="1.6.38", port=11211, port_name="memcache", uid=11211
    ),
    "rabbitmq": Software(
        repository="rabbitmq",
        tag="4.1.0",
        port=5672,
        port_name="amqp",
        memory="512Mi",
        keeps_data=True,
        clusters=True,
    ),
    "grafana": Software(
        repository="grafana/grafana",
        tag="11.6.1",
        port=3000,
        uid=472,
        keeps_data=True,
        caution="Grafana starts with its built-in admin login: change it at the first visit.",
    ),
    "postgres": _POSTGRES,
    "postgresql": _POSTGRES,
    "mysql": Software(
        repository="mysql",
        tag="8.4.5",
        port=3306,
        port_name="mysql",
        memory="1Gi",
        keeps_data=True,
        clusters=True,
        credentials=(("MYSQL_ROOT_PASSWORD", "root-password"),),
    ),
    "mariadb": Software(
        repository="mariadb",
        tag="11.4.5",
        port=3306,
        port_name="mysql",
        memory="512Mi",
        keeps_data=True,
        clusters=True,
        credentials=(("MARIADB_ROOT_PASSWORD", "root-password"),),
    ),
    "mongo": _MONGO,
    "mongodb": _MONGO,
}


def of_image(image: Image) -> Software | None:
    """The entry whose repository this is, so that `nginx:1.27` is known as nginx."""
    return next((e for e in SOFTWARE.values() if e.repository == image.short), None)
