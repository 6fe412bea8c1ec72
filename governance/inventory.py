"""What the product looks after: the databases, clusters and machines of `HELPDESK_INFRA_CONFIG`.

Keys that nobody knows (`_comment`) are ignored and references are not followed up, as the document
of the file has it; what is known and wrong is refused. A connection string is shown to nobody.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Annotated, Any

import psycopg
from psycopg.conninfo import conninfo_to_dict
from pydantic import AliasChoices, BaseModel, ConfigDict, Field, SecretStr, ValidationError

from governance.types import Resource

# Every resource that is in the inventory carries this tag, so that a policy can ask for it.
REGISTERED = "inventory"
# What identifies a database in a connection string, and what it is when it is not said.
PLACE = {"host": "localhost", "port": "5432", "dbname": ""}

Tags = Annotated[frozenset[str], Field(default_factory=frozenset)]


class InventoryRefused(Exception):
    """The file cannot be used; one line a fault."""


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", strict=False, hide_input_in_errors=True)

    name: str = ""


class Database(_Entry):
    """A PostgreSQL database; `password_env` names the variable its password is read from."""

    connection_string: SecretStr = SecretStr("")
    k8s_cluster: str = ""
    k8s_namespace: str = ""
    vm_name: str = ""
    tags: Tags
    password_env: str = ""
    k8s_pod_selector: str = ""
    container_name: str = ""
    systemd_unit: str = ""
    sensitivity: Tags
    approval_override_roles: Tags

    @property
    def place(self) -> dict[str, str]:
        """Host, port and database name: what may be shown of the connection string."""
        return _place(self.connection_string.get_secret_value())


class Cluster(_Entry):
    """A Kubernetes cluster, reached by the `context` of a kubeconfig."""

    context: str = ""
    tags: Tags
    sensitivity: Tags


class Machine(_Entry):
    """A machine that something runs on; `runtime` is docker, podman or nothing."""

    address: Annotated[str, Field(validation_alias=AliasChoices("address", "host"))] = ""
    runtime: str = ""
    tags: Tags


class Inventory(BaseModel):
    """Everything by its id. An empty one knows nothing."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    db_servers: Mapping[str, Database] = {}
    k8s_clusters: Mapping[str, Cluster] = {}
    vms: Mapping[str, Machine] = {}

    @property
    def tags(self) -> frozenset[str]:
        """Every tag that anything carries."""
        everything = chain(
            (db.tags for db in self.db_servers.values()),
            (cluster.tags for cluster in self.k8s_clusters.values()),
            (machine.tags for machine in self.vms.values()),
        )
        return frozenset({REGISTERED}).union(*everything)

    @property
    def sensitivities(self) -> frozenset[str]:
        """Every kind of sensitive data that anything holds."""
        everything = chain(
            (db.sensitivity for db in self.db_servers.values()),
            (cluster.sensitivity for cluster in self.k8s_clusters.values()),
        )
        return frozenset[str]().union(*everything)

    @property
    def namespaces(self) -> frozenset[str]:
        """The namespaces that databases are said to run in."""
        return frozenset(db.k8s_namespace for db in self.db_servers.values() if db.k8s_namespace)

    def find_database(self, reference: str) -> str | None:
        """The id of the database that an id or a connection string means; None: of none.

        A connection string means the one with the same host, port and database name.
        """
        if reference in self.db_servers:
            return reference
        place = _place(reference)
        if not place:
            return None
        return next((key for key, db in self.db_servers.items() if db.place == place), None)

    def database(self, reference: str) -> Resource | None:
        """The resource that policies judge for a database; None when it is not registered."""
        id = self.find_database(reference)  # noqa: A001 - what the file calls it
        if id is None:
            return None
        db = self.db_servers[id]
        return Resource(
            type="database",
            name=id,
            tags=db.tags | {REGISTERED},
            namespace=db.k8s_namespace,
            sensitivity=db.sensitivity,
        )

    def kubernetes(self, namespace: str, *, context: str = "") -> Resource | None:
        """The resource for work in a namespace, which may be given as the id of a database there.

        Its tags are those of the database, else of the one that runs in the namespace, else of the
        cluster: that of `context`, or the only one. None when that leaves none, or several.
        """
        db = self.db_servers.get(namespace)
        namespace = db.k8s_namespace or namespace if db else namespace
        clusters = self._clusters(namespace if db is None else "", context, db)
        if len(clusters) != 1:
            return None
        (id,) = clusters  # noqa: A001 - likewise
        owners = [db] if db else self._in(namespace, id)
        entries: list[Database | Cluster] = [*owners] or [self.k8s_clusters[id]]
        return Resource(
            type="kubernetes",
            name=namespace,
            namespace=namespace,
            tags=frozenset({REGISTERED}).union(*(entry.tags for entry in entries)),
            sensitivity=frozenset[str]().union(*(entry.sensitivity for entry in entries)),
        )

    def host(self, id: str) -> Resource | None:  # noqa: A002 - likewise
        """The resource for work on a machine; None when it is not registered."""
        machine = self.vms.get(id)
        if machine is None:
            return None
        return Resource(type="host", name=id, tags=machine.tags | {REGISTERED})

    def described(self, resource: Resource) -> Resource:
        """A resource that somebody else names, as it is to be judged.

        What is registered has the tags of the inventory, whatever was claimed; what is not keeps
        the claimed ones, but for the one that says it is.
        """
        match resource.type:
            case "database":
                known = self.database(resource.name)
            case "kubernetes":
                known = self._cluster(resource.name) or self.kubernetes(
                    resource.namespace or resource.name
                )
            case "host":
                known = self.host(resource.name)
            case _:
                known = None
        return known or Resource(
            type=resource.type,
            name=resource.name,
            tags=resource.tags - {REGISTERED},
            namespace=resource.namespace,
            sensitivity=resource.sensitivity,
        )

    def _clusters(self, namespace: str, context: str, db: Database | None) -> set[str]:
        """The ids of the clusters that may be meant."""
        if db is not None and db.k8s_cluster:
            return {db.k8s_cluster} & set(self.k8s_clusters)
        if context:
            return {key for key, it in self.k8s_clusters.items() if it.context == context}
        homes = {
            other.k8s_cluster
            for other in self.db_servers.values()
            if namespace and other.k8s_namespace == namespace
        } & set(self.k8s_clusters)
        return homes or set(self.k8s_clusters)

    def _in(self, namespace: str, cluster: str) -> list[Database]:
        return [
            db
            for db in self.db_servers.values()
            if db.k8s_namespace == namespace and db.k8s_cluster in ("", cluster)
        ]

    def _cluster(self, id: str) -> Resource | None:  # noqa: A002 - likewise
        """A cluster as a whole, by its id."""
        cluster = self.k8s_clusters.get(id)
        if cluster is None:
            return None
        tags = cluster.tags | {REGISTERED}
        return Resource(type="kubernetes", name=id, tags=tags, sensitivity=cluster.sensitivity)


