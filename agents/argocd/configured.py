"""Argo CD as the settings name it."""

from __future__ import annotations

from agents.argocd.desk import Desk
from aura.config import Settings


def desk(config: Settings) -> Desk | None:
    """The way to Argo CD; None where none is configured."""
    if config.argocd_server:
        from agents.argocd.rest import Rest  # noqa: PLC0415 - only where it is used

        return Rest(config.argocd_server, config.argocd_token)
    if config.argocd_context:
        from agents.argocd.kube import Kube  # noqa: PLC0415 - likewise
        from agents.kubernetes import client  # noqa: PLC0415

        cluster = client.connect(config.kubeconfig, config.argocd_context)
        return Kube(cluster, namespace=config.argocd_namespace)
    return None
