"""Which cluster and namespace a call means: those that the inventory lists, while there is one."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Annotated, Final

from django.conf import settings
from pydantic import AfterValidator, Field

from agents.kubernetes import client
from agents.kubernetes.client import Cluster
from agents.runtime.tool import Arguments, NeedsPerson, ToolFailure
from aura.kernel.errors import Unavailable
from governance.helpdesk.resources import known
from governance.inventory import NOTHING, Inventory
from governance.types import Resource

ALL: Final = "all"  # every namespace
MOST_LISTED: Final = 20
_HOW: Final = "Add it to the file of HELPDESK_INFRA_CONFIG, as docs/clusters.md shows."
_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_LABEL: Final = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


def _name(value: str) -> str:
    """Refuses what no object can be called, e.g. with a quote or slash in it."""
    if value and not _NAME.fullmatch(value):
        raise ValueError(
            "is no name of a Kubernetes object: lower-case letters, digits, '-' and '.' only"
        )
    return value


Name = Annotated[str, Field(min_length=1, max_length=253), AfterValidator(_name)]
OptionalName = Annotated[str, Field(max_length=253), AfterValidator(_name)]
Selector = Annotated[
    str, Field(max_length=1000, pattern=r"^[A-Za-z0-9 ._/=!,()-]*$")
]  # a label selector; the server judges the rest


class ContextArguments(Arguments):
    """Base of every tool's arguments: which cluster is meant."""

    context: str = Field(
        default="",
        max_length=253,
        description="Cluster: its id in the inventory or its kubeconfig context. May be left out"
        " where one cluster is registered, or the namespace says it.",
    )


class NamespaceArguments(ContextArguments):
    """Base of the arguments of tools that work in one namespace."""

    namespace: str = Field(
        default="default",
        max_length=253,
        description="Namespace, or the id of a database of the inventory that runs in one.",
    )


class AnyNamespaceArguments(ContextArguments):
    """Base of the arguments of tools that can look into every namespace at once."""

    namespace: str = Field(
        default="default",
        max_length=253,
        description="Namespace, the id of a database of the inventory that runs in one, or 'all'.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where a call works. `namespace` is "" for all of them and for objects outside of any."""

    namespace: str
    context: str
    resource: Resource

    @property
    def label(self) -> str:
        """How people are told of it."""
        where = f"namespace {self.namespace}" if self.namespace else "the whole cluster"
        return f"{where} of {self.context}" if self.context else where

    def cluster(self) -> Cluster:
        """The connection. Raises `ClusterError` for a context that cannot be used."""
        return client.connect(settings.AURA.kubeconfig, self.context)


def in_namespace(namespace: str, context: str) -> Target:
    """The target of a namespace, of a database's id, or of `all`. Raises `ToolFailure`."""
    if namespace == ALL:
        return whole_cluster(context)
    inventory = registered()
    if inventory == NOTHING:
        name = _label(namespace)
        resource = Resource(type="kubernetes", name=name, namespace=name)
        return Target(namespace=name, context=_usual(context), resource=resource)
    home = inventory.home(namespace, context=context)
    judged = inventory.kubernetes(namespace, context=context)
    if home is None or judged is None:
        raise _unknown(inventory, f"namespace {namespace[:100]!r}", context)
    name, id = home  # noqa: A001 - what the inventory calls it
    return Target(
        namespace=_label(name),
        context=inventory.k8s_clusters[id].context,
        resource=judged,
    )


def whole_cluster(context: str) -> Target:
    """The target of everything in a cluster, nodes included. Raises `ToolFailure`."""
    inventory = registered()
    if inventory == NOTHING:
        name = _usual(context)
        resource = Resource(type="kubernetes", name=name or "cluster")
        return Target(namespace="", context=name, resource=resource)
    home = inventory.home("", context=context)
    judged = inventory.cluster(home[1]) if home else None
    if home is None or judged is None:
        raise _unknown(inventory, "the cluster", context)
    return Target(namespace="", context=inventory.k8s_clusters[home[1]].context, resource=judged)


def node_from_namespace(namespace: str, context: str) -> Target:
    """The target of work on a node by a pod in a namespace: a rule for either is a rule for it.
    Raises `ToolFailure`.
    """
    whole = whole_cluster(context)
    there = in_namespace(namespace, whole.context)
    resource = replace(
        whole.resource,
        namespace=there.namespace,
        tags=whole.resource.tags | there.resource.tags,
        sensitivity=whole.resource.sensitivity | there.resource.sensitivity,
    )
    return replace(there, context=whole.context, resource=resource)


def registered() -> Inventory:
    """The inventory. Raises `NeedsPerson` while it cannot be read."""
    try:
        return known()
    except Unavailable:
        raise NeedsPerson(
            "The inventory cannot be read, so no cluster is known: `manage.py doctor` says what is"
            " wrong with the file of HELPDESK_INFRA_CONFIG."
        ) from None


def _usual(context: str) -> str:
    return context or str(settings.AURA.k8s_context)


def _label(namespace: str) -> str:
    if not _LABEL.fullmatch(namespace):
        raise ToolFailure(
            f"{namespace[:100]!r} is no namespace: those have lower-case letters, digits and '-'."
        )
    return namespace


def _unknown(inventory: Inventory, what: str, context: str) -> ToolFailure:
    """Refuses what is not registered, and says what is."""
    clusters = [
        f"{key} (context {cluster.context})" if cluster.context else key
        for key, cluster in inventory.k8s_clusters.items()
    ]
    known_ones = f"Registered clusters: {_listed(clusters)}."
    hosted = [key for key, db in inventory.db_servers.items() if db.k8s_cluster or db.k8s_namespace]
    if hosted:
        known_ones += f" Databases in a cluster: {_listed(hosted)}."
    if len(clusters) > 1 and not context:
        return ToolFailure(
            f"access denied: {what} may be in any of several clusters, and none of them is"
            f" registered for it. Say which in context. {known_ones}"
        )
    where = f" in context {context[:100]!r}" if context else ""
    return ToolFailure(f"access denied: {what}{where} is not registered. {known_ones} {_HOW}")


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - MOST_LISTED} more" if len(names) > MOST_LISTED else ""
    return f"{', '.join(names[:MOST_LISTED])}{more}" if names else "none"
