"""The inventory as the gateway shows it: no connection string, hence no password, leaves it."""

from __future__ import annotations

from typing import Any, Final

from governance.helpdesk.resources import known
from governance.inventory import Database, Inventory

NOT_LOADED: Final = "No infrastructure configuration loaded."
HOW: Final = "Set HELPDESK_INFRA_CONFIG."


def summary() -> dict[str, Any]:
    """GET /api/v1/infrastructure"""
    inventory = known()
    if inventory == Inventory():
        return {"configured": False, "message": f"{NOT_LOADED} {HOW}"}
    counts = (
        len(inventory.db_servers),
        len(inventory.k8s_clusters),
        len(inventory.vms),
    )
    words = (("database server", "K8s cluster", "VM"), counts)
    return {
        "configured": True,
        "db_servers": counts[0],
        "k8s_clusters": counts[1],
        "vms": counts[2],
        "databases": list(inventory.db_servers),
        "summary": ", ".join(_counted(n, word) for word, n in zip(*words, strict=True)),
    }


def databases() -> dict[str, Any]:
    """GET /api/v1/databases"""
    inventory = known()
    if inventory == Inventory():
        return {"databases": [], "message": NOT_LOADED}
    shown = [_database(key, db, inventory) for key, db in inventory.db_servers.items()]
    return {"databases": shown, "count": len(shown)}


def _database(key: str, db: Database, inventory: Inventory) -> dict[str, Any]:
    said: dict[str, Any] = {
        "id": key,
        "name": db.name,
        "connection_string": " ".join(f"{name}={value}" for name, value in db.place.items()),
        "hosting": _hosting(db, inventory),
    }
    if cluster := inventory.k8s_clusters.get(db.k8s_cluster):
        said["k8s_context"] = cluster.context
    if db.k8s_cluster:
        said["k8s_namespace"] = db.k8s_namespace or "default"
    if machine := inventory.vms.get(db.vm_name):
        said["vm_host"] = machine.address
    return said


def _hosting(db: Database, inventory: Inventory) -> str:
    """`Kubernetes: <name>`, `VM: <name>` or `Standalone`; a reference to nothing says so."""
    for kind, key, entries in (
        ("Kubernetes", db.k8s_cluster, inventory.k8s_clusters),
        ("VM", db.vm_name, inventory.vms),
    ):
        if key:
            entry = entries.get(key)
            return f"{kind}: {entry.name or key}" if entry else f"{kind}: {key} (not configured)"
    return "Standalone"


def _counted(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
