"""The reads behind `/api/cluster/*` and `/api/argo/*` of Aura's own port.

An agent that nobody can ask a question and that no list shows: its tools are called directly, by a
worker, judged and logged like every other call.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final, cast

from django.conf import settings

from agents.argocd import configured
from agents.argocd.desk import Desk
from agents.argocd.state import Application
from agents.argocd.tools import argo_tools
from agents.argocd.watched import Watched
from agents.definition import HelpdeskAgent
from agents.kubernetes.client import Cluster
from agents.kubernetes.kinds import NAMESPACE, Object
from agents.kubernetes.listing import Row, answer
from agents.kubernetes.making import cluster_of_call, look
from agents.kubernetes.reading import age_of, name_of, part, text
from agents.kubernetes.targets import ContextArguments
from agents.kubernetes.tools import kubernetes_tools
from agents.runtime.tool import Tool, ToolFailure, ToolResult
from aura.config import Settings

NAME: Final = "lookout"
OF_CLUSTER: Final = ("get_pods", "get_service", "get_deployments", "get_events")
OF_ARGO: Final = ("argo_app_list", "argo_app_get")
NOT_CONFIGURED: Final = (
    "Argo CD is not configured: set AURA_ARGOCD_SERVER and AURA_ARGOCD_TOKEN, or"
    " AURA_ARGOCD_CONTEXT"
)


def lookout_tools() -> list[Tool]:
    """What may be asked for; reads alone."""
    argo = argo_tools(Watched(desk=cast("Desk", _Argo())))  # the rest of it is for other tools
    return [
        look(
            "get_namespaces",
            "List the namespaces of a cluster.",
            ContextArguments,
            get_namespaces,
            locate=cluster_of_call,
        ),
        *(tool for tool in kubernetes_tools() if tool.name in OF_CLUSTER),
        *(tool for tool in argo if tool.name in OF_ARGO),
    ]


def get_namespaces(arguments: ContextArguments, cluster: Cluster, namespace: str) -> ToolResult:
    """`{namespaces: […], count, message?}`"""
    del arguments, namespace
    columns = {"NAME": "name", "STATUS": "phase", "AGE": "age"}
    found = cluster.list(NAMESPACE)
    return answer("namespaces", found, _row, columns=columns, empty="No namespaces found.")


def _row(namespace: Object) -> Row:
    return {
        "name": name_of(namespace),
        "phase": text(namespace, "status", "phase"),
        "age": age_of(namespace),
        "labels": part(namespace, "metadata", "labels"),
    }


class _Argo:
    """Argo CD as it is configured when it is asked."""

    def applications(self) -> Sequence[Application]:
        return _desk().applications()

    def get(self, name: str, *, refresh: bool = False) -> Application:
        del refresh  # whoever only looks makes Argo CD do nothing
        return _desk().get(name)


def _desk() -> Desk:
    found = _configured(settings.AURA)
    if found is None:
        raise ToolFailure(NOT_CONFIGURED)
    return found


@lru_cache(maxsize=2)
def _configured(config: Settings) -> Desk | None:
    """Its connection is kept while the settings are the same."""
    return configured.desk(config)


AGENT: Final = HelpdeskAgent(
    name=NAME,
    family="",
    title="Lookout",
    description="Reads of clusters and Argo CD for the API.",
    instructions="",
    tools=lookout_tools,
    calls_for=lambda _: (),
    port_index=0,
)
