"""The inventory: what it lists, how it is read, and how a resource is found in it."""

from __future__ import annotations

from governance.inventory.model import (
    LISTED,
    NOTHING,
    PLACE,
    REGISTERED,
    Cluster,
    Database,
    Inventory,
    Machine,
    place_of,
    user_of,
)
from governance.inventory.reading import configured, parse, remarks
from governance.inventory.text import InventoryRefused

__all__ = [
    "LISTED",
    "NOTHING",
    "PLACE",
    "REGISTERED",
    "Cluster",
    "Database",
    "Inventory",
    "InventoryRefused",
    "Machine",
    "configured",
    "parse",
    "place_of",
    "remarks",
    "user_of",
]
