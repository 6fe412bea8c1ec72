"""What is looked after: the inventory."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from aura.console.navigation import SEE
from aura.kernel.errors import Unavailable
from governance.helpdesk import resources
from governance.inventory import Inventory


def inventory(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """GET /admin/inventory/: what is looked after; no connection string leaves it."""
    _admit(request)
    try:
        found, problem = resources.known(), ""
    except Unavailable as unavailable:
        found, problem = Inventory(), unavailable.message
    more = {"title": "Inventory", "kinds": _kinds(found), "problem": problem}
    return TemplateResponse(request, "admin/catalogue/inventory.html", {**context, **more})


def _admit(request: HttpRequest) -> None:
    if not request.user.has_perm(SEE):
        raise PermissionDenied


def _kinds(found: Inventory) -> list[tuple[str, list[dict[str, Any]]]]:
    """(kind, its entries): named one by one, so that nothing is shown that is not meant to be."""
    databases = [
        _entry(key, one.name, _place(one.place), one.tags, one.sensitivity) | {"also": one.aliases}
        for key, one in found.db_servers.items()
    ]
    clusters = [
        _entry(key, one.name, one.context, one.tags, one.sensitivity)
        for key, one in found.k8s_clusters.items()
    ]
    machines = [_entry(key, one.name, one.address, one.tags, ()) for key, one in found.vms.items()]
    kinds = [("Databases", databases), ("Clusters", clusters), ("Machines", machines)]
    return [(kind, entries) for kind, entries in kinds if entries]


def _place(place: dict[str, str]) -> str:
    return f"{place['host']}:{place['port']}/{place['dbname']}" if place else ""


def _entry(
    key: str, name: str, place: str, tags: Iterable[str], sensitivity: Iterable[str]
) -> dict[str, Any]:
    return {
        "id": key,
        "name": name,
        "place": place,
        "tags": sorted(tags),
        "sensitivity": sorted(sensitivity),
    }
