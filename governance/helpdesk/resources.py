"""Resources that others name, as the inventory knows them."""

from __future__ import annotations

import logging

from django.conf import settings

from aura.kernel.errors import Unavailable
from governance import inventory
from governance.inventory import Inventory, InventoryRefused
from governance.types import Resource

logger = logging.getLogger(__name__)


def known() -> Inventory:
    """The inventory in force. Raises `Unavailable` while it cannot be read."""
    try:
        return inventory.configured(settings.AURA.inventory)
    except InventoryRefused as refused:
        logger.warning("the inventory cannot be used: %s", refused)
        raise Unavailable("the inventory cannot be read; see the log of the server") from None


def described(resource: Resource) -> Resource:
    """The resource with what the inventory says of it; its tags count before claimed ones."""
    return known().described(resource)


def supposed(resource: Resource) -> Resource:
    """The same for a question that nothing follows from: claimed tags count, where some are."""
    found = described(resource)
    if not resource.tags:
        return found
    registered = found.tags & {inventory.REGISTERED}
    return Resource(
        type=found.type,
        name=found.name,
        tags=resource.tags - {inventory.REGISTERED} | registered,
        namespace=found.namespace,
        sensitivity=found.sensitivity,
    )