NOTHING = Inventory()


def parse(text: str) -> Inventory:
    """An inventory from JSON. Raises `InventoryRefused`."""
    try:
        said = json.loads(text, object_pairs_hook=_once)
        return Inventory.model_validate(said)
    except ValidationError as error:
        raise InventoryRefused("\n".join(_lines(error))) from None
    except RecursionError:
        raise InventoryRefused("it is nested too deeply") from None
    except json.JSONDecodeError as error:
        place = f"line {error.lineno} column {error.colno}"
        raise InventoryRefused(f"{place}: not JSON: {error.msg}") from None


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


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise InventoryRefused(f"the key {key!r} is there twice")
        found[key] = value
    return found


def _lines(error: ValidationError) -> Iterator[str]:
    for fault in error.errors(include_url=False, include_input=False):
        yield f"{'.'.join(str(part) for part in fault['loc']) or 'the file'}: {fault['msg']}"


def _place(connection: str) -> dict[str, str]:
    """Host, port and database name of a libpq string or URI; empty when it is none."""
    if "=" not in connection and "://" not in connection:
        return {}
    try:
        said = conninfo_to_dict(connection)
    except (psycopg.ProgrammingError, UnicodeError):
        return {}
    return {key: str(said.get(key) or usual) for key, usual in PLACE.items()}
