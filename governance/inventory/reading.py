"""Reading an inventory and looking for what is wrong in it.

Keys that nobody knows are ignored and references to nothing are kept, as the document of the file
has it, and `remarks` tells of them. What looks like a slip of the pen is refused, and so is what is
known and wrong.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from governance.inventory.model import NOTHING, Cluster, Database, Inventory, Machine
from governance.inventory.text import InventoryRefused, nearest, read, strange


def parse(text: str) -> Inventory:
    """An inventory from JSON or YAML. Raises `InventoryRefused`."""
    said = read(text)
    try:
        inventory = Inventory.model_validate(said)
    except ValidationError as error:
        raise InventoryRefused("\n".join(_lines(error))) from None
    faults = [
        *(f"{where}: did you mean {meant}?" for where, _, meant in _unknown(said) if meant),
        *(
            f"{where} {id!r}: did you mean {meant}?"
            for where, id, meant in _dangling(inventory)  # noqa: A001
            if meant
        ),
        *_shared_names(inventory),
    ]
    if faults:
        raise InventoryRefused("\n".join(faults))
    return inventory


def remarks(path: Path | None) -> list[str]:
    """What is usable in an inventory and probably not meant, one line each: keys that nobody knows
    and references to nothing. Raises as `configured`.
    """
    inventory = configured(path)
    if path is None:
        return []
    said = read(path.read_text(encoding="utf-8"))
    unknown = [f"{path}: {where} is not known and is ignored" for where, _, _ in _unknown(said)]
    nothing = [
        f"{path}: {where} names {id}, which is not in the inventory"
        for where, id, _ in _dangling(inventory)  # noqa: A001
    ]
    return unknown + nothing


def configured(path: Path | None) -> Inventory:
    """The inventory of a file, read again when it changed; without a file an empty one.

    Raises `InventoryRefused`, also for a file that cannot be read.
    """
    if path is None:
        return NOTHING
    try:
        state = path.stat()
        return _read(path, state.st_mtime_ns, state.st_size)
    except (OSError, UnicodeDecodeError) as error:
        raise InventoryRefused(f"{path}: cannot be read: {error}") from None
    except InventoryRefused as refusal:
        raise InventoryRefused(
            "\n".join(f"{path}: {line}" for line in str(refusal).splitlines())
        ) from None


@lru_cache(maxsize=4)
def _read(path: Path, _changed_ns: int, _size: int) -> Inventory:
    return parse(path.read_text(encoding="utf-8"))


def _unknown(said: Any) -> Iterator[tuple[str, str, str]]:
    """(where, key, the known key that was probably meant) of keys that nothing reads."""
    parts: dict[str, type[BaseModel]] = {
        "db_servers": Database,
        "k8s_clusters": Cluster,
        "vms": Machine,
    }
    yield from _strange(said, "", Inventory)
    for part, shape in parts.items():
        entries = said.get(part) if isinstance(said, Mapping) else None
        for id, entry in entries.items() if isinstance(entries, Mapping) else ():  # noqa: A001
            yield from _strange(entry, f"{part}.{id}.", shape)


def _strange(said: Any, where: str, shape: type[BaseModel]) -> Iterator[tuple[str, str, str]]:
    known = {*shape.model_fields, *(("host",) if shape is Machine else ())}
    slips, others = strange(said, known)
    yield from ((f"{where}{key}", key, nearest(key, known)) for key in (*slips, *others))


def _dangling(inventory: Inventory) -> Iterator[tuple[str, str, str]]:
    """(where, id, the id that was probably meant) of references to nothing."""
    for id, db in inventory.db_servers.items():  # noqa: A001
        for key, named, there in (
            ("k8s_cluster", db.k8s_cluster, inventory.k8s_clusters),
            ("vm_name", db.vm_name, inventory.vms),
        ):
            if named and named not in there:
                yield f"db_servers.{id}.{key}", named, nearest(named, there)


def _shared_names(inventory: Inventory) -> Iterator[str]:
    """A name that means two databases means none."""
    owners: dict[str, str] = {id: id for id in inventory.db_servers}  # noqa: A001
    for id, db in inventory.db_servers.items():  # noqa: A001
        for alias in db.aliases:
            other = owners.setdefault(alias, id)
            if other != id:
                yield f"db_servers.{id}.aliases: {alias} is also a name of {other}"


def _lines(error: ValidationError) -> Iterator[str]:
    for fault in error.errors(include_url=False, include_input=False):
        where = ".".join(str(part) for part in fault["loc"]) or "the file"
        yield f"{where}: {fault['msg'].replace('frozenset', 'list')}"
