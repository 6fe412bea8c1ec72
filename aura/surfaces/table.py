"""Port -> URL table. The port is the socket's own, never what a Host header says."""

from __future__ import annotations

from aura.config import Settings

EMPTY = "aura.surfaces.empty"


def tables(settings: Settings) -> dict[int, str]:
    """The module with the URL table of each configured port."""
    ports = settings.ports
    return {
        ports.api: "aura.surfaces.api",
        ports.gateway: "aura.surfaces.gateway",
        ports.auditd: "aura.surfaces.auditd",
        **dict.fromkeys(ports.agents, "aura.surfaces.agent"),
        ports.secbot: "aura.surfaces.secbot",
    }
