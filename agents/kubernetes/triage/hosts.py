"""Hosts that logs and environments speak of, compared with the Services that there are."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from agents.kubernetes.kinds import Object
from agents.kubernetes.reading import name_of, part, parts, text
from agents.kubernetes.triage.pods import Container, environment
from agents.kubernetes.triage.snapshot import Snapshot

MOST_CHARS: Final = 1000  # of an address
_ALIKE: Final = 0.75  # of two names, as difflib counts it
_PORT: Final = re.compile(r"(?P<host>[a-z0-9][a-z0-9.-]*[a-z0-9]|[a-z]):(?P<port>\d{2,5})\b")
_UNKNOWN: Final = re.compile(
    r"lookup (?P<a>[\w.-]+)|ENOTFOUND (?P<b>[\w.-]+)|UnknownHostException: (?P<c>[\w.-]+)"
    r"|host name \"(?P<d>[\w.-]+)\"|host:? (?P<e>[\w.-]+\w)|resolve '?(?P<f>[\w.-]+\w)"
    r"|upstream \"(?P<g>[\w.-]+)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """An environment variable of a container whose value has a host in it."""

    name: str
    value: str
    host: str
    port: str = ""


def unknown_host(line: str) -> str:
    """The host that a line says does not exist."""
    match = _UNKNOWN.search(line)
    return next((it for it in match.groups() if it), "").rstrip(".") if match else ""


def meant(snapshot: Snapshot, host: str) -> str:
    """The Service whose name is nearest to that of a host; "" where none is near."""
    names = [name_of(it) for it in snapshot.all("Service")]
    return next(iter(difflib.get_close_matches(host.partition(".")[0], names, 1, _ALIKE)), "")


def settings(container: Container) -> Iterator[Setting]:
    """The variables of a container that name a host."""
    for name, value in environment(container).items():
        if len(value) > MOST_CHARS:
            continue  # no address, and patterns take long over it
        found = _PORT.search(value)
        host = found["host"] if found else re.sub(r"^\w+://(?:[^@/]*@)?", "", value)
        host = host.partition("/")[0].partition(":")[0]
        if host:
            yield Setting(name=name, value=value, host=host, port=found["port"] if found else "")


def closed(snapshot: Snapshot, setting: Setting) -> Object | None:
    """The Service that a setting names, where it has not the port that is asked for."""
    service = snapshot.find("Service", _service(snapshot, setting.host))
    if service is None or not setting.port or not part(service, "spec", "selector"):
        return None
    known = {text(it, "port") for it in parts(service, "spec", "ports")}
    return service if known and setting.port not in known else None


def _service(snapshot: Snapshot, host: str) -> str:
    """`web` of `web`, `web.shop`, `web.shop.svc.cluster.local`."""
    name, _, rest = host.partition(".")
    return name if not rest or rest.partition(".")[0] == snapshot.namespace else ""
