"""What the product looks after: the databases, clusters and machines of `HELPDESK_INFRA_CONFIG`.

A connection string is shown to nobody.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from itertools import chain
from typing import Annotated, Any

import psycopg
from psycopg.conninfo import conninfo_to_dict
from pydantic import AliasChoices, BaseModel, ConfigDict, Field, SecretStr

from governance.types import Resource

# Every resource that is in the inventory carries this tag, so that a policy can ask for it.
REGISTERED = "inventory"
LISTED = frozenset({"database", "kubernetes", "host"})  # types of resources that it can hold
# What identifies a database in a connection string, and what it is when it is not said.
PLACE = {"host": "localhost", "port": "5432", "dbname": ""}

Tags = Annotated[frozenset[str], Field(default_factory=frozenset)]


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", strict=False, hide_input_in_errors=True)

    name: str = ""


class Database(_Entry):
    """A PostgreSQL database; `password_env` names the variable its password is read from.

    `aliases` are other names it goes by: `name`, `host` or `host:port`. Changes are made as
    `operator_user`, where that is given.
    """

    connection_string: SecretStr = SecretStr("")
    aliases: tuple[str, ...] = ()
    k8s_cluster: str = ""
    k8s_namespace: str = ""
    vm_name: str = ""
    tags: Tags
    password_env: str = ""
    operator_user: str = ""
    operator_password_env: str = ""
    k8s_pod_selector: str = ""
    container_name: str = ""
    systemd_unit: str = ""
    sensitivity: Tags
    approval_override_roles: Tags

    @property
    def user(self) -> str:
        """The role that it is reached as; empty when the connection string does not say."""
        return user_of(self.connection_string.get_secret_value())

    @property
    def place(self) -> dict[str, str]:
        """Host, port and database name: what may be shown of the connection string."""
        return place_of(self.connection_string.get_secret_value())

    @property
    def reached_at(self) -> str:
        """The same in one word, with the role that changes are made as."""
        role = self.operator_user or self.user
        place = self.place
        return f"{role}@{place['host']}:{place['port']}/{place['dbname']}" if place else ""

    def is_at(self, place: Mapping[str, str]) -> bool:
        """Whether a place means this one; a place that names no database means any there."""
        own = self.place
        if place["dbname"] not in ("", own.get("dbname")):
            return False
        at = (place["host"], place["port"])
        return at in {(own.get("host"), own.get("port")), *map(self._address, self.aliases)}

    def _address(self, alias: str) -> tuple[str, str]:
        host, _, port = alias.partition(":")
        return host, port or self.place.get("port", PLACE["port"])


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
        """The id of the database that an id, an alias or a connection string means; None: of none.

        A connection string means the one with the same host, port and database name, and where
        several have those, the same user.
        """
        found = self.databases_called(reference)
        return found[0] if len(found) == 1 else None

    def databases_called(self, reference: str) -> list[str]:
        """The ids of the databases that a reference may mean."""
        if reference in self.db_servers:
            return [reference]
        called = [key for key, db in self.db_servers.items() if reference in db.aliases]
        place = place_of(reference)
        if called or not place:
            return called
        there = [key for key, db in self.db_servers.items() if db.is_at(place)]
        if len(there) == 1:
            return there
        exact = [key for key in there if self.db_servers[key].place == place] or there
        user = user_of(reference)
        return [k for k in exact if user and self.db_servers[k].user == user] or exact

    def databases_named(self, text: str) -> list[str]:
        """The ids of the databases whose id, alias or name stands in a text, in any case."""

        def stands(name: str) -> bool:
            word = rf"(?<![\w-]){re.escape(name)}(?![\w-])"
            return re.search(word, text, re.IGNORECASE) is not None

        return [
            key
            for key, db in self.db_servers.items()
            if any(stands(name) for name in (key, *db.aliases, db.name) if name)
        ]

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
            place=db.reached_at,
        )

    def kubernetes(self, namespace: str, *, context: str = "") -> Resource | None:
        """The resource for work in a namespace, which may be given as the id of a database there.

        Its tags are those of the database, else of the one that runs in the namespace, else of the
        cluster: that of `context`, or the only one. None when that leaves none, or several.
        """
        home = self.home(namespace, context=context)
        if home is None:
            return None
        db = self.db_servers.get(namespace)
        namespace, id = home  # noqa: A001 - what the file calls it
        owners = [db] if db else self._in(namespace, id)
        entries: list[Database | Cluster] = [*owners] or [self.k8s_clusters[id]]
        return Resource(
            type="kubernetes",
            name=namespace,
            namespace=namespace,
            tags=frozenset({REGISTERED}).union(*(entry.tags for entry in entries)),
            sensitivity=frozenset[str]().union(*(entry.sensitivity for entry in entries)),
            place=self._context(id),
        )

    def home(self, namespace: str, *, context: str = "") -> tuple[str, str] | None:
        """The namespace that is meant, and the id of the cluster it is in; see `kubernetes`.

        `context` may also be a cluster's id.
        """
        db = self.db_servers.get(namespace)
        if db and (db.k8s_cluster or db.k8s_namespace):
            namespace = db.k8s_namespace or "default"
        clusters = self._clusters(namespace if db is None else "", context, db)
        return (namespace, clusters.pop()) if len(clusters) == 1 else None

    def cluster(self, id: str) -> Resource | None:  # noqa: A002 - likewise
        """A cluster as a whole, by its id: as sensitive as what runs in it."""
        cluster = self.k8s_clusters.get(id)
        if cluster is None:
            return None
        return Resource(
            type="kubernetes",
            name=id,
            tags=cluster.tags | {REGISTERED},
            sensitivity=cluster.sensitivity.union(
                *(db.sensitivity for db in self.db_servers.values() if db.k8s_cluster == id)
            ),
            place=self._context(id),
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
                known = self.cluster(resource.name) or self.kubernetes(
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
        every = {
            key
            for key, it in self.k8s_clusters.items()
            if not context or context in (it.context, key)
        }
        if db is not None and db.k8s_cluster:
            return {db.k8s_cluster} & every
        if context:
            return every
        homes = {
            other.k8s_cluster
            for other in self.db_servers.values()
            if namespace and other.k8s_namespace == namespace
        } & set(self.k8s_clusters)
        return homes or every

    def _context(self, cluster: str) -> str:
        """Where a cluster is: its id, and the context of the kubeconfig that leads there."""
        found = self.k8s_clusters.get(cluster)
        return f"{cluster} ({found.context})" if found else cluster

    def _in(self, namespace: str, cluster: str) -> list[Database]:
        return [
            db
            for db in self.db_servers.values()
            if db.k8s_namespace == namespace and db.k8s_cluster in ("", cluster)
        ]


NOTHING = Inventory()


def place_of(connection: str) -> dict[str, str]:
    """Host, port and database name of a libpq string or URI; empty when it is none."""
    said = _said(connection)
    if not said:
        return {}
    found = {**said, "host": said.get("host") or said.get("hostaddr")}
    return {key: str(found.get(key) or usual) for key, usual in PLACE.items()}


def user_of(connection: str) -> str:
    """The role that a libpq string or URI names; empty when it names none."""
    return str(_said(connection).get("user") or "")


@lru_cache(256)  # every call of a tool asks several times
def _said(connection: str) -> Mapping[str, Any]:
    if "=" not in connection and "://" not in connection:
        return {}
    try:
        return conninfo_to_dict(connection)
    except (psycopg.ProgrammingError, UnicodeError):
        return {}
